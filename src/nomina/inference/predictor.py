"""``Predictor``: words or text in, spans out. All scoring, in training and after it, goes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, overload

from nomina.data.records import Note, Sentence
from nomina.data.tags import Scheme
from nomina.data.tagsets import POS
from nomina.data.text import sentence as sentence_of_text
from nomina.encoding.decode import spans_of, tags_of
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import Windows, encode
from nomina.errors import ModelError
from nomina.inference.hub import find_model, push
from nomina.inference.labelling import Labelled, label_words
from nomina.inference.network import Loaded, Settings
from nomina.inference.onnx import GRAPH, load_onnx
from nomina.inference.prediction import Prediction
from nomina.inference.stream import LOOK_AHEAD, Record, heap_trimmer, look_ahead
from nomina.inference.tag_sources import check_tag_set, has_tags, tag_missing, tag_source, with_tags

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from nomina.model import Tagger

__all__ = ["InputFacts", "Predictor", "TagUse"]

TagUse = Literal["auto", "source", "none"]
"""Which part-of-speech tags to read: the input's and the model's source where it has none; the source's throughout; or
none at all."""

_KNOWN_WORDS = 200_000
"""Different words whose pieces are kept from one look-ahead window to the next."""


@dataclass
class InputFacts:
    """What is counted of an input.

    Attributes:
        n_sentences: Sentences.
        n_bare: Those of them with words, but without part-of-speech tags.
        has_documents: Whether one belongs to a document.
    """

    n_sentences: int = 0
    n_bare: int = 0
    has_documents: bool = False

    def add(self, sentence: Sentence) -> None:
        """Count one more."""
        self.n_sentences += 1
        self.n_bare += bool(sentence.words) and not has_tags(sentence)
        self.has_documents |= sentence.document is not None


def _load(folder: str, is_exported: bool, device: str, trust_remote_code: bool) -> Loaded:
    if not is_exported:
        from nomina.inference.torch_network import load_torch

        return load_torch(folder, device=device, trust_remote_code=trust_remote_code)
    if device not in ("auto", "cpu"):
        raise ModelError(f"expected the device 'cpu' for the exported model in {folder!r}, found {device!r}")
    return load_onnx(folder)


class Predictor:
    """A network with its vocabularies, whether torch or ONNX Runtime computes it.

    Args:
        loaded: The network, what cuts words for it, and the size of its windows.
        batch_pieces: Word pieces per batch, padding included; 1 or more. Bounds memory. By default what the network is
            fastest with.
    """

    def __init__(self, loaded: Loaded, *, batch_pieces: int | None = None) -> None:
        self.network, self.word_pieces, self.max_pieces = loaded
        self.batch_pieces = batch_pieces or self.network.batch_pieces
        self.folder: Path | None = None
        """Where it was loaded from."""
        settings = self.settings
        self.labels = Vocabulary(tuple(settings.labels))
        self.scheme = Scheme(settings.scheme)
        self.features = {f["name"]: Vocabulary(tuple(f["values"]), unknown=0) for f in settings.features}

    def __repr__(self) -> str:
        features = ", ".join(self.features) or "none"
        encoder = self.settings.encoder_name or self.settings.encoder["model_type"]
        types, device = ", ".join(self.types), self.network.device
        return f"Predictor(encoder={encoder!r}, features={features}, types={types}, device={device})"

    @classmethod
    def of(cls, model: Tagger, tokenizer: PreTrainedTokenizerBase, *, batch_pieces: int | None = None) -> Predictor:
        """A predictor of a tagger.

        Args:
            model: The tagger.
            tokenizer: Its encoder's fast tokenizer, from :func:`nomina.encoding.tokenizers.load_tokenizer`.
            batch_pieces: Word pieces per batch.
        """
        from nomina.inference.torch_network import loaded

        return cls(loaded(model, tokenizer), batch_pieces=batch_pieces)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        device: str = "auto",
        batch_pieces: int | None = None,
        trust_remote_code: bool = False,
    ) -> Predictor:
        """Open a model folder.

        Args:
            folder: What ``nomina train`` or ``nomina export`` wrote, or the hub id of a model; a folder of that name
                wins.
            device: A torch device, or ``"auto"``: the first GPU where there is one, else the CPU. An exported model
                computes on the CPU.
            batch_pieces: Word pieces per batch.
            trust_remote_code: Whether an encoder may bring its own code.

        Raises:
            MissingExtraError: If an exported model is opened without ``onnxruntime``.
            ModelError: If the folder is missing or incomplete, or holds another kind of model.
        """
        path = find_model(folder)
        is_exported = (path / GRAPH).is_file()
        for name in ("config.json", GRAPH if is_exported else "model.safetensors"):
            if not (path / name).is_file():
                raise ModelError(
                    f"expected a model folder with {name}, found none in {str(path)!r}; "
                    "give the folder that nomina train wrote (an interrupted run continues with --resume)"
                )
        loaded = _load(str(path), is_exported, device, trust_remote_code)
        predictor = cls(loaded, batch_pieces=batch_pieces)
        predictor.folder = path
        return predictor

    def save(self, folder: str | Path) -> None:
        """Write what :meth:`load` opens."""
        self.network.save(str(folder))

    def push_to_hub(
        self,
        hub_id: str,
        *,
        private: bool = True,
        token: str | None = None,
        message: str = "Add a model that nomina trained",
        ignore: Sequence[str] = (),
    ) -> str:
        """Put the model on the hub: its whole folder, or what :meth:`save` writes where it was not loaded from one.

        A folder holds sentences of the corpus, in ``predictions.jsonl`` and ``report.html``.

        Args:
            hub_id: As for :func:`nomina.inference.hub.push`.
            private: As there.
            token: As there.
            message: As there.
            ignore: As there.

        Returns:
            The address of the repository.

        Raises:
            OutputError: If the hub cannot be reached, or refuses.
        """
        with TemporaryDirectory() as temporary:
            if self.folder is None:
                self.save(temporary)
            folder = self.folder or Path(temporary)
            return push(folder, hub_id, private=private, token=token, message=message, ignore=ignore)

    @property
    def settings(self) -> Settings:
        """What the network was built from."""
        return self.network.settings

    @property
    def model(self) -> Tagger:
        """The tagger.

        Raises:
            ModelError: If it is not torch that computes the network.
        """
        model: Tagger | None = getattr(self.network, "model", None)
        if model is None:
            raise ModelError("expected a model with weights for torch, found an exported one; load the folder it is of")
        return model

    @property
    def types(self) -> tuple[str, ...]:
        """Entity types that the model knows, in alphabetical order."""
        return tuple(sorted({label[2:] for label in self.labels if label != "O"}))

    @property
    def pos_source(self) -> str:
        """Where part-of-speech tags come from if the input has none: ``"none"``, ``"joint"`` or ``"spacy:…"``."""
        return self.settings.pos_source if POS in self.features else "none"

    @property
    def span_temperature(self) -> float:
        """What calibrates the scores of spans, above 0; 1 leaves them as they are. Set, it is saved with the model.

        Raises:
            ValueError: On setting a number that is not above 0.
        """
        return self.settings.span_temperature

    @span_temperature.setter
    def span_temperature(self, temperature: float) -> None:
        if not 0 < temperature < float("inf"):
            raise ValueError(f"expected a temperature above 0, found {temperature}")
        self.settings.span_temperature = float(temperature)

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
        known = self.features[POS].values[1:]
        check_tag_set(sentences, known, "the input")
        source = tag_source(self.pos_source) if tags != "none" else None
        if source is None or all(map(has_tags, sentences)):
            return sentences
        tagged = tag_missing(source, sentences, progress=progress)
        new = [after for before, after in zip(sentences, tagged, strict=True) if after is not before]
        check_tag_set(new, known, self.pos_source)
        return tagged

    def notes(self, sentences: Iterable[Sentence]) -> list[Note]:
        """What an input lacks that the model would read, and what takes its place."""
        facts = InputFacts()
        for sentence in sentences:
            facts.add(sentence)
        return self.notes_on(facts)

    def notes_on(self, facts: InputFacts) -> list[Note]:
        """The same of an input that was counted as it passed."""
        notes = []
        if POS in self.features and facts.n_bare:
            taken = {"none": "they count as unknown", "joint": "the model finds them itself"}
            place = taken.get(self.pos_source, f"they come from {self.pos_source}")
            message = f"{facts.n_bare:,} of {facts.n_sentences:,} sentences have no tags: {place}"
            notes.append(Note("no_tags", message, facts.n_bare))
        if self.settings.context == "document" and facts.n_sentences and not facts.has_documents:
            notes.append(Note("no_documents", "no documents are marked: each sentence is read by itself"))
        return notes

    def encode(self, sentences: Sequence[Sentence]) -> Windows:
        """Encode sentences for this model, with their labels where they have any that the model knows."""
        return encode(
            sentences,
            self.word_pieces,
            max_pieces=self.max_pieces,
            features=self.features,
            labels=self.labels,
            document_context=self.settings.context == "document",
        )

    def label(self, windows: Windows, *, progress: bool = False) -> Labelled:
        """Best label of every word.

        Args:
            windows: From :meth:`encode`.
            progress: Whether to draw a progress bar (on a terminal).
        """
        return label_words(
            self.network,
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

    def predict_stream(
        self,
        sentences: Iterable[Sentence | Record],
        *,
        tags: TagUse = "auto",
        n_words: int = LOOK_AHEAD,
        skip: int = 0,
    ) -> Iterator[Prediction | Record]:
        """Find the entities of a stream of sentences, in constant memory.

        Args:
            sentences: What to label, of any number. Whatever is no :class:`Sentence` keeps its place in the output.
            tags: Which part-of-speech tags to read.
            n_words: Words that are read ahead, to be sorted by length; 1 or more.
            skip: How many records to leave out from the beginning, 0 or more, to go on where an earlier run came to:
                what is labelled together, and so the output, is the same to the last digit.

        Yields:
            One :class:`Prediction` for each sentence, in order. Where the stream fails, the predictions for what came
            before it are there before the error.

        Raises:
            ModelError: If part-of-speech tags are of another tag set than in training.
        """
        keeps_documents = self.settings.context == "document"
        trim = heap_trimmer()
        for run in look_ahead(sentences, n_words=n_words, keeps_documents=keeps_documents):
            if len(run) <= skip:
                skip -= len(run)
                continue
            found = iter(self._predict([record for record in run if isinstance(record, Sentence)], tags, False))
            labelled = [next(found) if isinstance(record, Sentence) else record for record in run]
            yield from labelled[skip:]
            skip = 0
            del run, found, labelled  # before the next window is there
            self.word_pieces.forget(_KNOWN_WORDS)
            if trim is not None:
                trim(0)

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
