"""Every number of a real report, counted anew from the file of predictions, and the report in a real browser."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nomina
from expected_report import Expected, Facts, error_faults, expected_texts, text_faults
from figures import without_figures
from nomina.data.records import Sentence
from nomina.encoding.windows import window_borders
from nomina.judging import Judged
from printed import Page, Place, read_page
from recount import KINDS, Recount, kind_of
from visits import facet_counts, go, status

if TYPE_CHECKING:
    from visits import Visits

pytestmark = pytest.mark.slow

SETTINGS: dict[str, Any] = {
    "learning_rate": 2e-3,
    "head_learning_rate": 1e-2,
    "batch_size": 8,
    "device": "cpu",
    "threads": 1,
    "progress": False,
    "say": lambda line: None,
}


@dataclass(frozen=True)
class Report:
    """A report that was written, and what it was written from."""

    html: str
    scores: dict[str, Any]
    page: Page
    recount: Recount
    facts: Facts

    @cached_property
    def expected(self) -> dict[Place, Expected]:
        """Every text of the page that has a number."""
        return expected_texts(self.recount, self.facts)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Documents of the sample for training, dev and test; and words and entity tags alone, ``geo`` by another name."""
    folder = tmp_path_factory.mktemp("parts")
    documents: dict[str | None, list[Sentence]] = {}
    for sentence in nomina.read("sample"):
        documents.setdefault(sentence.document, []).append(sentence)
    each = list(documents.values())
    # Some documents are seen in training, so that a small model has something to be right in.
    files = {"train": each[:9], "dev": each[6:12], "test": each[4:18]}
    paths = {name: folder / f"{name}.jsonl" for name in files}
    for name, path in paths.items():
        path.write_text("".join(json.dumps(_record(s)) + "\n" for document in files[name] for s in document))
    rows = [
        [(word, tag.replace("geo", "place")) for word, tag in zip(s.words, s.labels or (), strict=True)]
        for document in each[4:14]
        for s in document
    ]
    paths["bare"] = folder / "bare.conll"
    paths["bare"].write_text("".join("".join(f"{word} {tag}\n" for word, tag in row) + "\n" for row in rows))
    return paths


def _record(sentence: Sentence) -> dict[str, Any]:
    tags = {"pos_tags": sentence.features["pos"], "ner_tags": sentence.labels}
    return {"tokens": sentence.words, **tags, "document": sentence.document}


