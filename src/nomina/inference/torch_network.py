"""The network as torch computes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError

from nomina.encoding.arrays import BatchArrays
from nomina.encoding.tokenizers import load_tokenizer, word_pieces_of
from nomina.encoding.word_pieces import piece_limit
from nomina.errors import ModelError
from nomina.inference.network import Loaded, WordScores
from nomina.model import CRFHead, Tagger, TaggerConfig, cpu_attention, quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["TorchNetwork", "choose_device", "load_torch", "loaded"]

_AT_WORK = RLock()  # how many threads torch uses is a setting of the process
_INPUTS = ("input_ids", "attention_mask", "first_pieces", "feature_ids")


class TorchNetwork:
    """A tagger with its tokenizer.

    Args:
        model: The tagger.
        tokenizer: Its encoder's fast tokenizer, from :func:`nomina.encoding.tokenizers.load_tokenizer`.
    """

    def __init__(self, model: Tagger, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model
        self.tokenizer = tokenizer

    @property
    def settings(self) -> TaggerConfig:
        """The tagger's configuration."""
        return self.model.config

    @property
    def device(self) -> str:
        """Where the tagger lies."""
        return str(self.model.device)

    @property
    def borders(self) -> npt.NDArray[np.float32] | None:
        """The CRF's, float32 [L + 1, L + 1]; ``None`` without one."""
        head = self.model.head
        return head.borders.detach().float().cpu().numpy() if isinstance(head, CRFHead) else None

    @property
    def has_tag_head(self) -> bool:
        """Whether there is a joint head."""
        return self.model.tag_head is not None

    @property
    def batch_pieces(self) -> int:
        """On a CPU as much as its caches take well, on a GPU enough to keep it busy."""
        return 2048 if self.model.device.type == "cpu" else 16_384

    @property
    def n_threads(self) -> int:
        """One batch for each of torch's threads: these wait less for one another than within one product."""
        return torch.get_num_threads() if self.model.device.type == "cpu" else 1

    @contextmanager
    def at_work(self, n_threads: int) -> Iterator[None]:
        """Without dropout, with the attention that a CPU computes fast, with one thread for each batch."""
        with _AT_WORK:
            was_training, n_before = self.model.training, torch.get_num_threads()
            self.model.eval()  # type: ignore[no-untyped-call]
            try:
                if n_threads > 1:
                    torch.set_num_threads(1)
                with cpu_attention(self.model):
                    yield
            finally:
                torch.set_num_threads(n_before)
                self.model.train(was_training)

    def score(self, batch: BatchArrays) -> WordScores:
        """Score the words of one batch."""
        device = self.model.device
        with torch.inference_mode():
            output = self.model(**{name: torch.from_numpy(batch[name]).to(device) for name in _INPUTS})  # type: ignore[literal-required]
        tags = None if output.tag_logits is None else output.tag_logits.argmax(-1).cpu().numpy()
        return WordScores(output.logits.float().cpu().numpy(), tags)

    def save(self, folder: str) -> None:
        """Write ``config.json``, ``model.safetensors`` and the tokenizer's files."""
        with quiet_transformers():
            self.model.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        # The weights come out readable for their owner alone; let them follow the umask like everything else.
        shutil.copymode(Path(folder) / "config.json", Path(folder) / "model.safetensors")


def choose_device(name: str = "auto") -> torch.device:
    """The device to compute on.

    Args:
        name: A torch device, or ``"auto"``: the first GPU where there is one, else the CPU.
    """
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def loaded(model: Tagger, tokenizer: PreTrainedTokenizerBase) -> Loaded:
    """A tagger and its tokenizer, ready for a predictor.

    Args:
        model: The tagger.
        tokenizer: Its encoder's fast tokenizer.
    """
    max_pieces = piece_limit(model.config.max_pieces, model.encoder_limit, tokenizer.model_max_length)
    return Loaded(TorchNetwork(model, tokenizer), word_pieces_of(tokenizer), max_pieces)


def load_torch(folder: str, *, device: str = "auto", trust_remote_code: bool = False) -> Loaded:
    """Open a folder with ``model.safetensors``.

    Args:
        folder: What ``nomina train`` wrote.
        device: As for :func:`choose_device`.
        trust_remote_code: Whether an encoder may bring its own code.

    Raises:
        EncoderError: If the tokenizer cannot be loaded.
        ModelError: If the model cannot.
    """
    model = _load_model(folder, trust_remote_code)
    tokenizer = load_tokenizer(folder, trust_remote_code=trust_remote_code)
    model.to(choose_device(device))  # type: ignore[arg-type]
    model.eval()  # type: ignore[no-untyped-call]
    return loaded(model, tokenizer)


def _load_model(folder: str, trust_remote_code: bool) -> Tagger:
    try:
        with quiet_transformers():
            kind = TaggerConfig.get_config_dict(folder)[0].get("model_type")
            if kind != TaggerConfig.model_type:
                raise ModelError(
                    f"expected a model folder that nomina train wrote, found a model of type {kind!r} in {folder!r}"
                )
            config = TaggerConfig.from_pretrained(folder)
            found: Any = Tagger.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                trust_remote_code=trust_remote_code,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"the model in {folder!r} cannot be loaded: {error}") from error
    model: Tagger = found[0]
    missing = sorted(found[1]["missing_keys"])
    if missing:  # transformers would go on with random ones
        raise ModelError(f"the weights in {folder!r} lack {len(missing)} parameters, such as {missing[0]!r}")
    return model
