"""Words of raw text, for prediction: a compact tokenizer in the manner of the Penn Treebank.

It only cuts, never rewrites: every character that is not white space ends in exactly one word, and the words stand in
the text in order, so that character offsets are exact. Scripts that write no spaces between words come out in one
piece between punctuation; cut such text with a tool made for it and give words instead.
"""

from __future__ import annotations

import re

from nomina.data.records import Sentence

__all__ = ["sentence", "words"]

# What ends a word. Everything else is part of one: letters, digits, combining marks, joiners and emoji of any script.
_PUNCTUATION = (  # written as escapes, because many look like one another
    r"!-/:-@\[-\^`{-~"  # ASCII but for the underscore
    r"\u00a1-\u00a7\u00ab\u00ac\u00b6\u00b7\u00bb\u00bf\u00d7\u00f7"  # signs of Latin-1
    r"\u2010-\u2027\u2030-\u205e"  # general punctuation: dashes, curly quotes, the ellipsis
    r"\u20a0-\u20c0"  # currencies
    r"\u060c\u061b\u061f\u06d4\u0964\u0965"  # Arabic and Devanagari stops
    r"\u3001-\u3003\u3008-\u3011\u3014-\u301f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"  # East Asia
)
_CHAR = rf"[^\s{_PUNCTUATION}]"
_APOSTROPHE = r"['\u2019]"  # straight or curly
_CLITIC = rf"{_APOSTROPHE}(?:s|m|d|ll|re|ve)(?!{_CHAR})"
_NOT = rf"n{_APOSTROPHE}t(?!{_CHAR})"
_ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|Rev|Hon|Gen|Col|Capt|Lt|Sgt|Cmdr|Adm|Maj|Gov|Sen|Rep|Pres|Messrs|Mme|Jr|Sr|St|Mt|Ft|Ave|Blvd|Rd|"
    "Inc|Corp|Co|Ltd|Bros|Dept|Univ|Assn|vs|etc|al|approx|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|Vol|pp|cf"
)
_WORD = re.compile(
    rf"""
      (?:[A-Za-z]+://|www\.)[^\s<>"]*[^\s<>"{_PUNCTUATION}]/?       # address on the web; what trails it is punctuation
    | [^\s@{_PUNCTUATION}][^\s@,;:()<>"]{{0,63}}@{_CHAR}+(?:[.-]{_CHAR}+)+   # address for mail
    | [@\#]{_CHAR}+(?:-{_CHAR}+)*                                  # @user, #topic
    | [:;=8][-o']?[)(\]\[dDpP](?!{_CHAR})                          # :-)
    | (?:[^\W\d_]\.){{2,}}                                         # U.S., e.g.
    | (?:{_ABBREVIATIONS})\.(?=\s*\S)                              # Mr. Smith
    | [Nn]o\.(?=\s*\d)                                             # No. 5
    | [A-Z]\.(?=\s+\S)                                             # J. Smith
    | (?P<sign>[.\-!?*=~+#])(?P=sign)+ | `` | ''                    # runs that mean one thing: ..., --, !!!
    | {_NOT} | {_CLITIC}                                           # n't, 's
    | [Cc]an(?=not(?!{_CHAR})) | [Gg]on(?=na(?!{_CHAR})) | [Gg]ot(?=ta(?!{_CHAR})) | [Ww]an(?=na(?!{_CHAR}))
    | {_CHAR}                                                      # a word goes on ...
      (?: (?!{_NOT}) {_CHAR}                                       # ... with any character of a word
        | -(?={_CHAR})                                             # over a hyphen: well-known
        | (?!{_CLITIC}) {_APOSTROPHE}(?={_CHAR})                   # over an apostrophe that is no clitic: O'Neil
        | (?<=\d)[.,:/](?=\d)                                      # within a number: 1,234.5
        | &(?={_CHAR})                                             # AT&T
        | (?<=[^\W\d_])\.(?=[a-z])                                 # example.com
      )*
    | \S                                                           # any other sign by itself
    """,
    re.VERBOSE,
)


def words(text: str) -> list[str]:
    """Cut one sentence of raw text into words.

    Args:
        text: Any text; line ends count as spaces.

    Returns:
        Words that stand in the text in this order and hold all its characters but white space. ``don't`` becomes
        ``do n't`` and ``it's`` becomes ``it 's``; hyphenated words, abbreviations (``U.S.``, ``Mr.``), numbers
        (``1,234.5``) and addresses stay whole; currency signs, quotes, brackets and the final period stand apart.
    """
    return [match[0] for match in _WORD.finditer(text)]


def sentence(text: str) -> Sentence:
    """Cut raw text into a sentence that keeps the text, so that its entities get character offsets."""
    return Sentence(words=tuple(words(text)), text=text)
