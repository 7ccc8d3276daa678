"""Part-of-speech tags for input without any, from a spaCy pipeline over the words as given; the check of their set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tqdm import tqdm

from nomina.data.records import MISSING, Sentence
from nomina.data.tagsets import POS, SPACY, differ, tag_set
from nomina.errors import ConfigError, MissingExtraError, ModelError

__all__ = ["SpacyTags", "check_tag_set", "has_tags", "tag_missing", "tag_source", "with_tags"]

_TAGGING = {"tok2vec", "transformer", "curated_transformer", "tagger", "morphologizer", "attribute_ruler"}
_COARSE = ":coarse"


class SpacyTags:
    """Tags words with an installed spaCy pipeline, without cutting them anew.

    Args:
        pipeline: Name of an installed pipeline, or its folder.
        coarse: Universal tags (``token.pos_``) in place of the pipeline's fine ones (``token.tag_``, of the Penn
            Treebank in English).

    Raises:
        MissingExtraError: If spaCy is not installed.
        ConfigError: If there is no such pipeline, or it does not tag.
    """

    def __init__(self, pipeline: str, *, coarse: bool = False) -> None:
        self.pipeline = pipeline
        self.coarse = coarse
        self._nlp = _load(pipeline)
        self._attribute = name = "pos_" if coarse else "tag_"
        if not all(self._read(self._tag([("A", "word")])[0])):
            raise ConfigError(
                [f"[model] pos_source: expected a pipeline that tags, found that {pipeline!r} leaves {name} empty"]
            )

    def __call__(self, sentences: Sequence[Sentence], *, progress: bool = False) -> list[Sentence]:
        """The sentences with the pipeline's tags in place of their own.

        Args:
            sentences: What to tag.
            progress: Whether to draw a progress bar (on a terminal).
        """
        filled = [sentence.words for sentence in sentences if sentence.words]
        docs: Iterator[Any] = iter(self._tag(filled, progress=progress))
        return [with_tags(s, self._read(next(docs)) if s.words else ()) for s in sentences]

    def _read(self, doc: Any) -> tuple[str, ...]:
        return tuple(getattr(token, self._attribute) for token in doc)

    def _tag(self, sentences: Sequence[Sequence[str]], *, progress: bool = False) -> list[Any]:
        from spacy.tokens import Doc

        docs = (Doc(self._nlp.vocab, words=list(words)) for words in sentences)
        tagged = self._nlp.pipe(docs, batch_size=256)
        bar = tqdm(tagged, total=len(sentences), desc="tag", disable=None if progress else True, leave=False)
        return list(bar)


@lru_cache(maxsize=4)
def _load(pipeline: str) -> Any:
    try:
        import spacy
    except ImportError as error:
        raise MissingExtraError("spacy", "spacy") from error
    try:
        nlp = spacy.load(pipeline)
    except (OSError, ValueError) as error:
        installed = ", ".join(spacy.util.get_installed_models()) or "none"
        raise ConfigError(
            [f"[model] pos_source: expected an installed spaCy pipeline, found {pipeline!r}; there are: {installed}"]
        ) from error
    nlp.select_pipes(enable=[name for name, factory in nlp.pipe_factories.items() if factory in _TAGGING])
    return nlp


def with_tags(sentence: Sentence, tags: tuple[str, ...] | None) -> Sentence:
    """A sentence with other tags, or without any where ``None``."""
    others = {name: values for name, values in sentence.features.items() if name != POS}
    return replace(sentence, features=others if tags is None else {POS: tags, **others})


@lru_cache(maxsize=4)
def tag_source(name: str) -> SpacyTags | None:
    """A source by the name it has in settings.

    Args:
        name: ``"spacy:PIPELINE"`` or ``"spacy:PIPELINE:coarse"``; for ``"none"`` and ``"joint"`` there is nothing to
            run beforehand.

    Raises:
        MissingExtraError: If spaCy is not installed.
        ConfigError: If there is no such pipeline, or it does not tag.
    """
    if not name.startswith(SPACY):
        return None
    pipeline = name.removeprefix(SPACY)
    coarse = pipeline.endswith(_COARSE)
    return SpacyTags(pipeline.removesuffix(_COARSE), coarse=coarse)


def tag_missing(source: SpacyTags, sentences: Sequence[Sentence], *, progress: bool = False) -> list[Sentence]:
    """The sentences, with a source's tags where they have none of their own."""
    tagged = list(sentences)
    missing = [i for i, sentence in enumerate(sentences) if not has_tags(sentence)]
    for i, sentence in zip(missing, source([sentences[i] for i in missing], progress=progress), strict=True):
        tagged[i] = sentence
    return tagged


def has_tags(sentence: Sentence) -> bool:
    """Whether a sentence has part-of-speech tags, and not just marks that it has none (``_``)."""
    return any(tag != MISSING for tag in sentence.features.get(POS, ()))


def check_tag_set(sentences: Iterable[Sentence], known: Sequence[str], origin: str) -> None:
    """See to it that tags are of the set that a model was trained on.

    Args:
        sentences: What carries them; sentences without tags are of any set.
        known: The tags of training.
        origin: Where the sentences' tags come from, as the error shall name it.

    Raises:
        ModelError: If they are of another set.
    """
    found = {tag for sentence in sentences for tag in sentence.features.get(POS, ())} - {MISSING}
    if not differ(known, found):
        return
    sets = [f"{', '.join(list(tags)[:8])} … ({tag_set(tags) or 'unknown tag set'})" for tags in (known, sorted(found))]
    raise ModelError(
        f"expected part-of-speech tags as in training: {sets[0]}, found in {origin}: {sets[1]}; give tags of the "
        "first kind (--columns, --upos), or predict without those that are there (nomina predict --tags source or "
        "none, tags= in Python)"
    )
