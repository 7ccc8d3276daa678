"""Characters that are hardly text: control and invisible ones, wrong decodings, mixed normal forms.

What is looked for, and how it is mended, is told by the word alone, so each different word is looked at once.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from nomina.data.audit.records import Example, Finding, Thresholds, finding
from nomina.data.audit.view import View, count, visible
from nomina.data.records import Sentence

__all__ = ["find_character_faults", "mend", "odd_kinds"]

_MESSAGES = {
    "mojibake": "{n} like Ã© for é: UTF-8 that was read as Windows-1252",
    "c1_control": "{n} with control characters from U+0080 to U+009F: Windows-1252 that was read as latin-1",
    "replacement": "{n} with U+FFFD, the sign for a character that was lost",
    "control": "{n} with control characters",
    "zero_width": "{n} with invisible characters (zero-width, soft hyphen, text direction)",
    "space_in_word": "{n} with a space inside, such as U+00A0",
    "private_use": "{n} with private-use or unassigned characters",
}
# Cf, and yet seen or with a meaning: signs that span Arabic, Syriac and Kaithi numbers; the letters of flag emoji.
_SEEN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0xE0020, 0xE0080)}
_JOINERS = "\u200c\u200d"  # they shape letters of Persian and Indic scripts, and emoji
# Bytes that Windows-1252 leaves undefined stand for control characters of the same number (WHATWG Encoding Standard).
_WINDOWS = {bytes([i]).decode("cp1252", errors="ignore") or chr(i): i for i in range(256)}
_FROM_C1 = {chr(i): character for character, i in _WINDOWS.items() if 0x80 <= i < 0xA0 and character != chr(i)}
_ONLY_WINDOWS = frozenset(_FROM_C1.values())
_MOST_ROUNDS = 3


def find_character_faults(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Odd characters and encodings of each part, and words in two normal forms anywhere."""
    found = [fault for part in parts for fault in (*_encodings(part, thresholds), *_odd(part, thresholds))]
    return found + _normal_forms(parts, thresholds)


@lru_cache(maxsize=262_144)
def odd_kinds(word: str) -> tuple[str, ...]:
    """Kinds of odd characters in a word, such as ``("control",)``; of mojibake no other is told."""
    if word.isascii() and word.isprintable() and " " not in word:
        return ()
    if _undo_mojibake(word) != word:
        return ("mojibake",)
    kinds = {_kind(word, i) for i in range(len(word))}
    return tuple(kind for kind in _MESSAGES if kind in kinds)


def _kind(word: str, index: int) -> str:
    character = word[index]
    category = unicodedata.category(character)
    if category == "Cc":
        return "c1_control" if character in _FROM_C1 else "control"
    if category == "Cf":
        return "zero_width" if _is_invisible(word, index) else ""
    if category in ("Co", "Cn", "Cs"):
        return "private_use"
    if category[0] == "Z":
        return "space_in_word"
    return "replacement" if character == "\ufffd" else ""


def _is_invisible(word: str, index: int) -> bool:
    """Whether a format character (Cf) does nothing for the reader of a word."""
    if ord(word[index]) in _SEEN:
        return False
    around = word[index - 1 : index] + word[index + 1 : index + 2]
    return not (word[index] in _JOINERS and len(around) == 2 and all(map(_is_joined, around)))


def _is_joined(character: str) -> bool:
    """Whether a joiner can have an effect on a character: on no ASCII character, and on none that cannot be seen."""
    return not character.isascii() and unicodedata.category(character)[0] not in "CZ"


def mend(word: str) -> str:
    """A word with wrong decodings undone and control and invisible characters removed; empty if nothing else is left.

    Mojibake is undone only where the whole word is UTF-8 when it is written in Windows-1252. Spaces, private-use
    characters and U+FFFD stay: what they stood for is not known.
    """
    while odd_kinds(word):
        better = "".join(_FROM_C1.get(character, character) for character in _undo_mojibake(word))
        better = "".join(c for i, c in enumerate(better) if _kind(better, i) not in ("control", "zero_width"))
        if better == word:
            break
        word = better  # shorter, or with fewer control characters, which can have hidden mojibake
    return word


