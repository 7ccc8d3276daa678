import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomina.data import Sentence, read, read_spans, split
from nomina.data.splitting import MIN_TYING_WORDS, Plan, Split, plan
from nomina.errors import DataError


def make(words: str, tags: str = "", document: str | None = None) -> Sentence:
    tokens = tuple(words.split())
    return Sentence(tokens, labels=tuple(tags.split()) if tags else ("O",) * len(tokens), document=document)


def types(sentences: list[Sentence], indices: list[int]) -> Counter[str]:
    return Counter(span.label for i in indices for span in read_spans(sentences[i].labels or ()).spans)


def random_corpus(n: int, seed: int = 0, documents: int = 0) -> list[Sentence]:
    rng = random.Random(seed)
    sentences = []
    for i in range(n):
        length = rng.randint(1, 30)
        tags = rng.choices(["O", "B-common", "B-some", "B-rare"], [0.9, 0.07, 0.028, 0.002], k=length)
        document = f"d{i * documents // n}" if documents else None
        sentences.append(make(" ".join(f"w{rng.randrange(3_000)}" for _ in range(length)), " ".join(tags), document))
    return sentences


def test_parts_cover_all_in_file_order() -> None:
    sentences = random_corpus(1_000)
    result = split(sentences)
    assert isinstance(result, Split)
    assert sorted(i for part in result for i in part) == list(range(1_000))
    assert all(part == sorted(part) for part in result)


@pytest.mark.parametrize("fractions", [(80.0, 10.0, 10.0), (0.6, 0.2, 0.2), (1, 1, 1)])
@pytest.mark.parametrize("documents", [0, 300])
def test_sizes_and_types_keep_to_the_fractions(fractions: tuple[float, ...], documents: int) -> None:
    sentences = random_corpus(3_000, documents=documents)
    total_words, total_types = sum(map(len, sentences)), types(sentences, list(range(3_000)))
    for part, fraction in zip(split(sentences, fractions), fractions, strict=True):
        share = fraction / sum(fractions)
        assert sum(len(sentences[i]) for i in part) == pytest.approx(share * total_words, rel=0.05)
        assert len(part) == pytest.approx(share * 3_000, rel=0.05)
        for label, n in types(sentences, part).items():
            assert n == pytest.approx(share * total_types[label], rel=0.1, abs=2), label


def test_long_sentences_do_not_all_go_to_one_part() -> None:
    sentences = random_corpus(3_000)
    means = [sum(len(sentences[i]) for i in part) / len(part) for part in split(sentences)]
    assert max(means) / min(means) < 1.05


def test_seeds_decide() -> None:
    sentences = random_corpus(500)
    assert split(sentences, seed=1) == split(sentences, seed=1)
    assert split(sentences, seed=1) != split(sentences, seed=2)


