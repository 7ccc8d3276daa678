"""Words of any kind, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["SPECIAL_TOKENS", "WORDS", "sentences_of"]

SPECIAL_TOKENS = ("[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]", "<s>", "</s>", "<mask>", "<pad>", "<unk>")

# Control characters, spaces that are none, combining and zero-width marks, emoji, private and unassigned code points,
# ligatures, letters that change their length in lower case.
_AWKWARD = (
    "\x00\t\n\x10\x7f\x85 \u00a0\u00ad\u0301\u0345\u200b\u200d\u2028\u202e\u3000\ufeff\ufffd\ue000\u0378\U0010ffff"
)
_AWKWARD += "\U0001f600\U0001f3fd\ufb01\u0130\u00df\u1e9e\u4e2d\u0e33\u1100\u1161##\u2581\u0120"

_CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(_AWKWARD)

WORDS = st.one_of(
    st.text(_CHARACTERS, min_size=1, max_size=6),
    st.text("aeinorstAEP.,'-", min_size=1, max_size=12),
    st.builds(lambda character, n: character * n, _CHARACTERS, st.integers(50, 300)),
    st.sampled_from(SPECIAL_TOKENS),
)
"""One word: any Unicode text but lone surrogates; now and then very long, or spelled like a special token."""


def sentences_of(words: st.SearchStrategy[str], max_words: int = 30) -> st.SearchStrategy[list[list[str]]]:
    """Up to four sentences of words, some of them empty."""
    return st.lists(st.lists(words, max_size=max_words), max_size=4)
