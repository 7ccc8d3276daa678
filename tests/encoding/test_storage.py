"""An encoded corpus comes back from disk as it was, and stays there."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from nomina.data.formats import read
from nomina.encoding.batches import collate
from nomina.encoding.storage import load_windows, save_windows
from nomina.encoding.tokenizers import load_tokenizer, word_pieces_of
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import encode


def test_what_was_written_is_read_back_without_being_loaded(tiny_bert: Path, tmp_path: Path) -> None:
    sentences = read("sample").sentences[:50]
    pos = Vocabulary.of_feature(s.features["pos"] for s in sentences)
    windows = encode(
        sentences, word_pieces_of(load_tokenizer(str(tiny_bert))), max_pieces=20, features={"pos": pos}, labels=None
    )
    save_windows(windows, tmp_path / "train")
    loaded = load_windows(tmp_path / "train")
    for field in fields(windows):
        before, after = getattr(windows, field.name), getattr(loaded, field.name)
        if isinstance(before, np.ndarray):
            assert isinstance(after, np.memmap)
            assert after.dtype == before.dtype
            assert not after.flags.writeable
            np.testing.assert_array_equal(after, before)
        else:
            assert after == before
            assert type(after) is type(before)
    assert (loaded.n_words, loaded.n_sentences, len(loaded)) == (windows.n_words, windows.n_sentences, len(windows))
    for key, tensor in collate(windows, [0, 3]).items():
        assert tensor.equal(collate(loaded, [0, 3])[key])  # type: ignore[attr-defined, literal-required]


def test_an_empty_corpus_is_written_too(tiny_bert: Path, tmp_path: Path) -> None:
    windows = encode([], word_pieces_of(load_tokenizer(str(tiny_bert))), max_pieces=20)
    save_windows(windows, tmp_path)
    assert len(load_windows(tmp_path)) == 0
