"""``Predictor``: words or text in, spans out. All scoring, in training and after it, goes through here."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from tqdm import tqdm

from nomina.data.records import Sentence, Span
from nomina.data.tags import Scheme
from nomina.data.text import sentence as sentence_of_text
from nomina.encoding.batches import collate, sorted_batches
from nomina.encoding.decode import spans_of, tags_of
from nomina.encoding.tokenizers import WordPieces, load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import Windows, encode
from nomina.errors import ModelError
from nomina.model import Tagger, TaggerConfig, quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Prediction", "Predictor", "choose_device"]

_DEFAULT_LIMIT = 512
_UNSET_LENGTH = 1_000_000  # transformers writes 1e30 where a tokenizer names no limit


@dataclass(frozen=True)
class Prediction:
    """What the model says of one sentence.

    Attributes:
        sentence: The input.
        labels: One entity tag per word, in the model's scheme.
        spans: The entities, with scores.
    """

    sentence: Sentence
    labels: tuple[str, ...]
    spans: tuple[Span, ...]

    def text_of(self, span: Span) -> str:
        """The words of a span: as they stand in the text where that is known, else joined by spaces."""
        if self.sentence.text is not None and span.start_char is not None:
            return self.sentence.text[span.start_char : span.end_char]
        return " ".join(self.sentence.words[span.start : span.end])


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


def _load_model(folder: str, trust_remote_code: bool) -> Tagger:
    try:
        with quiet_transformers():
            kind = TaggerConfig.get_config_dict(folder)[0].get("model_type")
            if kind != TaggerConfig.model_type:
                raise ModelError(
                    f"expected a model folder that nomina train wrote, found a model of type {kind!r} in {folder!r}"
                )
            config = TaggerConfig.from_pretrained(folder)
            loaded: Any = Tagger.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                trust_remote_code=trust_remote_code,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"the model in {folder!r} cannot be loaded: {error}") from error
    model: Tagger = loaded[0]
    missing = sorted(loaded[1]["missing_keys"])
    if missing:  # transformers would go on with random ones
        raise ModelError(f"the weights in {folder!r} lack {len(missing)} parameters, such as {missing[0]!r}")
    return model


class Predictor:
    """A tagger with its tokenizer and vocabularies.

    Args:
        model: The tagger.
        tokenizer: Its encoder's fast tokenizer, from :func:`nomina.encoding.tokenizers.load_tokenizer`.
        batch_pieces: Word pieces per batch, padding included; 1 or more. Bounds memory.
    """

    def __init__(self, model: Tagger, tokenizer: PreTrainedTokenizerBase, *, batch_pieces: int = 4096) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.batch_pieces = batch_pieces
        self.word_pieces = WordPieces(tokenizer)
        config = model.config
        self.labels = Vocabulary(tuple(config.labels))
        self.scheme = Scheme(config.scheme)
        self.features = {f["name"]: Vocabulary(tuple(f["values"]), unknown=0) for f in config.features}
        limits = (config.max_pieces or None, model.encoder_limit, int(min(tokenizer.model_max_length, _UNSET_LENGTH)))
        self.max_pieces = min(n for n in limits if n is not None)
        if self.max_pieces >= _UNSET_LENGTH:
            self.max_pieces = _DEFAULT_LIMIT

    def __repr__(self) -> str:
        features = ", ".join(self.features) or "none"
        types = ", ".join(sorted({label[2:] for label in self.labels if label != "O"}))
        encoder = self.model.config.encoder_name or self.model.config.encoder["model_type"]
        return f"Predictor(encoder={encoder!r}, features={features}, types={types}, device={self.model.device})"

    @classmethod
    def load(
        cls, folder: str | Path, *, device: str = "auto", batch_pieces: int = 4096, trust_remote_code: bool = False
    ) -> Predictor:
        """Open a model folder.

        Args:
            folder: What ``nomina train`` wrote.
            device: As for :func:`choose_device`.
            batch_pieces: Word pieces per batch.
            trust_remote_code: Whether an encoder may bring its own code.

        Raises:
            ModelError: If the folder is missing or incomplete, or holds another kind of model.
        """
        path = Path(folder)
        for name in ("config.json", "model.safetensors"):
            if not (path / name).is_file():
                raise ModelError(
                    f"expected a model folder with {name}, found none in {str(path)!r}; "
                    "give the folder that nomina train wrote (an interrupted run continues with --resume)"
                )
        model = _load_model(str(path), trust_remote_code)
        tokenizer = load_tokenizer(str(path), trust_remote_code=trust_remote_code)
        model.to(choose_device(device))  # type: ignore[arg-type]
        model.eval()  # type: ignore[no-untyped-call]
        return cls(model, tokenizer, batch_pieces=batch_pieces)

    def save(self, folder: str | Path) -> None:
        """Write ``config.json``, ``model.safetensors`` and the tokenizer's files."""
        with quiet_transformers():
            self.model.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        # The weights come out readable for their owner alone; let them follow the umask like everything else.
        shutil.copymode(Path(folder) / "config.json", Path(folder) / "model.safetensors")

    def encode(self, sentences: Sequence[Sentence]) -> Windows:
        """Encode sentences for this model, with their labels where they have any that the model knows."""
        return encode(
            sentences, self.word_pieces, max_pieces=self.max_pieces, features=self.features, labels=self.labels
        )

    def label(
        self, windows: Windows, *, progress: bool = False
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Best label of every word.

        Args:
            windows: From :meth:`encode`.
            progress: Whether to draw a progress bar (on a terminal).

        Returns:
            ids: int64 [n_words].
            probabilities: Softmax probability of that label, float32 [n_words].
        """
        ids = np.zeros(windows.n_words, dtype=np.int64)
        probabilities = np.zeros(windows.n_words, dtype=np.float32)
        was_training = self.model.training
        self.model.eval()  # type: ignore[no-untyped-call]
        bar = tqdm(
            total=windows.n_words, unit=" words", desc="predict", disable=None if progress else True, leave=False
        )
        with torch.inference_mode(), bar:
            for indices in sorted_batches(windows.lengths, self.batch_pieces):
                best, probability = self._label_batch(windows, indices)
                for row, (start, _, first, last) in enumerate(windows.spans[indices].tolist()):
                    ids[first:last] = best[row, first - start : last - start]
                    probabilities[first:last] = probability[row, first - start : last - start]
                    bar.update(last - first)
        self.model.train(was_training)
        return ids, probabilities

    def _label_batch(
        self, windows: Windows, indices: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        batch = collate(windows, indices)
        device = self.model.device
        logits = self.model(
            input_ids=batch["input_ids"].to(device),
            attention_mask=batch["attention_mask"].to(device),
            first_pieces=batch["first_pieces"].to(device),
            feature_ids=batch["feature_ids"].to(device),
        ).logits
        probability, best = logits.float().softmax(-1).max(-1)
        return best.cpu().numpy(), probability.cpu().numpy()

    def tags(self, windows: Windows, *, progress: bool = False) -> list[tuple[str, ...]]:
        """Entity tags of every sentence that was encoded."""
        ids, _ = self.label(windows, progress=progress)
        return tags_of(ids, self.labels.values, windows.sentence_offsets)

    @overload
    def predict(
        self, inputs: str, *, features: Mapping[str, Sequence[str]] | None = None, progress: bool = False
    ) -> Prediction: ...
    @overload
    def predict(
        self, inputs: Sentence, *, features: Mapping[str, Sequence[str]] | None = None, progress: bool = False
    ) -> Prediction: ...
    @overload
    def predict(
        self,
        inputs: Iterable[str] | Iterable[Sentence] | Iterable[Sequence[str]],
        *,
        features: Mapping[str, Sequence[str]] | None = None,
        progress: bool = False,
    ) -> Prediction | list[Prediction]: ...
    def predict(
        self,
        inputs: str | Sentence | Iterable[str] | Iterable[Sentence] | Iterable[Sequence[str]],
        *,
        features: Mapping[str, Sequence[str]] | None = None,
        progress: bool = False,
    ) -> Prediction | list[Prediction]:
        """Find the entities of one sentence or of many.

        Args:
            inputs: One sentence as text, as a list of words or as a :class:`Sentence`; or many, as a corpus, sentences
                or lists of words. A list of strings is the words of *one* sentence. Text is cut into words as the Penn
                Treebank does.
            features: Token features of one sentence given as words or text, such as ``{"pos": ["NNP", "VBD"]}``. What
                is missing counts as unknown.
            progress: Whether to draw a progress bar (on a terminal).

        Returns:
            One :class:`Prediction` for one sentence, a list in input order for many.

        Raises:
            ModelError: If a feature was given that the model does not read, with another number of values than words,
                or for many sentences at once.
        """
        given = {name: tuple(values) for name, values in (features or {}).items()}
        if isinstance(inputs, str):
            return self._predict([self._with_features(sentence_of_text(inputs), given)], progress)[0]
        if isinstance(inputs, Sentence):
            return self._predict([self._with_features(inputs, given)], progress)[0]
        items: list[str | Sentence | Sequence[str]] = list(inputs)
        if items and all(isinstance(item, str) for item in items):
            words = Sentence(tuple(item for item in items if isinstance(item, str)))
            return self._predict([self._with_features(words, given)], progress)[0]
        if given:
            raise ModelError("features= goes with one sentence; for many, give Sentence objects that carry theirs")
        if any(isinstance(item, str) for item in items):
            raise ModelError("expected words of one sentence or many sentences, found strings among sentences")
        sentences = [item if isinstance(item, Sentence) else Sentence(tuple(item)) for item in items]
        return self._predict(sentences, progress)

    def _with_features(self, sentence: Sentence, features: dict[str, tuple[str, ...]]) -> Sentence:
        unread = sorted(set(features) - set(self.features))
        if unread:
            known = ", ".join(self.features) or "none"
            raise ModelError(f"this model reads the token features: {known}; found {', '.join(unread)}")
        for name, values in features.items():
            if len(values) != len(sentence):
                raise ModelError(f"expected {len(sentence)} values of {name!r}, one per word, found {len(values)}")
        if not features:
            return sentence
        return replace(sentence, features={**sentence.features, **features})

    def _predict(self, sentences: list[Sentence], progress: bool) -> list[Prediction]:
        windows = self.encode(sentences)
        ids, probabilities = self.label(windows, progress=progress)
        tags = tags_of(ids, self.labels.values, windows.sentence_offsets)
        bounds = windows.sentence_offsets.tolist()
        return [
            Prediction(s, t, spans_of(s, t, self.scheme, probabilities[a:b]))
            for s, t, a, b in zip(sentences, tags, bounds, bounds[1:], strict=False)
        ]
