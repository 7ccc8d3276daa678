from __future__ import annotations

from pathlib import Path

import pytest

from nomina.data.formats import read
from nomina.data.tagsets import PENN, UPOS, differ, tag_set


def test_the_sample_is_in_penn_tags() -> None:
    assert tag_set(read("sample").stats().features["pos"]) == "Penn Treebank"
    assert tag_set(UPOS) == "UPOS"
    assert tag_set({"N", "V", "Art"}) is None
    assert tag_set(()) is None


def test_real_corpora(shared: Path) -> None:
    treebank = shared / "uner-en-ewt" / "dev.conllu"
    penn, universal = (set(read(treebank, pos=pos).stats().features["pos"]) for pos in ("xpos", "upos"))
    gmb = set(read(shared / "gmb" / "ner_dataset.csv.zip").stats().features["pos"])
    assert (tag_set(penn), tag_set(universal), tag_set(gmb)) == ("Penn Treebank", "UPOS", "Penn Treebank")
    assert differ(penn, universal)
    assert differ(universal, penn)
    assert not differ(penn, gmb)
    assert not differ(gmb, penn)


@pytest.mark.parametrize(
    ("found", "is_other"),
    [
        ({"NOUN", "VERB"}, True),
        ({"NOUN"}, True),
        ({"SYM"}, False),  # in both
        ({"NN", "LS"}, False),  # rare, but of the same tag set
        ({"NOUN", "VERB", "SPACE"}, True),
        ({"NOUN", "PRT", ".", "CONJ"}, True),  # of 2012
        ({"FW", "UH", "LS"}, False),
        ({"a", "b", "c"}, True),
        ({"a", "b"}, False),
        (set(), False),
    ],
)
def test_other_tag_sets(found: set[str], is_other: bool) -> None:
    assert differ(PENN - {"LS"}, found) is is_other


def test_any_tag_set_is_its_own() -> None:
    assert not differ({"a", "b", "c", "d"}, {"d", "x", "y", "z"})
    assert differ({"a", "b", "c", "d"}, {"x", "y", "z"})