def _undo_mojibake(word: str) -> str:
    for _ in range(_MOST_ROUNDS):
        if word.isascii() or any(character not in _WINDOWS for character in word):
            break
        try:
            word = bytes(_WINDOWS[character] for character in word).decode("utf-8")
        except UnicodeDecodeError:
            break
    return word


def _odd(part: View, thresholds: Thresholds) -> list[Finding]:
    words: defaultdict[str, list[str]] = defaultdict(list)
    for word in part.words:
        for kind in odd_kinds(word):
            words[kind].append(word)
    guessed = any(note.kind == "encoding" for note in part.corpus.notes)
    return [_odd_finding(part, kind, words[kind], guessed, thresholds) for kind in _MESSAGES if kind in words]


def _odd_finding(part: View, kind: str, words: list[str], guessed: bool, thresholds: Thresholds) -> Finding:
    n = sum(part.words[word] for word in words)
    places = islice(part.find(words), thresholds.n_examples)
    examples = [_odd_example(part, i, j) for i, j in places]
    if kind == "mojibake" and guessed:
        message = f"{count(n, 'word')} in UTF-8 in a file that had to be read as Windows-1252: it mixes both"
        return finding("mixed_encoding", message, n, part.name, examples)
    return finding(kind, _MESSAGES[kind].format(n=count(n, "word")), n, part.name, examples)


def _odd_example(part: View, sentence: int, index: int) -> Example:
    word = part.corpus[sentence].words[index]
    mended = mend(word)
    text = visible(word) if mended == word else f"{visible(word)} (probably {visible(mended) or 'nothing'})"
    return Example(part.place(sentence, index), text)


def _encodings(part: View, thresholds: Thresholds) -> list[Finding]:
    """Files whose encoding was guessed, and the words that would be others if the guess were latin-1."""
    found = []
    for note in part.corpus.notes:
        if note.kind != "encoding":
            continue
        own = [s for s in part.corpus if note.source is None or s.source in (None, note.source)]
        n_beyond, n_windows, n_single = _count_windows(own)
        message = (
            f"{note.source or part.corpus.source} was read as Windows-1252, since it is not UTF-8: "
            f"{count(n_windows, 'word')} hold a character that only Windows-1252 has (such as … or €), {n_single:,} "
            f"consist of one; in all, {count(n_beyond, 'word')} beyond ASCII depend on it"
        )
        found.append(finding("encoding", message, n_beyond, part.name, _windows_examples(part, own, thresholds)))
    return found


def _count_windows(sentences: Sequence[Sentence]) -> tuple[int, int, int]:
    """Words beyond ASCII, those with a character that only Windows-1252 has, and those that are one such character."""
    words = [word for sentence in sentences for word in sentence.words if not word.isascii()]
    windows = [word for word in words if not _ONLY_WINDOWS.isdisjoint(word)]
    return len(words), len(windows), sum(len(word) == 1 for word in windows)


def _windows_examples(part: View, own: Sequence[Sentence], thresholds: Thresholds) -> list[Example]:
    words = {word for sentence in own for word in sentence.words if not word.isascii()}
    return [part.example(i, j) for i, j in islice(part.find(words), thresholds.n_examples)]


def _normal_forms(parts: Sequence[View], thresholds: Thresholds) -> list[Finding]:
    """Words that look alike and are written with different code points: é as one, and as e and an accent."""
    forms: defaultdict[str, set[str]] = defaultdict(set)
    for part in parts:
        for word in part.words:
            if not word.isascii():
                forms[unicodedata.normalize("NFC", word)].add(word)
    several = {word for spellings in forms.values() if len(spellings) > 1 for word in spellings}
    odd = {word for word in several if not unicodedata.is_normalized("NFC", word)}
    if not odd:
        return []
    n = sum(part.words[word] for part in parts for word in odd)
    examples = [
        Example(part.place(i, j), f"{visible(word)} ({len(word)} characters; NFC has {_n_composed(word)})")
        for part in parts
        for i, j in islice(part.find(odd), thresholds.n_examples)
        for word in [part.corpus[i].words[j]]
    ]
    message = f"{count(n, 'word')} not in the Unicode form NFC, which stand there in NFC as well"
    return [finding("mixed_normalisation", message, n, None, examples[: thresholds.n_examples])]


def _n_composed(word: str) -> int:
    return len(unicodedata.normalize("NFC", word))
