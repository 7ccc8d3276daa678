"""Corpora of any words, for property tests of formats."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from nomina.data import Corpus, Scheme, Sentence, Span, write_tags

__all__ = ["corpora", "sentences", "words"]

# Any character but lone surrogates and those that end a line or a cell; blanks may stand inside a word.
_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\t\r\n\0") | st.sampled_from(
    "\U0001f4a9\x85\xa0'\"#,|"
)
words = st.text(_CHARACTERS, min_size=1, max_size=5).filter(lambda w: w.strip(" \t") != "")
types = st.sampled_from(["per", "org", "a-b"])
penn = st.sampled_from(["NNP", "VBD", ".", "PRP$", "-LRB-"])
universal = st.sampled_from(["NOUN", "VERB", "X"])


@st.composite
def sentences(draw: st.DrawFn, tags: st.SearchStrategy[str], own_words: st.SearchStrategy[str]) -> Sentence:
    found = tuple(draw(st.lists(own_words, min_size=1, max_size=6)))
    spans, position = [], 0
    while position < len(found):
        end = draw(st.integers(position + 1, len(found)))
        if draw(st.booleans()):
            spans.append(Span(draw(types), position, end))
        position = end
    gaps = draw(st.lists(st.sampled_from(["", " ", "  ", "\xa0"]), min_size=len(found), max_size=len(found)))
    text = "".join(word + gap for word, gap in zip(found, gaps, strict=True)).strip(" \t")
    return Sentence(
        found,
        {"pos": tuple(draw(tags) for _ in found)},
        write_tags(spans, len(found)),
        text=draw(st.sampled_from([None, text])),
    )


@st.composite
def corpora(draw: st.DrawFn, own_words: st.SearchStrategy[str] = words) -> Corpus:
    tags = draw(st.sampled_from([penn, universal]))
    found = draw(st.lists(sentences(tags, own_words), min_size=1, max_size=4))
    if draw(st.booleans()):
        # A document that is gone back to, and sentences without one before the first (columns cannot say it later).
        names = [*draw(st.permutations(["d10", "d2", "D2", "d02"])), "d2"]
        found = [replace(s, document=names[i]) for i, s in enumerate(found)]
        found[0] = replace(found[0], document=draw(st.sampled_from([None, "d2"])))
    return Corpus(tuple(found), Scheme.IOB2)
