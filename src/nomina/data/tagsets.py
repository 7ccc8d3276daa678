"""Which part-of-speech tag set a column is in."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["PENN", "TAG_SETS", "UPOS", "differ", "tag_set"]

_UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
_PENN = (
    "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNP NNPS NNS PDT POS PRP PRP$ RB RBR RBS RP SYM TO UH VB VBD VBG VBN VBP "
    "VBZ WDT WP WP$ WRB # $ '' `` \" ( ) , . : ; -LRB- -RRB- LRB RRB"
)
_LATER_PENN = "ADD AFX GW HYPH NFP XX _SP -LSB- -RSB-"  # of the English Web Treebank and of OntoNotes

UPOS = frozenset(_UPOS.split())
"""Universal POS tags (Petrov et al. 2012; Universal Dependencies version 2)."""

PENN = frozenset([*_PENN.split(), *_LATER_PENN.split()])
"""Penn Treebank tags (Marcus et al. 1993), with those that later English treebanks added."""

TAG_SETS = {"UPOS": UPOS, "Penn Treebank": PENN}

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
    """Whether tags that were found cannot be of the tag set that a model knows.

    They cannot if both are of known and different tag sets, or if three or more different ones are all unknown. What
    both tag sets share (``SYM``) shows nothing.

    Args:
        known: The model's tags.
        found: Different tags of an input.
    """
    unknown = set(found) - set(known)
    if not unknown:
        return False
    if len(unknown) == len(set(found)) >= _FEW:
        return True
    sets = tag_set(known), tag_set(found)
    return None not in sets and sets[0] != sets[1] and unknown <= TAG_SETS[str(sets[1])] - TAG_SETS[str(sets[0])]
