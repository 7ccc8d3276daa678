"""Facts about word pieces: against windows, which are cut by other code, and with words that no encoder has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nomina.data.audit import audit
from nomina.data.corpus import Corpus
from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.encoding.audit import count_pieces
from nomina.encoding.encoders import EncoderSource, find_local
from nomina.encoding.windows import encode
from nomina.encoding.word_pieces import WordPieces
from nomina.errors import EncoderError


def source_of(folder: Path) -> EncoderSource:
    source = find_local(str(folder))
    assert source is not None
    return source


@pytest.mark.parametrize("architecture", ["bert-uncased", "roberta", "deberta-v3"])
def test_lengths_are_those_of_windows(
    encoder_folder: Callable[[str], Path], word_pieces: Callable[[str], WordPieces], architecture: str
) -> None:
    corpus = read("sample")[:60]
    facts = count_pieces({"train": corpus}, source_of(encoder_folder(architecture)))["train"]
    windows = encode(corpus.sentences, word_pieces(architecture), max_pieces=512)
    assert facts.limit == 512
    assert facts.n_pieces == len(windows.pieces)
    assert (facts.lengths.smallest, facts.lengths.largest) == (windows.lengths.min(), windows.lengths.max())
    assert (facts.n_over_limit, facts.longest) == (0, ())
    assert not facts.without_piece


def test_long_sentences_and_unknown_words(tiny_bert: Path) -> None:
    sentences = (
        Sentence(("May", "met", "Ruth"), {}, ("O", "O", "B-per"), line=1, source="a.conll"),
        Sentence(("\u200b", "\u4e2d", "\u200b"), {}, ("O", "O", "O"), line=5, source="a.conll", lines=range(5, 8)),
        Sentence(("a",) * 40, {}, ("O",) * 40, line=9, source="a.conll"),
    )
    parts = {"train": Corpus(sentences), "dev": Corpus(sentences[:1])}
    facts = count_pieces(parts, source_of(tiny_bert), max_pieces=20)
    train = facts["train"]
    assert (train.limit, train.n_over_limit, train.longest) == (20, 1, (2,))
    assert train.lengths.largest == 42
    assert train.without_piece == {"\u200b": 2}
    assert train.unknown == {"\u4e2d": 1}
    assert not facts["dev"].without_piece

    found = {f.kind: f for f in audit(parts, pieces=facts).findings}
    assert found["no_piece"].count == 2
    assert [e.place for e in found["no_piece"].examples] == ["a.conll:5", "a.conll:7"]
    assert [e.place for e in found["unknown_piece"].examples] == ["a.conll:6"]
    assert found["over_limit"].examples[0].place == "a.conll:9"
    assert found["over_limit"].count == 1


def test_folders_that_are_no_encoder(tmp_path: Path, tiny_bert: Path) -> None:
    with pytest.raises(EncoderError, match=r"config\.json"):
        find_local(str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EncoderError, match="tokenizer"):
        count_pieces({"train": read("sample")[:2]}, source_of(tmp_path))
    assert find_local("nobody/has-this-encoder") is None
