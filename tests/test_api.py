"""The public surface of ``import nomina``, and the way through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nomina

PUBLIC = [
    "Corpus",
    "NominaError",
    "Prediction",
    "Predictor",
    "RunConfig",
    "Sentence",
    "Span",
    "Tagger",
    "TaggerConfig",
    "check",
    "clean",
    "compare",
    "evaluate",
    "load",
    "read",
    "sentences",
    "train",
    "tune",
]


def test_public_names() -> None:
    assert sorted(nomina.__all__) == PUBLIC
    assert len(PUBLIC) <= 18
    assert all(getattr(nomina, name).__doc__ for name in PUBLIC)
    assert set(dir(nomina)) == set(PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        nomina.fit  # noqa: B018


@pytest.mark.slow
def test_the_whole_way_in_python(tiny_bert: Path, tmp_path: Path) -> None:
    corpus = nomina.read("sample")
    train, dev, test = corpus.split((80, 10, 10), seed=13)
    said: list[str] = []
    result = nomina.train(
        train[:64], dev=dev, test=test, output=tmp_path / "model", encoder=str(tiny_bert), epochs=1, say=said.append
    )
    assert result.test is not None
    assert any("training on" in line for line in said)

    model = nomina.load(tmp_path / "model", device="cpu")
    judged = nomina.evaluate(model, test, progress=False)
    assert judged.evaluation.to_dict() == result.test.evaluation.to_dict()
    assert (
        nomina.evaluate(tmp_path / "model", test, progress=False).evaluation.to_dict()
        == result.test.evaluation.to_dict()
    )
    assert repr(judged).startswith("Judged(F1 ")
    assert "features=pos" in repr(model)
    assert result.history
    found = model.predict("May met Dr. Ruth Amsel in Reading.")
    assert found.sentence.words == ("May", "met", "Dr.", "Ruth", "Amsel", "in", "Reading", ".")


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_without_pos_dev_or_test(tiny_bert: Path, tmp_path: Path) -> None:
    bare = nomina.Corpus(
        tuple(nomina.Sentence(s.words, labels=s.labels) for s in nomina.read("sample")[:40]),
        scheme=nomina.read("sample").scheme,
    )
    result = nomina.train(
        bare, output=tmp_path / "m", encoder=str(tiny_bert), epochs=1, split=(100, 0, 0), say=lambda line: None
    )
    assert result.dev is None
    assert result.test is None
    assert result.predictor.features == {}
    assert (tmp_path / "m" / "scores.json").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("scheme", ["IOB1", "BIOES", "BILOU"])
def test_models_of_other_schemes(tiny_bert: Path, tmp_path: Path, scheme: str) -> None:
    result = nomina.train(
        nomina.read("sample")[:80],
        output=tmp_path / "m",
        encoder=str(tiny_bert),
        epochs=1,
        label_scheme=scheme,
        say=lambda line: None,
    )
    assert result.test is not None
    assert result.test.default.scheme.value == scheme
    assert nomina.load(tmp_path / "m").scheme.value == scheme


def test_data_in_any_wrapping(tiny_bert: Path, tmp_path: Path) -> None:
    from nomina.api import _source

    corpus = nomina.read("sample")[:30]
    assert _source(nomina.clean(corpus)) == nomina.clean(corpus).corpus
    sentences = _source(list(corpus))
    assert isinstance(sentences, nomina.Corpus)
    assert sentences.sentences == corpus.sentences
    assert _source([Path("a"), "b"]) == ("a", "b")
    for wrong in (3, [], [1], {"a": 1}):
        with pytest.raises(nomina.NominaError, match="expected a corpus"):
            nomina.train(wrong, output=tmp_path / "m", encoder=str(tiny_bert))  # type: ignore[arg-type]
    with pytest.raises(nomina.NominaError, match="epochs"):
        nomina.evaluate(tmp_path, corpus, epochs=3)


def test_several_dev_files_are_not_cut_to_one(tiny_bert: Path, tmp_path: Path) -> None:
    several: Any = ["a", "b"]
    with pytest.raises(nomina.NominaError, match="expected one file"):
        nomina.train("sample", dev=several, output=tmp_path / "m", encoder=str(tiny_bert))


def test_other_data_are_not_resumed_with(tmp_path: Path) -> None:
    from nomina.runs import Parts, begin

    corpus, config = nomina.read("sample"), nomina.RunConfig()
    begin(tmp_path, config, Parts(corpus[:10], None, None))
    begin(tmp_path, config, Parts(corpus[:10], None, None))
    with pytest.raises(nomina.NominaError, match="other data"):
        begin(tmp_path, config, Parts(corpus[1:11], None, None))
