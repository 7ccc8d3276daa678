"""Files labelled one after another: in order, in constant memory, continued where they were cut off."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forked import Command
from nomina.data.formats import read
from nomina.data.formats.write import WRITERS
from nomina.encoding.tokenizers import load_tokenizer
from nomina.errors import ConfigError, DataError, OutputError
from nomina.files import part_of
from nomina.inference import Predictor
from nomina.predicting import OutputFormat, PredictOptions, label_file, label_stream, outputs_of, sources_of
from taggers import make_tagger

SAMPLE = read("sample")[:60]
JSONL = PredictOptions(to="jsonl")


@pytest.fixture(scope="module")
def folder(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    Predictor.of(make_tagger(tiny_bert), load_tokenizer(str(tiny_bert))).save(path)
    return path


@pytest.fixture(scope="module")
def predictor(folder: Path) -> Predictor:
    return Predictor.load(folder)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """Words and POS tags in columns."""
    path = tmp_path / "words.conll"
    blocks = ("".join(f"{w}\t{p}\n" for w, p in zip(s.words, s.features["pos"], strict=True)) for s in SAMPLE)
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("to", ["conll", "jsonl"])
def test_a_file_is_labelled_as_its_sentences_are(
    to: OutputFormat, predictor: Predictor, words: Path, tmp_path: Path
) -> None:
    predicted = label_file(predictor, words, tmp_path / "out", PredictOptions(to=to))
    sentences = [replace(s, labels=None, document=None) for s in SAMPLE]
    expected = predictor.predict(sentences)
    assert isinstance(expected, list)
    written = (tmp_path / "out").read_text(encoding="utf-8")
    assert written == "".join(WRITERS[to](p.sentence, p.labels, p.spans) for p in expected)
    assert (predicted.n_sentences, predicted.n_words) == (60, SAMPLE.n_words)
    assert sum(predicted.entities.values()) == sum(len(p.spans) for p in expected)
    assert not part_of(tmp_path / "out").exists()


def test_a_stream_of_bytes_and_a_pipe_of_text(predictor: Predictor, words: Path) -> None:
    target = io.StringIO()
    predicted = label_stream(predictor, io.BytesIO(words.read_bytes()), target)
    assert target.getvalue().count("\n\n") == 60
    assert predicted.source == "standard input"


@pytest.mark.parametrize("n_written", [0, 1, 30, 59])
def test_an_output_that_was_cut_off_is_continued(
    n_written: int, predictor: Predictor, words: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    label_file(predictor, words, whole, JSONL)
    with pytest.raises(KeyboardInterrupt):
        label_file(predictor, words, cut, JSONL, watch=interrupting(n_written + 1))
    lines = part_of(cut).read_text(encoding="utf-8").splitlines(keepends=True)
    part_of(cut).write_text("".join(lines[:n_written]) + lines[n_written][:10], encoding="utf-8")
    with pytest.raises(OutputError, match="--resume"):
        label_file(predictor, words, cut, JSONL)
    predicted = label_file(predictor, words, cut, JSONL, resume=True)
    assert cut.read_bytes() == whole.read_bytes()
    assert (predicted.n_earlier, predicted.n_sentences) == (n_written, 60 - n_written)
    # What is complete is left as it is.
    before = cut.stat().st_mtime_ns
    assert label_file(predictor, words, cut, JSONL, resume=True).n_sentences == 0
    assert cut.stat().st_mtime_ns == before


def interrupting(n: int) -> Callable[..., None]:
    """Interrupts when so many records are written."""

    def watch(predicted: Any, stream: Any) -> None:
        if predicted.n_sentences == n:
            raise KeyboardInterrupt

    return watch


def test_only_the_same_is_continued(predictor: Predictor, words: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        label_file(predictor, words, output, JSONL, watch=interrupting(5))
    with pytest.raises(OutputError, match="another settings"):
        label_file(predictor, words, output, replace(JSONL, tags="none"), resume=True)
    text = words.read_text(encoding="utf-8")
    words.write_text("one\tNN\n\n" + text, encoding="utf-8")
    with pytest.raises(OutputError, match=r"record 5 of (.|\n)*the input has changed"):
        label_file(predictor, words, output, JSONL, resume=True)
    assert len(rows_of(part_of(output))) == 5
    words.write_text(text + "\nmore\tNN\n", encoding="utf-8")  # what was added to the end is welcome
    assert label_file(predictor, words, output, JSONL, resume=True).n_sentences == 56


GOOD = [("Zürich", "für", "drüben"), *(s.words for s in SAMPLE[:7])]


def broken(path: Path) -> Path:
    """JSON lines in UTF-8, of which the fourth is no JSON and the sixth has a byte that is no character."""
    lines = [json.dumps({"tokens": words}, ensure_ascii=False).encode() for words in GOOD]
    lines[3], lines[5] = b'{"tokens": ["half', b'{"tokens": ["caf\xe9"]}'
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.mark.parametrize("to", ["conll", "jsonl"])
def test_a_bad_record_stops_after_what_came_before(to: OutputFormat, predictor: Predictor, tmp_path: Path) -> None:
    source, output = broken(tmp_path / "in.jsonl"), tmp_path / "out"
    with pytest.raises(DataError, match=r"in\.jsonl:4: (.|\n)*3 records before it are in .*out\.part"):
        label_file(predictor, source, output, PredictOptions(to=to))
    assert not output.exists()
    lines = source.read_bytes().split(b"\n")
    lines[3], lines[5] = b'{"tokens": ["mended"]}', b'{"tokens": ["mended", "too"]}'
    source.write_bytes(b"\n".join(lines))
    assert label_file(predictor, source, output, PredictOptions(to=to), resume=True).n_sentences == 5


@pytest.mark.parametrize("to", ["conll", "jsonl"])
def test_bad_records_are_passed_on_marked(to: OutputFormat, predictor: Predictor, tmp_path: Path) -> None:
    source, output = broken(tmp_path / "in.jsonl"), tmp_path / "out"
    options = PredictOptions(to=to, on_error="mark")
    predicted = label_file(predictor, source, output, options)
    assert (predicted.n_sentences, predicted.n_bad) == (6, 2)
    if to == "jsonl":
        rows = rows_of(output)
        assert [i for i, row in enumerate(rows) if "error" in row] == [3, 5]
        assert [row["line"] for row in rows if "error" in row] == [4, 6]
        assert rows[3]["raw"] == '{"tokens": ["half'
        assert [tuple(row["tokens"]) for row in rows if "tokens" in row] == [
            words for i, words in enumerate(GOOD) if i not in (3, 5)
        ]
    else:
        blocks = output.read_text(encoding="utf-8").split("\n\n")
        assert blocks[3].startswith(f"# error = {source}:4: ")
        assert '# raw = {"tokens": ["half' in blocks[3]
        again = read(output, columns="word,label")
        assert [s.words for s in again] == [words for i, words in enumerate(GOOD) if i not in (3, 5)]


@pytest.mark.slow
def test_killed_commands_lose_nothing(
    folder: Path, words: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("said") / "nomina"
    many, output, whole = tmp_path / "many.conll", tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    many.write_text("\n".join([words.read_text(encoding="utf-8")] * 60), encoding="utf-8")
    command = ["predict", str(folder), str(many), "--to", "jsonl", "--quiet", "--output"]
    assert Command([*command, str(whole)], log).result().code == 0
    line = [*command, str(output), "--resume"]
    n_kills = 0
    while not output.exists() and n_kills < 3:
        seen = part_of(output).stat().st_size if part_of(output).exists() else 0
        process = Command(line, log)
        deadline = time.monotonic() + 120
        while process.is_running() and time.monotonic() < deadline:
            if part_of(output).exists() and part_of(output).stat().st_size > seen:
                process.kill()
                n_kills += 1
                break
            time.sleep(0.005)
    assert n_kills
    assert Command(line, log).result().code == 0
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.conll", "out.jsonl", "whole.jsonl", "words.conll"]


def test_document_context_is_whole_after_resuming(encoder_folder: Callable[[str], Path], tmp_path: Path) -> None:
    encoder = str(encoder_folder("bert-cased"))
    predictor = Predictor.of(make_tagger(Path(encoder), context="document"), load_tokenizer(encoder))
    source = tmp_path / "in.jsonl"
    rows = ({"tokens": s.words, "document": str(i // 20)} for i, s in enumerate(SAMPLE))
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    label_file(predictor, source, whole, JSONL)
    with pytest.raises(KeyboardInterrupt):
        label_file(predictor, source, cut, JSONL, watch=interrupting(31))
    label_file(predictor, source, cut, JSONL, resume=True)
    assert cut.read_bytes() == whole.read_bytes()


def test_inputs_and_their_outputs(tmp_path: Path) -> None:
    for name in ("b.txt", "a.conll.gz", ".hidden", "c"):
        (tmp_path / name).write_text("x")
    (tmp_path / "sub").mkdir()
    sources = sources_of([str(tmp_path), "-"])
    assert [Path(source).name for source in sources] == ["a.conll.gz", "b.txt", "c", "-"]
    outputs = outputs_of(sources[:-1], Path("out"), "jsonl")
    assert [path.name for path in outputs] == ["a.jsonl", "b.jsonl", "c.jsonl"]
    with pytest.raises(ConfigError, match="would both be written"):
        outputs_of([*sources[:-1], "other/b.conll"], Path("out"), "jsonl")
    (tmp_path / "b.jsonl").write_text("x")
    with pytest.raises(ConfigError, match="one of the files that are read"):
        outputs_of([str(tmp_path / "b.txt"), str(tmp_path / "b.jsonl")], tmp_path, "jsonl")
    with pytest.raises(DataError, match="found none"):
        sources_of([str(tmp_path / "sub")])
