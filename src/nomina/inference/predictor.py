"""``Predictor``: words or text in, spans out. All scoring, in training and after it, goes through here."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from safetensors import SafetensorError

from nomina.data.records import MISSING, Note, Sentence, Span
from nomina.data.tags import Scheme
from nomina.data.tagsets import POS, differ, tag_set
from nomina.data.text import sentence as sentence_of_text
from nomina.encoding.decode import spans_of, tags_of
from nomina.encoding.tokenizers import WordPieces, load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import Windows, encode
from nomina.errors import ModelError
from nomina.inference.labelling import Labelled, label_words
from nomina.inference.tag_sources import has_tags, tag_missing, tag_source, with_tags
from nomina.model import Tagger, TaggerConfig, quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Prediction", "Predictor", "TagUse", "choose_device"]

TagUse = Literal["auto", "source", "none"]
"""Which part-of-speech tags to read: the input's and the model's source where it has none; the source's throughout; or
none at all."""

_DEFAULT_LIMIT = 512
_UNSET_LENGTH = 1_000_000  # transformers writes 1e30 where a tokenizer names no limit


@dataclass(frozen=True)
class Prediction:
    """What the model says of one sentence.

    Attributes:
        sentence: The input.
        labels: One entity tag per word, in the model's scheme.
        spans: The entities, with scores: calibrated probabilities, where the model has a temperature.
        pos: The part-of-speech tags that the model read, or that its joint head found where it read none; ``None`` for
            a model without that feature, or where there were none.
    """

    sentence: Sentence
    labels: tuple[str, ...]
    spans: tuple[Span, ...]
    pos: tuple[str, ...] | None = None

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
        self.folder: Path | None = None
        """Where it was loaded from."""
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
        predictor = cls(model, tokenizer, batch_pieces=batch_pieces)
        predictor.folder = path
        return predictor

    def save(self, folder: str | Path) -> None:
        """Write ``config.json``, ``model.safetensors`` and the tokenizer's files."""
        with quiet_transformers():
            self.model.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        # The weights come out readable for their owner alone; let them follow the umask like everything else.
        shutil.copymode(Path(folder) / "config.json", Path(folder) / "model.safetensors")

    @property
    def pos_source(self) -> str:
        """Where part-of-speech tags come from if the input has none: ``"none"``, ``"joint"`` or ``"spacy:…"``."""
        return self.model.config.pos_source if POS in self.features else "none"

    @property
    def span_temperature(self) -> float:
        """What calibrates the scores of spans, above 0; 1 leaves them as they are. Set, it is saved with the model.

        Raises:
            ValueError: On setting a number that is not above 0.
        """
        return self.model.config.span_temperature

    @span_temperature.setter
    def span_temperature(self, temperature: float) -> None:
        if not 0 < temperature < float("inf"):
            raise ValueError(f"expected a temperature above 0, found {temperature}")
        self.model.config.span_temperature = float(temperature)

    def with_pos(
        self, sentences: Sequence[Sentence], tags: TagUse = "auto", *, progress: bool = False
    ) -> Sequence[Sentence]:
        """The sentences with the part-of-speech tags that the model shall read.

        Args:
            sentences: What to label.
            tags: Which tags.
            progress: Whether to draw a progress bar (on a terminal) while a pipeline tags.

        Raises:
            ModelError: If the tags of the input are of another tag set than the model's.
        """
        if POS not in self.features:
            return sentences
        if tags != "auto":
            sentences = [with_tags(sentence, None) for sentence in sentences]
        self._check_tag_set(sentences, "the input")
        source = tag_source(self.pos_source) if tags != "none" else None
        if source is None or all(map(has_tags, sentences)):
            return sentences
        tagged = tag_missing(source, sentences, progress=progress)
        self._check_tag_set(
            [new for old, new in zip(sentences, tagged, strict=True) if new is not old], self.pos_source
        )
        return tagged

    def notes(self, sentences: Sequence[Sentence]) -> list[Note]:
        """What an input lacks that the model would read, and what takes its place."""
        notes = []
        n_bare = sum(not has_tags(sentence) for sentence in sentences if len(sentence))
        if POS in self.features and n_bare:
            taken = {"none": "they count as unknown", "joint": "the model finds them itself"}
            place = taken.get(self.pos_source, f"they come from {self.pos_source}")
            notes.append(Note("no_tags", f"{n_bare:,} of {len(sentences):,} sentences have no tags: {place}", n_bare))
        is_marked = any(sentence.document is not None for sentence in sentences)
        if self.model.config.context == "document" and not is_marked:
            notes.append(Note("no_documents", "no documents are marked: each sentence is read by itself"))
        return notes

    def _check_tag_set(self, sentences: Sequence[Sentence], origin: str) -> None:
        known = self.features[POS].values[1:]
        found = {tag for sentence in sentences for tag in sentence.features.get(POS, ())} - {MISSING}
        if not differ(known, found):
            return
        sets = [
            f"{', '.join(list(tags)[:8])} … ({tag_set(tags) or 'unknown tag set'})" for tags in (known, sorted(found))
        ]
        raise ModelError(
            f"expected part-of-speech tags as in training: {sets[0]}, found in {origin}: {sets[1]}; give tags of the "
            "first kind (--columns, --upos), or predict without those that are there (nomina predict --tags source or "
            "none, tags= in Python)"
        )

    def encode(self, sentences: Sequence[Sentence]) -> Windows:
        """Encode sentences for this model, with their labels where they have any that the model knows."""
        return encode(
            sentences,
            self.word_pieces,
            max_pieces=self.max_pieces,
            features=self.features,
            labels=self.labels,
            document_context=self.model.config.context == "document",
        )

    def label(self, windows: Windows, *, progress: bool = False) -> Labelled:
        """Best label of every word.

        Args:
            windows: From :meth:`encode`.
            progress: Whether to draw a progress bar (on a terminal).
        """
        return label_words(
            self.model,
            windows,
            labels=self.labels.values,
            scheme=self.scheme,
            batch_pieces=self.batch_pieces,
            progress=progress,
        )

    def tags(self, windows: Windows, *, progress: bool = False) -> list[tuple[str, ...]]:
        """Entity tags of every sentence that was encoded."""
        ids = self.label(windows, progress=progress).ids
        return tags_of(ids, self.labels.values, windows.sentence_offsets)

    @overload
    def predict(
        self,
        inputs: str,
        *,
        features: Mapping[str, Sequence[str]] | None = None,
        tags: TagUse = "auto",
        progress: bool = False,
    ) -> Prediction: ...
    @overload
    def predict(
        self,
        inputs: Sentence,
        *,
        features: Mapping[str, Sequence[str]] | None = None,
        tags: TagUse = "auto",
        progress: bool = False,
    ) -> Prediction: ...
    @overload
    def predict(
        self,
        inputs: Iterable[str] | Iterable[Sentence] | Iterable[Sequence[str]],
        *,
        features: Mapping[str, Sequence[str]] | None = None,
        tags: TagUse = "auto",
        progress: bool = False,
    ) -> Prediction | list[Prediction]: ...
    def predict(
        self,
        inputs: str | Sentence | Iterable[str] | Iterable[Sentence] | Iterable[Sequence[str]],
        *,
        features: Mapping[str, Sequence[str]] | None = None,
        tags: TagUse = "auto",
        progress: bool = False,
    ) -> Prediction | list[Prediction]:
        """Find the entities of one sentence or of many.

        Args:
            inputs: One sentence as text, as a list of words or as a :class:`Sentence`; or many, as a corpus, sentences
                or lists of words. A list of strings is the words of *one* sentence. Text is cut into words as the Penn
                Treebank does.
            features: Token features of one sentence given as words or text, such as ``{"pos": ["NNP", "VBD"]}``. What
                is missing counts as unknown.
            tags: Which part-of-speech tags to read: by default those given, and where there are none, those of the
                model's source.
            progress: Whether to draw a progress bar (on a terminal).

        Returns:
            One :class:`Prediction` for one sentence, a list in input order for many.

        Raises:
            ModelError: If a feature was given that the model does not read, with another number of values than words,
                or for many sentences at once; or if part-of-speech tags are of another tag set than in training.
        """
        given = {name: tuple(values) for name, values in (features or {}).items()}
        if isinstance(inputs, str):
            return self._predict([self._with_features(sentence_of_text(inputs), given)], tags, progress)[0]
        if isinstance(inputs, Sentence):
            return self._predict([self._with_features(inputs, given)], tags, progress)[0]
        items: list[str | Sentence | Sequence[str]] = list(inputs)
        if items and all(isinstance(item, str) for item in items):
            words = Sentence(tuple(item for item in items if isinstance(item, str)))
            return self._predict([self._with_features(words, given)], tags, progress)[0]
        if given:
            raise ModelError("features= goes with one sentence; for many, give Sentence objects that carry theirs")
        if any(isinstance(item, str) for item in items):
            raise ModelError("expected words of one sentence or many sentences, found strings among sentences")
        sentences = [item if isinstance(item, Sentence) else Sentence(tuple(item)) for item in items]
        return self._predict(sentences, tags, progress)

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

    def _predict(self, sentences: list[Sentence], tags: TagUse, progress: bool) -> list[Prediction]:
        read = self.with_pos(sentences, tags, progress=progress)
        windows = self.encode(read)
        labelled = self.label(windows, progress=progress)
        labels = tags_of(labelled.ids, self.labels.values, windows.sentence_offsets)
        found: Sequence[tuple[str, ...] | None] = [None] * len(sentences)
        if labelled.tag_ids is not None:
            found = tags_of(labelled.tag_ids, self.features[POS].values, windows.sentence_offsets)
        bounds = windows.sentence_offsets.tolist()
        return [
            Prediction(
                sentence,
                labels[i],
                spans_of(
                    sentence,
                    labels[i],
                    self.scheme,
                    labelled.probabilities[bounds[i] : bounds[i + 1]],
                    temperature=self.span_temperature,
                ),
                pos=read[i].features.get(POS, found[i]) if POS in self.features else None,
            )
            for i, sentence in enumerate(sentences)
        ]
