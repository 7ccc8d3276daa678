"""The model card: ``README.md`` of a model folder, with the metadata block that the Hugging Face Hub reads.

Format: https://huggingface.co/docs/hub/model-cards; results as its ``model-index`` describes them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nomina.data.tags import Scheme
from nomina.report.tables import (
    confidence_line,
    interval_line,
    markdown_table,
    scores_markdown,
    tags_markdown,
)
from nomina.scoring.analysis import Analysis
from nomina.scoring.evaluate import Evaluation

__all__ = ["CardFacts", "PartSize", "model_card"]


class PartSize(NamedTuple):
    """How much data one part holds."""

    n_sentences: int
    n_words: int


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a model card tells.

    Attributes:
        name: Name of the model, usually that of its folder.
        encoder: What was fine-tuned, in words for people: a hub id, a folder's name, ``"bundled"``.
        base_model: The encoder's hub id, or ``None`` where it has none; links the card to that model.
        labels: Entity tags that the model predicts.
        scheme: Their scheme.
        features: Token features that the model reads besides the words, with the number of their known values.
        source: Where the data came from, as the corpus says.
        pos_source: Where part-of-speech tags come from if the input has none, as in ``run.toml``.
        by_tags: For parts that were scored under several choices of part-of-speech tags, the scores by what the tags
            were, in words.
        sizes: Size of each part (``"train"``, ``"dev"``, ``"test"``).
        evaluations: Evaluation of each part that was scored.
        analyses: What stands behind the scores of each of these parts.
        settings: The text of ``run.toml``.
        version: The version of nomina that trained the model.
    """

    name: str
    encoder: str
    labels: tuple[str, ...]
    scheme: Scheme
    source: str
    settings: str
    version: str
    base_model: str | None = None
    features: Mapping[str, int] = field(default_factory=dict)
    pos_source: str = "none"
    by_tags: Mapping[str, Mapping[str, Evaluation]] = field(default_factory=dict)
    sizes: Mapping[str, PartSize] = field(default_factory=dict)
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    analyses: Mapping[str, Analysis] = field(default_factory=dict)


def model_card(facts: CardFacts) -> str:
    """Write the model card: metadata, then what the model is, its use, labels, features, data, scores, limits."""
    sections = (
        _what(facts),
        _use(facts),
        _labels(facts),
        _features(facts),
        _data(facts),
        _scores(facts),
        _limits(facts),
        _settings(facts),
    )
    return f"---\n{_metadata(facts)}---\n\n" + "\n".join(sections)


def _metadata(facts: CardFacts) -> str:
    # Mappings of str, list and float only; strings in JSON's quotes are YAML as well, so no YAML package is needed.
    metadata: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "token-classification",
        "tags": ["nomina", "named-entity-recognition", "part-of-speech"],
        "metrics": ["seqeval", "f1", "precision", "recall"],
    }
    if facts.base_model is not None:
        metadata["base_model"] = facts.base_model
    if facts.evaluations:
        results = [_result(facts, part, evaluation) for part, evaluation in facts.evaluations.items()]
        metadata["model-index"] = [{"name": facts.name, "results": results}]
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in metadata.items())


def _result(facts: CardFacts, part: str, evaluation: Evaluation) -> dict[str, Any]:
    figures = {
        "f1": ("F1", evaluation.default.f1),
        "precision": ("precision", evaluation.default.precision),
        "recall": ("recall", evaluation.default.recall),
    }
    metrics = [
        {"type": kind, "value": round(value, 4), "name": f"{name} (seqeval default, {evaluation.scheme.value})"}
        for kind, (name, value) in figures.items()
    ]
    strict = f"F1 (seqeval strict, {evaluation.scheme.value})"
    metrics.append({"type": "f1", "value": round(evaluation.strict.f1, 4), "name": strict})
    return {
        "task": {"type": "token-classification", "name": "Named-entity recognition"},
        "dataset": {"type": _slug(facts.source), "name": facts.source, "split": part},
        "metrics": metrics,
    }


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._/-]+", "-", text.lower()).strip("-/") or "corpus"


def _what(facts: CardFacts) -> str:
    inputs = ", ".join(f"`{name}`" for name in facts.features)
    second = f" Besides the words it reads the token features {inputs}." if inputs else ""
    return (
        f"# {facts.name}\n\n"
        f"A named-entity tagger: {facts.encoder}, fine-tuned with nomina {facts.version} on {facts.source}.{second}\n"
    )


