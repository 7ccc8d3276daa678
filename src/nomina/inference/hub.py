"""Models on the hub: a folder goes there as it is, and its hub id stands for it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nomina.encoding.hub import why_unreachable
from nomina.errors import ModelError, OutputError

__all__ = ["find_model", "push"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
# What no model needs to be used: sentences of the corpus, pictures, states of the optimizer, weights as pickles.
_NOT_FETCHED = ("*.jsonl", "*.html", "figures/*", "checkpoints/*", "*.bin", "*.pt", "*.pth", "*.pkl")
_NOT_PUSHED = ("checkpoints/*", ".*", "*/.*")


def find_model(name: str | Path) -> Path:
    """Find the folder of a model; that of a hub id is fetched into the hub's cache, or renewed there.

    Args:
        name: A folder, or a hub id such as ``"me/my-ner"``. A folder of that name always wins.

    Returns:
        The folder. Whether a model is in it is not looked at; what is no hub id is returned as it is.

    Raises:
        ModelError: If the hub does not know the id, or cannot be reached and the model is not in the cache; or if a
            folder has the name of the owner, but none of the model in it.
    """
    folder = Path(name).expanduser()
    if folder.is_dir() or not _HUB_ID.fullmatch(str(name)):
        return folder
    if folder.parent.is_dir():  # a slip in the name of a folder is nobody else's business
        raise ModelError(
            f"expected a model folder, found no {folder.name!r} in the folder {str(folder.parent)!r}; for a hub id, "
            "work where there is no such folder"
        )
    reason = why_unreachable()
    try:
        return _snapshot(str(name), offline=reason is not None)
    except Exception as error:  # of whichever library the hub's client speaks HTTP with
        shown = str(error).strip().splitlines() or [type(error).__name__]
        if reason is None:
            message = (
                f"expected a model folder or a hub id, found no folder {str(name)!r}, and the hub said: {shown[0]}"
            )
        else:
            message = f"model {str(name)!r} is no folder and not in the local cache, and {reason}"
        raise ModelError(f"{message}; {_ways_out()}") from error


def _snapshot(hub_id: str, *, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    with _bars_on_terminals_only():
        return Path(snapshot_download(hub_id, local_files_only=offline, ignore_patterns=list(_NOT_FETCHED)))


@contextmanager
def _bars_on_terminals_only() -> Iterator[None]:
    import huggingface_hub.utils

    bars: Any = huggingface_hub.utils  # which finds its names on first use
    if sys.stderr.isatty() or bars.are_progress_bars_disabled():
        yield
        return
    bars.disable_progress_bars()
    try:
        yield
    finally:
        bars.enable_progress_bars()


def _ways_out() -> str:
    return (
        "give the folder that nomina train wrote, the hub id of a model that you may read (a private one needs a "
        "token: HF_TOKEN, or hf auth login), or fill the cache on a machine with network (hf download ID) and copy it "
        "here (HF_HOME)"
    )


def push(
    folder: Path,
    hub_id: str,
    *,
    private: bool = True,
    token: str | None = None,
    message: str = "Add a model that nomina trained",
    ignore: Sequence[str] = (),
) -> str:
    """Put a model folder on the hub, in one commit or more; the repository is made where there is none.

    Args:
        folder: The folder; all of it goes, but checkpoints and hidden files.
        hub_id: Where to, such as ``"me/my-ner"``.
        private: Whether only those you name may see a repository that is made; one that is there stays as it is.
        token: Of the hub; by default HF_TOKEN, or what ``hf auth login`` stored.
        message: Of the commit.
        ignore: Files that stay here, as patterns such as ``"*.jsonl"``.

    Returns:
        The address of the repository.

    Raises:
        OutputError: If the hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi

    reason = why_unreachable()
    if reason is not None:
        raise OutputError(f"cannot push to {hub_id!r}: {reason}")
    api = HfApi(token=token)
    try:
        address = api.create_repo(hub_id, private=private, exist_ok=True)
        with _bars_on_terminals_only():
            api.upload_folder(
                repo_id=address.repo_id,
                folder_path=folder,
                commit_message=message,
                ignore_patterns=[*_NOT_PUSHED, *ignore],
            )
    except Exception as error:  # of whichever library the hub's client speaks HTTP with
        raise OutputError(
            f"cannot push to {hub_id!r}: {error}; check the name and the token, which must be one that may write "
            "(HF_TOKEN, or hf auth login)"
        ) from error
    return str(address)
