from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from encoders import ARCHITECTURES
from nomina.data.formats import read
from nomina.encoding.tokenizers import load_tokenizer, store_word_pieces, word_pieces_of
from nomina.encoding.word_pieces import SPECIAL_PIECES, WordPieces, piece_limit
from nomina.errors import EncoderError
from strategies import SPECIAL_TOKENS, WORDS

MakeWordPieces = Callable[[str], WordPieces]
MakeTokenizer = Callable[[str], PreTrainedTokenizerBase]


@pytest.fixture(scope="module")
def tokenizer_of(encoder_folder: Callable[[str], Path]) -> MakeTokenizer:
    return cache(lambda architecture: load_tokenizer(str(encoder_folder(architecture))))


@pytest.fixture(scope="module")
def stored(tokenizer_of: MakeTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder with what is needed to cut words without transformers."""

    @cache
    def store(architecture: str) -> Path:
        folder = tmp_path_factory.mktemp(architecture)
        store_word_pieces(tokenizer_of(architecture), folder)
        return folder

    return store


def cut(word_pieces: WordPieces, words: list[str]) -> list[list[int]]:
    pieces, offsets = word_pieces(words)
    assert pieces.dtype == np.int32
    assert offsets.dtype == np.int64
    assert (offsets[0], offsets[-1], len(offsets)) == (0, len(pieces), len(words) + 1)
    return [pieces[a:b].tolist() for a, b in pairwise(offsets)]


def cut_by_transformers(tokenizer: PreTrainedTokenizerBase, words: list[str]) -> list[list[int]]:
    encoded = tokenizer(words, is_split_into_words=True)
    pieces: list[list[int]] = [[] for _ in words]
    for piece, word in zip(encoded["input_ids"], encoded.word_ids(), strict=True):
        if word is not None:
            pieces[word].append(piece)
    return pieces


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "minilm"])
def test_pieces_are_those_of_the_whole_sentence(
    architecture: str, word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer
) -> None:
    cutter = word_pieces(architecture)
    for sentence in read("sample")[::3]:
        words = list(sentence.words)
        pieces = cut(cutter, words)
        assert pieces == cut_by_transformers(tokenizer_of(architecture), words)
        whole = tokenizer_of(architecture)(words, is_split_into_words=True)["input_ids"]
        assert [*cutter.prefix, *chain(*pieces), *cutter.suffix] == whole


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@settings(deadline=None, max_examples=100)
@given(words=st.lists(WORDS, max_size=10))
def test_pieces_of_any_words(
    architecture: str, words: list[str], word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer
) -> None:
    assume(not any(token in word for token in SPECIAL_TOKENS for word in words))
    cutter = word_pieces(architecture)
    unknown = [tokenizer_of(architecture).unk_token_id]
    assert cut(cutter, words) == [
        pieces or unknown for pieces in cut_by_transformers(tokenizer_of(architecture), words)
    ]


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "minilm"])
def test_special_tokens_in_the_text_are_text(
    architecture: str, word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer
) -> None:
    cutter = word_pieces(architecture)
    special = set(tokenizer_of(architecture).all_special_ids) - {tokenizer_of(architecture).unk_token_id}
    tokens = [*SPECIAL_TOKENS, *tokenizer_of(architecture).all_special_tokens]
    for word, pieces in zip(tokens, cut(cutter, [f"in{token}in" for token in tokens]), strict=True):
        assert len(pieces) > 1, word
        assert not special.intersection(pieces), word
    assert not special.intersection(*cut(cutter, tokens))
    assert all(cut(cutter, tokens))


@pytest.mark.parametrize(
    ("architecture", "word", "pieces"),
    [
        ("minilm", "[SEP]", ["[", "sep", "]"]),
        ("roberta", "</s>", ["\u0120", "<", "/", "s", ">"]),
        ("modernbert", "[SEP]", ["\u0120", "[", "S", "E", "P", "]"]),
        ("deberta-v3", "[SEP]", ["\u2581", "[UNK]"]),
    ],
)
def test_pieces_of_a_special_token(
    architecture: str, word: str, pieces: list[str], word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer
) -> None:
    cutter = word_pieces(architecture)
    assert tokenizer_of(architecture).convert_ids_to_tokens(cut(cutter, [word])[0]) == pieces


@pytest.mark.parametrize("architecture", ["bert-uncased", "bert-cased", "distilbert"])
def test_words_without_pieces_are_unknown(
    architecture: str, word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer
) -> None:
    cutter = word_pieces(architecture)
    words = ["\x10", "\u200b", "\u00ad", "\ufffd", " ", "\x00\x01"]
    assert cut_by_transformers(tokenizer_of(architecture), words) == [[]] * len(words)
    assert cut(cutter, words) == [[tokenizer_of(architecture).unk_token_id]] * len(words)


@pytest.mark.parametrize("architecture", ["roberta", "modernbert"])
def test_byte_pieces_are_those_of_running_text(
    architecture: str, word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer, encoder_folder: Callable[[str], Path]
) -> None:
    cutter = word_pieces(architecture)
    words = ["Officials", "saw", "Paris", "in", "March"]
    assert tokenizer_of(architecture).convert_ids_to_tokens(cut(cutter, ["in"])[0]) == ["\u0120in"]
    published = AutoTokenizer.from_pretrained(encoder_folder(architecture))
    assert published("in", add_special_tokens=False)["input_ids"] != cut(cutter, ["in"])[0]
    running = published(" " + " ".join(words), add_special_tokens=False)["input_ids"]
    assert list(chain(*cut(cutter, words))) == running


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_saved_tokenizer_cuts_alike(
    architecture: str, word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer, tmp_path: Path
) -> None:
    cutter = word_pieces(architecture)
    tokenizer_of(architecture).save_pretrained(tmp_path)
    again = word_pieces_of(load_tokenizer(str(tmp_path)))
    words = [word for sentence in read("sample")[:50] for word in sentence.words]
    assert cut(again, words) == cut(cutter, words)
    assert (again.prefix, again.suffix, again.pad_id) == (cutter.prefix, cutter.suffix, cutter.pad_id)


def test_specials_are_those_of_the_architecture(word_pieces: MakeWordPieces, tokenizer_of: MakeTokenizer) -> None:
    for architecture in ARCHITECTURES:
        cutter = word_pieces(architecture)
        tokenizer = tokenizer_of(architecture)
        assert cutter.prefix == (tokenizer.cls_token_id,)
        assert cutter.suffix == (tokenizer.sep_token_id,)
        assert cutter.pad_id == tokenizer.pad_token_id


@pytest.mark.parametrize("architecture", ["bert-cased", "roberta", "deberta-v3"])
def test_enormous_words_are_cut_quickly(architecture: str, word_pieces: MakeWordPieces) -> None:
    [pieces] = cut(word_pieces(architecture), ["\u00e9a-" * 1_000_000])
    assert 0 < len(pieces) <= 30_000


def test_repeated_and_no_words(word_pieces: MakeWordPieces) -> None:
    cutter = word_pieces("bert-cased")
    one, two = cut(cutter, ["Turkey", "ferry"])
    assert cut(cutter, ["ferry", "Turkey", "ferry"]) == [two, one, two]
    assert cut(cutter, []) == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_folder_without_tokenizer(architecture: str, tmp_path: Path, encoder_folder: Callable[[str], Path]) -> None:
    with pytest.raises(EncoderError, match="expected a tokenizer in"):
        load_tokenizer(str(tmp_path))
    for name in ("config.json", "model.safetensors"):
        shutil.copy(encoder_folder(architecture) / name, tmp_path)
    with pytest.raises(EncoderError, match="expected a tokenizer in"):
        load_tokenizer(str(tmp_path))


def test_a_damaged_tokenizer(tmp_path: Path, encoder_folder: Callable[[str], Path]) -> None:
    shutil.copytree(encoder_folder("bert-cased"), tmp_path, dirs_exist_ok=True)
    state = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    state["model"]["type"] = "Nonsense"
    (tmp_path / "tokenizer.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(EncoderError, match="could not load one"):
        load_tokenizer(str(tmp_path))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@settings(max_examples=100)
@given(words=st.lists(WORDS | st.sampled_from(SPECIAL_TOKENS), max_size=10))
def test_stored_pieces_are_the_same_without_transformers(
    architecture: str, words: list[str], word_pieces: MakeWordPieces, stored: Callable[[str], Path]
) -> None:
    expected, light = word_pieces(architecture), WordPieces.load(stored(architecture))
    assert cut(light, words) == cut(expected, words)
    assert light.special == expected.special


@pytest.mark.parametrize("name", ["tokenizer.json", SPECIAL_PIECES])
def test_damaged_stored_pieces(name: str, stored: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(stored("bert-cased"), tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_text("{", encoding="utf-8")
    with pytest.raises(EncoderError, match=name):
        WordPieces.load(tmp_path)


def test_what_was_learnt_can_be_forgotten(stored: Callable[[str], Path]) -> None:
    cutter = WordPieces.load(stored("bert-cased"))
    first = cut(cutter, ["Ada", "wrote", "\u200b"])
    cutter.forget(3)
    assert cutter.without_piece([]) == set()
    assert len(cutter._index) == 3
    cutter.forget(2)
    assert len(cutter._index) == 0
    assert cut(cutter, ["Ada", "wrote", "\u200b"]) == first


def test_an_interrupted_call_leaves_nothing_behind(stored: Callable[[str], Path]) -> None:
    cutter, expected = WordPieces.load(stored("bert-cased")), WordPieces.load(stored("bert-cased"))
    cut(cutter, ["Ada"])
    cutter._pieces.append(7)  # a word's first piece, where Ctrl-C came before the second
    assert cut(cutter, ["wrote", "Ada"]) == cut(expected, ["wrote", "Ada"])


@pytest.mark.parametrize(
    ("limits", "expected"), [((0, None, 1e30), 512), ((), 512), ((40, 512, 512), 40), ((600, 512, 1e30), 512)]
)
def test_the_least_limit_holds(limits: tuple[float | None, ...], expected: int) -> None:
    assert piece_limit(*limits) == expected
