"""Which part-of-speech tag set a column is in."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["PENN", "POS", "SPACY", "TAG_SETS", "UPOS", "differ", "tag_set"]

POS = "pos"
"""The token feature that holds part-of-speech tags, and that a source can supply."""

SPACY = "spacy:"
"""How a source that is a spaCy pipeline begins in settings."""

_UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
_FIRST_UNIVERSAL = "ADJ ADP ADV CONJ DET NOUN NUM PRON PRT VERB . X"
_PENN = (
    "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNP NNPS NNS PDT POS PRP PRP$ RB RBR RBS RP SYM TO UH VB VBD VBG VBN VBP "
    "VBZ WDT WP WP$ WRB # $ '' `` \" ( ) , . : ; -LRB- -RRB- LRB RRB"
)
_LATER_PENN = "ADD AFX GW HYPH NFP XX _SP -LSB- -RSB-"  # of the English Web Treebank and of OntoNotes

UPOS = frozenset([*_UPOS.split(), "SPACE"])
"""Universal POS tags of Universal Dependencies version 2, and spaCy's for blanks."""

FIRST_UNIVERSAL = frozenset(_FIRST_UNIVERSAL.split())
"""The twelve universal tags of Petrov et al. (2012), as NLTK has them."""

PENN = frozenset([*_PENN.split(), *_LATER_PENN.split()])
"""Penn Treebank tags (Marcus et al. 1993), with those that later English treebanks added."""

TAG_SETS = {"UPOS": UPOS, "Penn Treebank": PENN, "universal tags of 2012": FIRST_UNIVERSAL}

_MOST = 0.8
_FEW = 3


def tag_set(values: Collection[str]) -> str | None:
    """Name of the tag set that four fifths of the different values belong to; ``None`` if there is none.

    Args:
        values: Different tags.
    """
    shares = {name: sum(value in tags for value in values) / max(len(values), 1) for name, tags in TAG_SETS.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _MOST else None


def differ(known: Collection[str], found: Collection[str]) -> bool:
    """Whether tags that were found are of another tag set than those that a model knows.

    Where both are of tag sets known here, they are if these are two and a tag was found that only the second has. Where
    one is not, they are if three or more different tags were found and all of them are unknown. What two tag sets share
    (``SYM``) shows nothing.

    Args:
        known: The model's tags.
        found: Different tags of an input.
    """
    unknown = set(found) - set(known)
    own, other = tag_set(known), tag_set(found)
    if own is not None and other is not None:
        return own != other and bool(unknown & (TAG_SETS[other] - TAG_SETS[own]))
    return len(unknown) == len(set(found)) >= _FEW
