"""The model card: its metadata is read back with YAML and with the Hub's own reader."""

from __future__ import annotations

from typing import Any

import pytest

from nomina.data.tags import Scheme
from nomina.report.card import CardFacts, PartSize, model_card
from nomina.scoring import Evaluation

yaml = pytest.importorskip("yaml")

SETTINGS = '[data]\nfile = "corpus.csv"\n'


def facts(**changes: Any) -> CardFacts:
    known: dict[str, Any] = {
        "name": "tagger",
        "encoder": "bert-base-cased",
        "base_model": "google-bert/bert-base-cased",
        "labels": ("O", "B-geo", "I-geo", "B-per", "I-per"),
        "scheme": Scheme.IOB2,
        "features": {"pos": 42},
        "source": 'ner_dataset.csv: "GMB" # part 1 ü',
        "sizes": {"train": PartSize(38_367, 838_739), "dev": PartSize(4_796, 104_000)},
        "settings": SETTINGS,
        "version": "0.1.0",
    }
    return CardFacts(**{**known, **changes})


def metadata(card: str) -> dict[str, Any]:
    _, block, _ = card.split("---\n", 2)
    parsed: dict[str, Any] = yaml.safe_load(block)
    return parsed


def test_metadata_is_yaml_with_the_fields_of_the_hub(evaluation: Evaluation) -> None:
    block = metadata(model_card(facts(evaluations={"test": evaluation})))
    assert block["library_name"] == "transformers"
    assert block["pipeline_tag"] == "token-classification"
    assert block["tags"] == ["nomina", "named-entity-recognition", "part-of-speech"]
    assert block["base_model"] == "google-bert/bert-base-cased"
    assert "language" not in block
    (result,) = block["model-index"][0]["results"]
    assert result["dataset"]["name"] == facts().source
    assert result["metrics"][0]["value"] == round(evaluation.default.f1, 4)


def test_the_hubs_reader_understands_the_results(evaluation: Evaluation) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(model_card(facts(evaluations={"dev": evaluation, "test": evaluation})))
    assert card.data.model_name == "tagger"
    results = {(r.dataset_split, r.metric_type, r.metric_name): r.metric_value for r in card.data.eval_results}
    assert results["test", "f1", "F1 (seqeval default, IOB2)"] == round(evaluation.default.f1, 4)
    assert results["dev", "f1", "F1 (seqeval strict, IOB2)"] == round(evaluation.strict.f1, 4)


def test_card_tells_use_labels_features_data_scores_and_limits(evaluation: Evaluation) -> None:
    card = model_card(facts(evaluations={"test": evaluation}))
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    expected = ["Use", "Labels", "Token features", "Data", "Scores", "Limits", "Settings"]
    assert headings == [f"## {heading}" for heading in expected]
    for part in ("nomina predict tagger", "`pos` | 42", "38,367 | 838,739", "| geo | 3 |", "unknown value", SETTINGS):
        assert part in card
    assert "Fewer than 50 gold entities stand behind the figures of `art`, `geo`, `per`." in card


def test_what_is_not_known_is_not_claimed() -> None:
    card = model_card(facts(base_model=None, features={}, sizes={}))
    block = metadata(card)
    assert "base_model" not in block
    assert "model-index" not in block
    assert "has not been scored" in card
    assert "reads words alone" in card
    assert "no score on held-out test data" in card


def test_names_and_settings_cannot_break_out_of_their_code(evaluation: Evaluation) -> None:
    card = model_card(facts(name='my "best" model', settings="note = '''\n```\n'''\n", evaluations={"dev": evaluation}))
    assert "nomina predict 'my \"best\" model'" in card
    assert 'nomina.load("my \\"best\\" model")' in card
    assert card.endswith("````toml\nnote = '''\n```\n'''\n````\n")