def test_the_same_in_every_process() -> None:
    program = (
        "import random; from nomina.data import Sentence, split; rng = random.Random(0);"
        "s = [Sentence(tuple(str(rng.random()) for _ in range(5)), labels=tuple(rng.choice(['O', 'B-x', 'B-y', 'B-z'])"
        " for _ in range(5)), document=str(i // 3)) for i in range(200)]; print(split(s))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


def test_the_same_in_every_version() -> None:
    # Written down once: a change of this split breaks the comparison with every earlier run.
    result = split(random_corpus(60, seed=5, documents=25), (70, 15, 15), seed=7)
    assert result.dev == [20, 21, 44, 45, 48, 49, 50, 58, 59]
    assert result.test == [12, 13, 14, 15, 16, 34, 35, 46, 47]


def test_repeated_sentences_stay_together() -> None:
    sentences = [make(f"w{i % 40}") for i in range(200)]
    places = [{sentences[i].words for i in part} for part in split(sentences, (50, 25, 25))]
    assert sum(map(len, places)) == 40


def test_documents_stay_whole_and_so_do_their_repeated_sentences() -> None:
    sentences = [make(f"a{i} b c d", document=f"d{i // 5}") for i in range(300)]
    sentences[7] = make("the very same words", document="d1")
    sentences[290] = make("the very same words", document="d58")
    parts, notes = plan(sentences)
    place = {sentences[i].document: name for name, part in enumerate(parts) for i in part}
    assert all(place[sentences[i].document] == name for name, part in enumerate(parts) for i in part)
    assert place["d1"] == place["d58"]
    assert notes == ()


def test_short_repeated_sentences_do_not_tie_documents_and_are_said() -> None:
    sentences = [make("Yes ." if i % 5 == 0 else f"a{i} b c d", document=f"d{i // 5}") for i in range(300)]
    assert len(sentences[0]) < MIN_TYING_WORDS
    parts, notes = plan(sentences)
    assert len({sentences[i].document for i in parts.test}) == 6
    (note,) = notes
    assert (note.kind, note.count) == ("short_repeats", 1)


def test_chained_documents_are_split_by_sentence_and_it_is_said() -> None:
    sentences = [
        make("all rights reserved here" if i % 5 == 0 else f"a{i} b c d", document=f"d{i // 5}") for i in range(300)
    ]
    parts, (note,) = plan(sentences)
    assert note.kind == "documents_split"
    assert "100 % of the words" in note.message
    words = [{sentences[i].words for i in part} for part in parts]
    assert sum(map(len, words)) == len(set.union(*words))


def test_too_few_documents_are_split_by_sentence() -> None:
    _, (note,) = plan([make(f"a{i} b c d", document=f"d{i // 50}") for i in range(100)])
    assert "only 2 separate groups of documents for 3 parts" in note.message


@given(st.integers(3, 60), st.integers(0, 20), st.integers(), st.sampled_from([(80, 10, 10), (1, 1, 1), (98, 1, 1)]))
def test_a_type_in_three_sentences_comes_into_three_parts(
    n: int, n_plain: int, seed: int, fractions: tuple[int, ...]
) -> None:
    # Each type has three sentences of its own at the least.
    sentences = [make(f"w{i} x", f"B-t{i % max(1, n // 3)} O") for i in range(n)] + [
        make(f"p{i}") for i in range(n_plain)
    ]
    found = {
        part_types for part in split(sentences, fractions, seed) for part_types in [frozenset(types(sentences, part))]
    }
    assert len(found) == 1


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcd"), max_size=3), min_size=30, max_size=60), st.integers(0, 3))
def test_common_types_come_into_every_part(kinds: list[set[str]], seed: int) -> None:
    sentences = [
        make(f"w{i} " + "x " * len(k), "O " + " ".join(f"B-{t}" for t in sorted(k))) for i, k in enumerate(kinds)
    ]
    n_sentences = Counter(t for k in kinds for t in k)
    parts = split(sentences, (80, 10, 10), seed)
    for part in parts:
        assert {t for t, n in n_sentences.items() if n >= 8} <= set(types(sentences, part))


def test_a_share_of_zero_leaves_a_part_empty() -> None:
    result = split(random_corpus(100), (90, 0, 10))
    assert (len(result.train), len(result.dev), len(result.test)) == (90, 0, 10)
    assert split(random_corpus(5), (1, 0, 0)).train == [0, 1, 2, 3, 4]


def test_every_part_with_a_share_gets_something() -> None:
    assert all(split([make(f"w{i}") for i in range(3)], (98, 1, 1)))


@pytest.mark.parametrize("sentences", [[], [make("a"), make("b")], [make("a")] * 50])
def test_too_few_sentences(sentences: list[Sentence]) -> None:
    with pytest.raises(DataError, match="expected sentences for every part, found too few"):
        split(sentences)


@pytest.mark.parametrize("fractions", [(1, 1), (1, 1, -1), (0, 0, 0), (1, 1, float("nan")), (1, 1, float("inf"))])
def test_faulty_fractions(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="three non-negative fractions"):
        split([make("a")], fractions)


def test_unlabelled_sentences_are_split_too() -> None:
    result = plan([Sentence((f"w{i}",)) for i in range(100)])
    assert isinstance(result, Plan)
    assert list(map(len, result.split)) == [80, 10, 10]


def test_a_large_corpus_takes_seconds() -> None:
    sentences = random_corpus(48_000)
    start = time.process_time()
    split(sentences)
    assert time.process_time() - start < 8


def test_ewt(shared: Path) -> None:
    corpus = read(shared / "uner-en-ewt" / "dev.conllu")
    train, dev, test = corpus.split()
    assert [note.kind for note in train.notes] == ["short_repeats"]
    documents = [{s.document for s in part} for part in (train, dev, test)]
    assert sum(map(len, documents)) == corpus.stats().n_documents
    for part, share in ((train, 0.8), (dev, 0.1), (test, 0.1)):
        assert part.n_words == pytest.approx(share * corpus.n_words, rel=0.03)
        assert set(part.stats().types) == {"PER", "ORG", "LOC"}
