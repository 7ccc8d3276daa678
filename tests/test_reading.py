"""From what a user names to the parts of a run."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest

import nomina
from nomina.data.formats import is_there
from nomina.data.formats.stream import BadRecord
from nomina.errors import ConfigError, DataError
from nomina.reading import load_parts, stream_for_prediction
from nomina.training.config import DataConfig, RunConfig


def write(path: Path, corpus: nomina.Corpus) -> Path:
    rows = (
        "".join("\t".join(row) + "\n" for row in zip(s.words, s.features["pos"], s.labels or (), strict=True))
        for s in corpus
    )
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def words(corpus: nomina.Corpus | None) -> list[tuple[str, ...]]:
    assert corpus is not None
    return [sentence.words for sentence in corpus]


def words_to_label(source: Path | BinaryIO) -> list[tuple[str, ...]]:
    records = stream_for_prediction(source, "auto", DataConfig())
    return [record.words for record in records if isinstance(record, nomina.Sentence)]


def test_a_corpus_is_split_and_nothing_is_lost() -> None:
    sample = nomina.read("sample")
    parts = load_parts(RunConfig.build(None, train=("sample",)))
    together = words(parts.train) + words(parts.dev) + words(parts.test)
    assert sorted(together) == sorted(words(sample))
    assert parts.dev is not None
    documents = [{sentence.document for sentence in part} for _, part in parts.items()]
    assert not documents[0] & documents[1]
    assert not documents[0] & documents[2]
    types = set(sample.stats().types)
    assert all(set(part.stats().types) == types for _, part in parts.items())


def test_files_for_dev_and_test_are_taken_as_they_are(tmp_path: Path) -> None:
    sample = nomina.read("sample")
    train, dev, test = (
        write(tmp_path / f"{i}.conll", sample[a:b]) for i, (a, b) in enumerate([(0, 50), (50, 60), (55, 70)])
    )
    said: list[str] = []
    config = RunConfig.build(None, train=(str(train),), dev=str(dev), test=str(test), limit_train=40, limit_test=10)
    parts = load_parts(config, say=said.append)
    assert words(parts.train) == words(sample[:40])
    assert words(parts.dev) == words(sample[50:60])
    assert words(parts.test) == words(sample[55:65])
    config = RunConfig.build(None, train=(str(train),), test=str(test))
    parts = load_parts(config)
    assert words(parts.test) == words(sample[55:70])
    assert sorted(words(parts.train) + words(parts.dev)) == sorted(words(sample[:50]))


def test_leaks_and_unused_columns_are_said(tmp_path: Path) -> None:
    sample = nomina.read("sample")
    config = RunConfig.build(None, train=("memory",), features=("none",), split=(100, 0, 0))
    said: list[str] = []
    parts = load_parts(config, {"train": sample[:20], "test": sample[15:30]}, say=said.append)
    n_leaks = sum(len(s) > 3 for s in sample[15:20])
    assert any(f"{n_leaks} sentences of the test part" in line for line in said)
    assert any("no feature uses: pos" in line for line in said)
    assert {note.kind for note in parts.notes} >= {"leak", "unused_column"}


def test_labels_of_any_scheme_become_iob2() -> None:
    from nomina.data.tags import Scheme
    from nomina.training.prepare import with_scheme

    sample = nomina.read("sample")[:30]
    for scheme in Scheme:
        other = with_scheme(sample, scheme)
        parts = load_parts(RunConfig.build(None, split=(100, 0, 0)), {"train": replace(other, scheme=None)})
        assert [s.labels for s in parts.train] == [s.labels for s in sample]


def test_an_empty_part_is_none() -> None:
    train, dev, test = nomina.read("sample").split((90, 10, 0))
    parts = load_parts(RunConfig(), {"train": train, "dev": dev, "test": test})
    assert (words(parts.train), words(parts.dev), parts.test) == (words(train), words(dev), None)


def test_a_feature_on_some_sentences_only_is_said() -> None:
    sample = nomina.read("sample")[:20]
    mixed = replace(sample, sentences=(replace(sample[0], features={}), *sample.sentences[1:]))
    parts = load_parts(RunConfig.build(None, split=(100, 0, 0)), {"train": mixed})
    assert [note.message for note in parts.notes if note.kind == "partial_feature"] == [
        "the feature 'pos' stands on 19 of 20 training sentences only; it is not used"
    ]


def test_a_part_without_tags_is_refused_before_training() -> None:
    sample = nomina.read("sample")[:20]
    bare = nomina.Corpus(tuple(nomina.Sentence(s.words) for s in sample))
    with pytest.raises(DataError, match="test part"):
        load_parts(RunConfig.build(None, split=(80, 20, 0)), {"train": sample, "test": bare})


def test_without_training_data() -> None:
    with pytest.raises(ConfigError, match="at least one file"):
        load_parts(RunConfig())


def test_words_to_label_from_what_is_no_text(tmp_path: Path) -> None:
    from nomina.data.formats.writing import write as write_corpus

    sample = nomina.read("sample")[:10]
    write_corpus(sample, tmp_path / "brat", format="brat")
    assert sorted(words_to_label(tmp_path / "brat")) == sorted(words(sample))
    pytest.importorskip("pyarrow", reason="needs the extra nomina[parquet]")
    write_corpus(sample, tmp_path / "x.parquet")
    with (tmp_path / "x.parquet").open("rb") as file:
        assert words_to_label(file) == words(sample)
    config = RunConfig.build(None, train=(str(tmp_path / "brat"), str(tmp_path / "x.parquet")), split=(100, 0, 0))
    assert all(map(is_there, config.data.train))
    (tmp_path / "empty").mkdir()
    assert not is_there(str(tmp_path / "empty"))
    assert len(load_parts(config).train) == 20


def test_policies_for_spans_are_settings(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Ada wrote", "label": [[1, 9, "a"], [0, 3, "b"]]}\n')

    def labels(**settings: str) -> tuple[str, ...] | None:
        return load_parts(RunConfig.build(None, train=(str(path),), split=(100, 0, 0), **settings)).train[0].labels

    assert labels() == ("B-a", "I-a")
    assert labels(overlaps="innermost") == ("B-b", "O")
    assert labels(cut_spans="shrink") == ("B-b", "B-a")


def test_settings_say_how_words_to_label_are_read() -> None:
    text = b"Ada\tNNP\tB-per\nwrote\tVBD\n"
    (sentence,) = stream_for_prediction(BytesIO(text.replace(b"\tB-per", b"")), "auto", DataConfig(columns="word,pos"))
    assert isinstance(sentence, nomina.Sentence)
    assert sentence.features == {"pos": ("NNP", "VBD")}
    with pytest.raises(DataError, match="standard input:2: expected 3 columns"):
        words_to_label(BytesIO(text))
    (bad,) = stream_for_prediction(BytesIO(text), "auto", DataConfig(), on_error="mark")
    assert isinstance(bad, BadRecord)
    assert (bad.line, bad.raw) == (2, text.decode().removesuffix("\n"))