@pytest.fixture(scope="module")
def models(parts: dict[str, Path], tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model that reads windows of few pieces, judged as it was trained; and one in another tag scheme."""
    folder = tmp_path_factory.mktemp("models")
    settings = {"encoder": str(tiny_bert), **SETTINGS}
    sides: dict[str, Any] = {"dev": parts["dev"], "test": parts["test"]}
    nomina.train(parts["train"], output=folder / "windows", epochs=14, max_pieces=32, **sides, **settings)
    alone: dict[str, Any] = {"label_scheme": "BIOES", "split": (100, 0, 0)}
    with without_figures():
        nomina.train(parts["train"], output=folder / "other", epochs=14, **alone, **settings)
    return {name: folder / name for name in ("windows", "other")}


@pytest.fixture(scope="module")
def trained(parts: dict[str, Path], models: dict[str, Path]) -> Report:
    folder, source = models["windows"], str(parts["test"])
    scores = json.loads((folder / "scores.json").read_text())
    recount = recount_of(folder, folder, source)
    predict_s = scores["training"]["predict_s"]["test"]
    facts = Facts(
        source,
        (predict_s - 0.005, predict_s + 0.005),
        subtitle=" (test part)",
        by_tags=by_tags(recount, folder),
        texts=texts_of_training(folder, parts, scores),
    )
    return report(folder, scores["test"], recount, facts)


def texts_of_training(folder: Path, parts: dict[str, Path], scores: dict[str, Any]) -> dict[Place, str]:
    """What the run itself wrote down, and the sizes of the files."""
    n_spans = scores["dev"]["temperature"]["n_spans"]
    fitted = f"The temperature was fitted on the {n_spans:,} spans predicted on the dev part."
    texts: dict[Place, str] = {("confidence", "p", "number 1"): fitted}
    for name in ("train", "dev", "test"):
        rows = rows_of(parts[name])
        n_words = sum(len(row["tokens"]) for row in rows)
        texts["data", name] = f"{len(rows):,} sentences, {n_words:,} words, {parts[name]}"
    texts["data", "said while reading"] = "; ".join(note["message"] for note in scores["notes"])
    texts |= sizes_of({name: (str(parts[name]), rows_of(parts[name])) for name in ("train", "dev", "test")})
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    best = max((row for row in history if "dev_f1" in row), key=lambda row: row["dev_f1"])["step"]
    facts = scores["training"]
    said = f"{facts['train_s']:.0f} s, {history[-1]['step']:,} steps, best after step {best:,}"
    texts["training", "training"] = said
    texts["training", "word pieces"] = f"{facts['n_pieces']:,}, {facts['padding']:.1%} of them padding"
    texts["training", "parameters"] = f"{n_parameters(folder / 'model.safetensors'):,}"
    run = (folder / "run.toml").read_text().strip()
    encoder = re.search('^encoder = "(.*)"', run, re.M)
    assert encoder is not None
    if re.search(r"\d", encoder[1]):
        texts["training", "encoder"] = encoder[1]
    texts["training", "learning rate"] = f"{facts['learning_rate']:.3g}"
    return {**texts, ("settings", "code", "number 1"): run}


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def sizes_of(parts: dict[str, tuple[str, list[dict[str, Any]]]]) -> dict[Place, str]:
    """Sizes in the audit of parts, each with its source."""
    caption = f"What the parts hold ({'; '.join(f'{name}: {source}' for name, (source, _) in parts.items())})"
    sizes = {
        name: {"sentences": len(rows), "words": sum(len(row["tokens"]) for row in rows)}
        for name, (_, rows) in parts.items()
    }
    return {
        ("data", caption, what, name): f"{sizes[name][what]:,}" for what in ("sentences", "words") for name in parts
    }


def n_parameters(weights: Path) -> int:
    with weights.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


@pytest.fixture(scope="module")
def against(parts: dict[str, Path], models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Report:
    """``nomina evaluate --against``: the other model against the first one."""
    folder, source = tmp_path_factory.mktemp("against"), str(parts["test"])
    name = str(models["windows"])
    with without_figures():
        judged = nomina.evaluate(models["other"], source, against=name, output=folder, progress=False)
    recount = recount_of(models["other"], folder, source)
    rival = Recount.read(models["windows"] / "predictions.jsonl", models["windows"], ())
    return evaluated(judged, folder, models["other"], recount, (name, rival.tags))


@pytest.fixture(scope="module")
def bare(parts: dict[str, Path], models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Report:
    """An evaluation on words and entity tags alone."""
    folder, source = tmp_path_factory.mktemp("bare"), str(parts["bare"])
    with without_figures():
        judged = nomina.evaluate(models["windows"], source, output=folder, progress=False)
    return evaluated(judged, folder, models["windows"], recount_of(models["windows"], folder, source), None)


def evaluated(
    judged: Judged, folder: Path, model: Path, recount: Recount, rival: tuple[str, list[list[str]]] | None
) -> Report:
    source = judged.gold.source
    size = f"{len(recount.rows):,} sentences, {recount.n_words:,} words"
    texts: dict[Place, str] = {("data", "evaluated"): f"{source}, {size}"}
    texts |= sizes_of({"evaluated": (source, recount.rows)})
    settings = (model / "run.toml").read_text().strip()
    facts = Facts(
        source,
        (judged.predict_s, judged.predict_s),
        rival=rival,
        by_tags=by_tags(recount, model) if "pos_tags" in recount.rows[0] else {},
        has_figures=False,
        texts={**texts, ("settings", "code", "number 1"): settings},
    )
    return report(folder, json.loads((folder / "scores.json").read_text()), recount, facts)


def report(folder: Path, scores: dict[str, Any], recount: Recount, facts: Facts) -> Report:
    html = (folder / "report.html").read_text(encoding="utf-8")
    return Report(html, scores, read_page(html), recount, facts)


def by_tags(recount: Recount, model: Path) -> dict[str, list[list[str]]]:
    """The model's tags with the corpus's part-of-speech tags, and without any."""
    sentences = [Sentence(tuple(row["tokens"])) for row in recount.rows]
    found = nomina.load(model, device="cpu").predict(sentences)
    assert isinstance(found, list)
    return {"the corpus's own tags": recount.tags, "no tags at all": [list(p.labels) for p in found]}


def recount_of(model: Path, folder: Path, source: str) -> Recount:
    borders = window_borders(nomina.load(model, device="cpu").encode(nomina.read(source).sentences))
    return Recount.read(folder / "predictions.jsonl", model, borders)


@pytest.fixture(scope="module", params=["trained", "against", "bare"])
def any_report(request: pytest.FixtureRequest) -> Report:
    found: Report = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("module", ["printed", "recount", "recount_slices", "expected_report"])
def test_the_recount_owes_nothing_to_what_it_checks(module: str) -> None:
    source = import_module(module).__file__
    assert source is not None
    tree = ast.parse(Path(source).read_text(encoding="utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in named if name.partition(".")[0] == "nomina"}


def test_every_number_is_counted_anew(any_report: Report) -> None:
    assert text_faults(any_report.page, any_report.expected) == []


def test_every_error_is_in_the_browser(any_report: Report) -> None:
    assert error_faults(any_report.page, any_report.recount, any_report.facts) == []


def test_the_figures_of_seqeval_and_nervaluate_are_those_of_scores_json(any_report: Report) -> None:
    recount, scores = any_report.recount, any_report.scores
    names = "precision", "recall", "f1"
    for mode in ("default", "strict"):
        for average in ("micro", "macro", "weighted"):
            official = recount.seqeval(strict=mode == "strict", average=average)
            assert [scores[mode][average][name] for name in names] == pytest.approx(official, abs=1e-12)
        for label, shares in recount.seqeval_types(strict=mode == "strict").items():
            assert [scores[mode]["by_type"][label][name] for name in names] == pytest.approx(shares, abs=1e-12)
    for mode, shares in recount.nervaluate().items():
        assert [scores["modes"][mode]["overall"][name] for name in names] == pytest.approx(shares, abs=1e-12)


def test_the_reports_hold_what_is_to_be_counted(trained: Report, against: Report, bare: Report) -> None:
    kinds = Counter(kind_of(pair) for pairs in trained.recount.pairs for pair in pairs)
    assert set(kinds) == set(KINDS)
    assert trained.recount.n_repaired + against.recount.n_repaired > 0
    assert any(trained.recount.borders)
    assert max(trained.recount.units) + 1 == 14  # documents
    assert bare.recount.units == list(range(len(bare.recount.rows)))
    assert trained.recount.temperature != 1
    assert any("(others)" in place[-2] for place in trained.page.texts)
    assert 0.1 < trained.recount.counted().shares[2] < 0.9
    both = bare.recount.counted("geo"), bare.recount.counted("place")
    assert [counted.n_gold > 0 for counted in both] == [False, True]
    assert [counted.n_predicted > 0 for counted in both] == [True, False]


def test_what_is_not_counted_anew_is_found_out(trained: Report) -> None:
    """The check itself: no number can be altered, added, left out or moved unseen."""

    def n_faults(*changes: tuple[str, str]) -> int:
        html = trained.html
        for old, new in changes:
            assert old in html
            html = html.replace(old, new, 1)
        return len(text_faults(read_page(html), trained.expected))

    figure = '<dt>recall</dt><dd class="value">{}</dd>'
    share = trained.page.texts["summary", "recall"]
    assert n_faults((figure.format(share), figure.format(f"{float(share) + 1e-4:.4f}"))) == 1
    assert n_faults(('<h2 id="slices-title">', '<p>All of 7 slices.</p><h2 id="slices-title">')) == 1
    assert n_faults(("<dt>temperature</dt>", "<dt>heat</dt>")) == 2
    assert n_faults(("<dt>temperature</dt>", "<dt>spans</dt><dd>12</dd></div><div><dt>temperature</dt>")) == 1
    rows = re.findall(r"<tr>\n<th scope=\"row\">capitalisation.*?</tr>\n", trained.html, re.S)
    assert n_faults((rows[0] + rows[1], rows[1] + rows[0])) == 1


def test_facets_count_as_scores_json_does(trained: Report, visit: Visits) -> None:
    entities = trained.scores["entities"]
    types, exact, boundary = entities["types"], entities["exact"], entities["boundary"]
    pairs = [(i, j) for i in range(len(types)) for j in range(len(types))]
    missed, spurious = (dict(zip(types, entities[kind], strict=True)) for kind in ("missed", "spurious"))
    kinds = {
        "wrong type": sum(exact[i][j] for i, j in pairs if i != j),
        "wrong boundary": sum(boundary[i][i] for i in range(len(types))),
        "type and boundary": sum(boundary[i][j] for i, j in pairs if i != j),
        "missed": sum(missed.values()),
        "spurious": sum(spurious.values()),
    }
    wrong = Counter({pair: boundary[pair[0]][pair[1]] for pair in pairs})
    wrong.update({(i, j): exact[i][j] for i, j in pairs if i != j})
    gold = {label: missed[label] + sum(wrong[i, j] for j in range(len(types))) for i, label in enumerate(types)}
    found = {label: spurious[label] + sum(wrong[i, j] for i in range(len(types))) for j, label in enumerate(types)}
    page = visit(trained.html)
    counts = facet_counts(page)
    assert counts["Kind of error"] == {name: n for name, n in kinds.items() if n}
    assert counts["Gold type"] == {label: n for label, n in gold.items() if n}
    assert counts["Predicted type"] == {label: n for label, n in found.items() if n}
    n_wrong = len(trained.page.errors["sentences"])
    assert status(page) == f"{n_wrong:,} of {n_wrong:,} wrong sentences, {sum(kinds.values()):,} errors"


def test_a_cell_of_the_confusion_leads_to_as_many_errors(trained: Report, visit: Visits) -> None:
    page = visit(trained.html)
    cells = {place: href for place, href in trained.page.links.items() if place[0] == "confusion"}
    n_of: dict[Place, int] = {
        place: int(text.replace(",", ""))
        for place, text in trained.page.texts.items()
        if place[0] == "confusion" and len(place) == 4
    }
    is_right = {place for place in n_of if "same words" in place[1] and place[2] == place[3]}
    assert set(cells) == {place for place, n in n_of.items() if n and place not in is_right}
    for place, href in cells.items():
        go(page, href)
        n = n_of[place]
        assert status(page).endswith(f" {n} error{'s' if n != 1 else ''}"), place
    for place, href in trained.page.links.items():
        if place[0] == "types":
            go(page, href)
            n_wrong = sum(
                kind_of(pair) != "correct" and pair[0] is not None and pair[0].label == place[2]
                for pairs in trained.recount.pairs
                for pair in pairs
            )
            assert status(page).endswith(f" {n_wrong} error{'s' if n_wrong != 1 else ''}"), place


def test_search_finds_what_python_finds(trained: Report, visit: Visits) -> None:
    recount = trained.recount
    wrong = {i: n for i, pairs in enumerate(recount.pairs) if (n := sum(kind_of(pair) != "correct" for pair in pairs))}
    texts = {i: " ".join(recount.rows[i]["tokens"]) for i in wrong}
    words = Counter(word for text in texts.values() for word in text.split())
    rare = min(words, key=lambda word: (words[word], word))
    page = visit(trained.html)
    for asked in ("the", "THE ", "in", "of the", rare, rare[1:], ", ", "no such words"):
        found = [i for i, text in texts.items() if asked.strip().lower() in text.lower()]
        n_errors = sum(wrong[i] for i in found)
        page.get_by_label("Search in the sentences").fill(asked)
        expected = f"{len(found):,} of {len(wrong):,} wrong sentences, {n_errors:,} error{'s' if n_errors != 1 else ''}"
        page.wait_for_function("(text) => document.getElementById('error-status').textContent === text", arg=expected)