def _use(facts: CardFacts) -> str:
    folder = json.dumps(facts.name, ensure_ascii=False)
    return f"""## Use

On the command line:

```sh
nomina predict {shlex.quote(facts.name)}
```

In Python:

```python
import nomina

model = nomina.load({folder})
model.predict("Angela Merkel met the press in Berlin .")
```
"""


def _labels(facts: CardFacts) -> str:
    types = sorted({label.partition("-")[2] for label in facts.labels} - {""})
    return (
        "## Labels\n\n"
        f"{len(types)} entity types: {', '.join(f'`{name}`' for name in types) or 'none'}.\n"
        f"{len(facts.labels)} tags in the scheme {facts.scheme.value}: "
        f"{', '.join(f'`{label}`' for label in facts.labels)}.\n"
    )


def _features(facts: CardFacts) -> str:
    if not facts.features:
        return "## Token features\n\nNone: the model reads words alone.\n"
    rows = [(f"`{name}`", f"{n_values:,}") for name, n_values in facts.features.items()]
    return (
        "## Token features\n\n"
        f"{markdown_table(('feature', 'known values'), rows)}\n"
        f"{_source_line(facts.pos_source)}"
        "Where a feature is missing, or holds a value that training did not know, the model reads the feature's "
        "unknown value and predicts all the same, with worse results the more it learned to rely on the feature. "
        "At prediction time give the tags of the same tagger and tag set as in training.\n"
    )


def _source_line(pos_source: str) -> str:
    if pos_source == "none":
        return ""
    if pos_source == "joint":
        return "For input without part-of-speech tags, a second head of the model finds them. "
    return f"Input without part-of-speech tags is tagged by `{pos_source}`. "


def _data(facts: CardFacts) -> str:
    rows = [(part, f"{size.n_sentences:,}", f"{size.n_words:,}") for part, size in facts.sizes.items()]
    table = f"\n{markdown_table(('part', 'sentences', 'words'), rows)}" if rows else ""
    return f"## Data\n\nSource: {facts.source}.\n{table}"


def _scores(facts: CardFacts) -> str:
    if not facts.evaluations:
        return "## Scores\n\nThis model has not been scored.\n"
    parts = (
        f"### {part}\n\n{scores_markdown(evaluation)}{_trust(facts.analyses.get(part))}"
        f"{_by_tags(facts.by_tags.get(part, {}))}"
        for part, evaluation in facts.evaluations.items()
    )
    return "## Scores\n\nEntity level: an entity counts as found if its type and both its borders are right.\n\n" + (
        "\n".join(parts)
    )


def _trust(analysis: Analysis | None) -> str:
    return "" if analysis is None else f"\n{interval_line(analysis)}\n\n{confidence_line(analysis)}\n"


def _by_tags(evaluations: Mapping[str, Evaluation]) -> str:
    if len(evaluations) < 2:
        return ""
    return f"\nBy the part-of-speech tags that the model read:\n\n{tags_markdown(evaluations)}"


def _limits(facts: CardFacts) -> str:
    return "## Limits\n\n" + "".join(f"- {limit}\n" for limit in _limit_lines(facts))


def _limit_lines(facts: CardFacts) -> Iterator[str]:
    yield "One run with one seed: differences of a few tenths of a point to another model may be chance."
    yield "Scores hold for text like the data above; on other domains, periods or spellings expect less."
    yield "Entities do not overlap or nest: each word has one tag."
    if "test" not in facts.evaluations:
        yield "There is no score on held-out test data; a dev score that also chose the checkpoint is too kind."
    if facts.features:
        yield (
            "The scores use the token features as the data carries them. With tags from an automatic tagger, or "
            "without any, they will differ. They do not show that the features help: that takes a model without them."
        )
    rare = sorted({name for e in facts.evaluations.values() for name, c in e.default.by_type.items() if c.support < 50})
    if rare:
        yield f"Fewer than 50 gold entities stand behind the figures of {', '.join(f'`{name}`' for name in rare)}."


def _settings(facts: CardFacts) -> str:
    # A fence longer than any run of backticks inside cannot be closed by the text.
    longest = max((len(ticks) for ticks in re.findall("`+", facts.settings)), default=0)
    fence = "`" * max(3, longest + 1)
    settings = facts.settings.rstrip("\n")
    return f"## Settings\n\n{fence}toml\n{settings}\n{fence}\n"
