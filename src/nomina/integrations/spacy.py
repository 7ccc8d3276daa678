"""A model as a component of a spaCy pipeline: ``nlp.add_pipe("nomina", config={"model": "gmb-model"})``.

The component reads the tokens of a ``Doc``, the part-of-speech tags that components before it set, and its sentence
borders, and sets ``doc.ents``. spaCy finds it by an entry point; importing this module registers it as well.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nomina.data import records
from nomina.data.records import MISSING
from nomina.data.tagsets import POS, differ, tag_set
from nomina.errors import ConfigError, MissingExtraError, ModelError, OutputError
from nomina.inference import Prediction, Predictor, TagUse, has_tags
from nomina.integrations.spacy_docs import Part, parts_of, set_entities

try:
    import srsly
    from spacy.language import Language
    from spacy.pipeline import Pipe
    from spacy.scorer import get_ner_prf
    from spacy.tokens import Doc
    from spacy.util import minibatch
except ImportError as error:
    raise MissingExtraError("spacy", "spacy") from error

if TYPE_CHECKING:
    from spacy.training import Example

__all__ = ["NominaRecognizer", "make_recognizer"]

_TAG_USES = ("auto", "source", "none")
# What a model folder holds besides the model: sentences of the corpus, and curves. No pipeline needs them.
_LEFT_OUT = (".jsonl", ".html")


@Language.factory(
    "nomina",
    requires=["token.tag"],
    assigns=["doc.ents", "doc.spans", "token.ent_iob", "token.ent_type", "span._.score"],
    default_config={"model": "", "tags": "auto", "overwrite": True, "device": "auto"},
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_recognizer(nlp: Language, name: str, model: str, tags: str, overwrite: bool, device: str) -> NominaRecognizer:
    """Make the component; spaCy's factory ``nomina``, with its settings as arguments.

    Args:
        nlp: The pipeline.
        name: The component's name there.
        model: As for :class:`NominaRecognizer`.
        tags: As for :class:`NominaRecognizer`.
        overwrite: As for :class:`NominaRecognizer`.
        device: As for :class:`NominaRecognizer`.

    Raises:
        ConfigError: If no model is named, or ``tags`` is none of the three.
    """
    faults = []
    if not model:
        faults.append(f"[components.{name}] model: expected a model folder or a hub id, found none")
    if tags not in _TAG_USES:
        faults.append(f"[components.{name}] tags: expected one of {', '.join(_TAG_USES)}, found {tags!r}")
    if faults:
        raise ConfigError(faults)
    use: TagUse = "source" if tags == "source" else "none" if tags == "none" else "auto"
    return NominaRecognizer(name, model, tags=use, overwrite=overwrite, device=device)


class NominaRecognizer(Pipe):
    """Finds the entities of Docs.

    The model is loaded when it is first needed, or by ``nlp.initialize``: a pipeline that is read from disk brings its
    own copy, and the folder that it was made from may be gone.

    Args:
        name: Its name in the pipeline, and that of the spans it leaves in ``doc.spans``.
        model: A model folder, or a hub id; not looked at yet.
        tags: Which part-of-speech tags to read. ``"auto"``: the Doc's (``token.pos_`` for a model that knows universal
            tags, else ``token.tag_``), or those of the model's source where a sentence has none. ``"source"``: the
            source's throughout. ``"none"``: none.
        overwrite: Whether entities that are there already go. If not, they stay, and those of the model that share no
            token with them are added.
        device: As for :func:`nomina.inference.choose_device`.
    """

    def __init__(
        self, name: str, model: str, *, tags: TagUse = "auto", overwrite: bool = True, device: str = "auto"
    ) -> None:
        self.name = name
        self.model = model
        self.tags: TagUse = tags
        self.overwrite = overwrite
        self.device = device
        folder = Path(model).expanduser()
        # Once it is there, a change of the working folder changes nothing.
        self._folder = folder.absolute() if folder.is_dir() else Path(model)
        self._predictor: Predictor | None = None
        self._process = os.getpid()
        self._warned = False

    def __reduce__(self) -> tuple[Callable[..., NominaRecognizer], tuple[Any, ...]]:
        """For workers of ``nlp.pipe``: they load the model themselves, from the same folder."""
        handler = getattr(self, "error_handler", None)
        settings = {"tags": self.tags, "overwrite": self.overwrite, "device": self.device}
        return _rebuild, (self.name, self.model, settings, self._folder, handler)

    @property
    def predictor(self) -> Predictor:
        """The model, loaded on first use.

        Raises:
            ModelError: If there is none in the folder.
        """
        if self._process != os.getpid():
            # A forked worker. Neither OpenMP's nor ONNX Runtime's threads came along, and both would wait for them.
            self._process, self._predictor = os.getpid(), None
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(1)
        if self._predictor is None:
            self._predictor = Predictor.load(self._folder, device=self.device)
            self._folder = self._predictor.folder or self._folder
        return self._predictor

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity types, sorted; none while there is no model folder."""
        try:
            config = json.loads((self._folder / "config.json").read_text(encoding="utf-8"))
            names = config["id2label"].values()
        except (OSError, ValueError, KeyError, AttributeError):
            return ()
        return tuple(sorted({name[2:] for name in names if name != "O"}))

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of one Doc."""
        self.set_annotations([doc], self.predict([doc]))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Set the entities of many Docs, a batch at a time.

        What fails in one Doc goes to the error handler with that Doc alone; the others of its batch go on.

        Args:
            stream: The Docs.
            batch_size: Docs that are labelled together; 1 or more.

        Yields:
            The same Docs, in order.
        """
        for docs in minibatch(stream, size=batch_size):  # type: ignore[no-untyped-call]
            _ = self.predictor  # that there is no model is no fault of a Doc
            yield from self._annotated(docs)

    def _annotated(self, docs: Sequence[Doc]) -> Iterator[Doc]:
        try:
            self.set_annotations(docs, self.predict(docs))
        except Exception as error:
            if len(docs) == 1:
                handle: Callable[..., object] = self.get_error_handler()
                handle(self.name, self, list(docs), error)
                return
            for doc in docs:
                yield from self._annotated([doc])
        else:
            yield from docs

    def predict(self, docs: Sequence[Doc]) -> list[list[records.Span]]:
        """Find the entities of some Docs, and change nothing.

        Args:
            docs: The Docs.

        Returns:
            For each its entities, in order, with scores; starts and ends are indices of tokens.

        Raises:
            ModelError: If the Docs' tags are of another tag set than the model's.
        """
        predictor = self.predictor
        attribute = _attribute(predictor) if self.tags == "auto" else None
        parts = [part for number, doc in enumerate(docs) for part in parts_of(doc, number, attribute)]
        if attribute is not None:
            self._check(predictor, attribute, parts)
        found: list[list[records.Span]] = [[] for _ in docs]
        if not parts:
            return found
        # The stream forgets words that it saw long ago; a pipeline may live for months.
        predictions = predictor.predict_stream((part.sentence for part in parts), tags=self.tags)
        for part, prediction in zip(parts, predictions, strict=True):
            assert isinstance(prediction, Prediction)
            for span in prediction.spans:
                start, last = part.tokens[span.start], part.tokens[span.end - 1]
                found[part.doc].append(replace(span, start=start, end=last + 1))
        return found

    def _check(self, predictor: Predictor, attribute: str, parts: Sequence[Part]) -> None:
        """Refuse tags of another tag set, Doc by Doc; say once that there are none."""
        known = predictor.features[POS].values[1:]
        read: dict[int, set[str]] = {}
        for part in parts:
            read.setdefault(part.doc, set()).update(part.sentence.features[POS])
        for found in read.values():
            if differ(known, found - {MISSING}):
                raise ModelError(_other_tags(attribute, known, sorted(found - {MISSING})))
        if not self._warned and not all(has_tags(part.sentence) for part in parts):
            self._warned = True
            taken = {"none": "they count as unknown", "joint": "the model finds them itself"}
            place = taken.get(predictor.pos_source, f"they come from {predictor.pos_source}")
            warnings.warn(
                f"{self.name}: the model reads token.{attribute}, and there are sentences without: {place}. Put a "
                "component that sets it before this one; or set tags to 'source' or 'none'",
                stacklevel=2,
            )

    def set_annotations(self, docs: Sequence[Doc], found: Sequence[Sequence[records.Span]]) -> None:
        """Set ``doc.ents`` and the spans with their scores, ``doc.spans[name]``.

        Args:
            docs: The Docs.
            found: What :meth:`predict` found in them.
        """
        for doc, entities in zip(docs, found, strict=True):
            set_entities(doc, entities, key=self.name, overwrite=self.overwrite)

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None) -> None:
        """Load the model; nothing is trained.

        Raises:
            ModelError: If there is none in the folder.
        """
        _ = self.predictor

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Precision, recall and F1 of the entities, as spaCy counts them: ``ents_p``, ``ents_r``, ``ents_f`` in [0, 1].

        Args:
            examples: Docs as they should be, and as they were predicted.
            kwargs: Passed on to spaCy's ``get_ner_prf``.
        """
        scores: dict[str, Any] = get_ner_prf(examples, **kwargs)
        return scores

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Copy the model's files, so that the pipeline's folder stands by itself.

        Args:
            path: Folder of the component; made where it is missing.
            exclude: For spaCy's sake; nothing is left out.

        Raises:
            OutputError: If the folder holds files that are not replaced: whose model it is would be open.
        """
        target = Path(path)
        _ = self.predictor  # is there a model at all?
        source = self._folder
        files = _model_files(source)
        if target.is_dir() and target.samefile(source):
            return
        others = sorted(
            {entry.name for entry in target.iterdir()} - {file.name for file in files} if target.is_dir() else ()
        )
        if others:
            raise OutputError(f"{target} holds files of something else, {', '.join(others)}; choose another folder")
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            fresh = target / f".{file.name}.{os.getpid()}.tmp"
            shutil.copy(file, fresh)
            fresh.replace(target / file.name)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> NominaRecognizer:
        """Take the model of a folder that :meth:`to_disk` wrote.

        Args:
            path: Folder of the component.
            exclude: For spaCy's sake.
        """
        self._folder, self._predictor = Path(path).absolute(), None
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The model's files.

        Args:
            exclude: For spaCy's sake; nothing is left out.
        """
        _ = self.predictor
        files = {file.name: file.read_bytes() for file in _model_files(self._folder)}
        data: bytes = srsly.msgpack_dumps({"files": files})
        return data

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> NominaRecognizer:
        """Take the model of :meth:`to_bytes`; its files lie in a temporary folder while the component lives.

        Args:
            data: The files.
            exclude: For spaCy's sake.

        Raises:
            ModelError: If these are not the files of a model.
        """
        files = srsly.msgpack_loads(data).get("files", {})
        if "config.json" not in files or any(Path(name).name != name for name in files):
            raise ModelError("expected a model in bytes, as to_bytes of this component writes them, found none")
        folder = Path(tempfile.mkdtemp(prefix="nomina-"))
        weakref.finalize(self, _remove, folder, os.getpid())
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return self.from_disk(folder)


def _rebuild(
    name: str, model: str, settings: dict[str, Any], folder: Path, handler: Callable[..., Any] | None
) -> NominaRecognizer:
    component = NominaRecognizer(name, model, **settings).from_disk(folder)
    if handler is not None:
        component.set_error_handler(handler)
    return component


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked worker that ends must not take it from the others
        shutil.rmtree(folder, ignore_errors=True)


def _attribute(predictor: Predictor) -> str | None:
    """The attribute of tokens that holds the model's tags; ``None`` for a model that reads none."""
    if POS not in predictor.features:
        return None
    return "pos_" if tag_set(predictor.features[POS].values[1:]) == "UPOS" else "tag_"


def _other_tags(attribute: str, known: Sequence[str], found: Sequence[str]) -> str:
    shown = [f"{', '.join(tags[:8])} … ({tag_set(tags) or 'unknown tag set'})" for tags in (list(known), list(found))]
    return (
        f"expected part-of-speech tags as in training: {shown[0]}, found in token.{attribute}: {shown[1]}; put a "
        "tagger of the first kind before this component, or have it read the tags of the model's own source or none "
        "(tags in its config: 'source' or 'none')"
    )


def _model_files(folder: Path) -> list[Path]:
    """What makes the model of a folder: its files but those with sentences of the corpus, and no folders."""
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix not in _LEFT_OUT)
    return sorted(path for path in files if not path.name.startswith("."))
