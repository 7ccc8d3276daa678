"""One system that labels sentences, in a process of its own and in its own environment. Used by ``inference.py``.

    python labellers.py SYSTEM OPTIONS

Nothing is imported here but what the system needs. Once it is loaded, ``{}`` is printed; then each line on standard
input is a request, and each gets one line as its answer.

Request: ``sentences`` is a file of JSON lines with ``tokens`` (and ``pos_tags``), ``n`` how many of them to label,
``labels`` a file for their labels, or null, ``settings`` what else the system wants. Answer:
``seconds``, ``cpu_s``, those of all threads of this process, and ``words``.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

Words = list[list[str]]
Labels = list[Sequence[str]]
# Labels sentences; what it returns is called for their labels when the clock has stopped.
Label = Callable[[Words], Callable[[], Labels]]
# From the rows of the file and the settings, a labeller that is ready to start.
Prepare = Callable[[list[dict[str, Any]], dict[str, Any]], Label]


def nomina(options: dict[str, Any]) -> Prepare:
    """``Predictor.predict``; options: ``folder``, and ``pos``, whether to give it the tags.

    Each time it is loaded anew, off the clock, so that it has seen none of the words; then it labels one sentence.
    """
    from nomina import Sentence
    from nomina.inference import Predictor

    def prepare(rows: list[dict[str, Any]], settings: dict[str, Any]) -> Label:
        predictor = Predictor.load(options["folder"])
        predictor.predict(["So", "it", "is", "."])
        tagged = [Sentence(tuple(row["tokens"]), features={"pos": tuple(row["pos_tags"])}) for row in rows]

        def label(sentences: Words) -> Callable[[], Labels]:
            predictions = predictor.predict(tagged if options["pos"] else sentences)
            return lambda: [prediction.labels for prediction in predictions]  # type: ignore[union-attr]

        return label

    return prepare


def pipeline(options: dict[str, Any]) -> Prepare:
    """Pipeline of transformers; options: ``folder``, ``batch_size``, 0 for one call for each sentence.

    Its raw output has one entity for each piece, whose label is not ``O``; the label of a word is that of its first
    piece. They are found by their characters when the clock has stopped.

    Settings: ``words``, whether a sentence is given as words (``is_split_into_words``) or as text.
    """
    from transformers import pipeline as make_pipeline

    pipe: Any = make_pipeline("token-classification", model=options["folder"])
    n = options["batch_size"]

    def prepare(rows: list[dict[str, Any]], settings: dict[str, Any]) -> Label:
        extra: dict[str, Any] = {"is_split_into_words": True} if settings["words"] else {}

        def label(sentences: Words) -> Callable[[], Labels]:
            inputs: Any = sentences if settings["words"] else [" ".join(words) for words in sentences]
            if n:
                found = pipe(inputs, batch_size=n, **extra)
            elif settings["words"]:
                found = [pipe(one, **extra)[0] for one in inputs]
            else:
                found = [pipe(one, **extra) for one in inputs]
            return lambda: [first_labels(words, entities) for words, entities in zip(sentences, found, strict=True)]

        label([["So", "it", "is", "."]] * 32)
        return label

    return prepare


def first_labels(words: list[str], entities: list[dict[str, Any]]) -> list[str]:
    """Labels of words, from those of pieces in the text that the words make up when they are joined by spaces."""
    starts = [0, *accumulate(len(word) + 1 for word in words)]
    by_start = {entity["start"]: entity["entity"] for entity in entities}
    return [by_start.get(start, "O") for start in starts[: len(words)]]


def spacy(options: dict[str, Any]) -> Prepare:
    """Pipeline of spaCy, ``options["pipeline"]``; ``ner_only`` leaves out what NER does not need.

    Settings: ``batch_size`` and ``n_process`` of ``nlp.pipe``.
    """
    import spacy as library
    from spacy.tokens import Doc

    nlp = library.load(options["pipeline"])
    if options["ner_only"]:
        nlp.select_pipes(enable=["ner"])

    def prepare(rows: list[dict[str, Any]], settings: dict[str, Any]) -> Label:
        def label(sentences: Words) -> Callable[[], Labels]:
            docs = list(nlp.pipe((Doc(nlp.vocab, words=words) for words in sentences), **settings))
            return lambda: [[token.ent_iob_ for token in doc] for doc in docs]

        label([["So", "it", "is", "."]])
        return label

    return prepare


def flair(options: dict[str, Any]) -> Prepare:
    """Flair's ``SequenceTagger`` on ``options["encoder"]`` with an untrained linear head for ``options["labels"]``.

    Settings: ``mini_batch_size``.
    """
    from flair.data import Dictionary, Sentence
    from flair.embeddings import TransformerWordEmbeddings
    from flair.models import SequenceTagger

    embeddings = TransformerWordEmbeddings(options["encoder"], layers="-1", fine_tune=True, use_context=False)
    dictionary = Dictionary(add_unk=False)
    for name in options["labels"]:
        dictionary.add_item(name)
    tagger = SequenceTagger(
        embeddings=embeddings,
        tag_dictionary=dictionary,
        tag_type="ner",
        use_crf=False,
        use_rnn=False,
        reproject_embeddings=False,
    )
    tagger.eval()

    def prepare(rows: list[dict[str, Any]], settings: dict[str, Any]) -> Label:
        def label(sentences: Words) -> Callable[[], Labels]:
            tagged = [Sentence(words) for words in sentences]
            tagger.predict(tagged, mini_batch_size=settings["mini_batch_size"])
            return lambda: [[token.get_label("ner").value for token in sentence] for sentence in tagged]

        label([["So", "it", "is", "."]])
        return label

    return prepare


def span_marker(options: dict[str, Any]) -> Prepare:
    """SpanMarker on ``options["encoder"]``, untrained, for the types in ``options["types"]``.

    It fills every sentence up to ``model_max_length`` pieces and its markers: 128 hold GMB's sentences. So that its
    untrained head does not find entities everywhere, which would take time, ``O`` is made the most likely.

    Settings: ``marker_max_length`` and ``batch_size``.
    """
    import torch
    from span_marker import SpanMarkerModel

    names = ["O", *options["types"]]
    model = SpanMarkerModel.from_pretrained(options["encoder"], labels=names, model_max_length=128, entity_max_length=8)
    model.eval()
    with torch.no_grad():
        model.classifier.bias[model.config.outside_id] += 10

    def prepare(rows: list[dict[str, Any]], settings: dict[str, Any]) -> Label:
        model.config.marker_max_length = settings["marker_max_length"]
        model.set_tokenizer(model.tokenizer)  # makes the collator with it

        def label(sentences: Words) -> Callable[[], Labels]:
            model.predict(sentences, batch_size=settings["batch_size"])
            return list

        label([["So", "it", "is", "."]])
        return label

    return prepare


SYSTEMS: dict[str, Callable[[dict[str, Any]], Prepare]] = {
    "nomina": nomina,
    "pipeline": pipeline,
    "spacy": spacy,
    "flair": flair,
    "span_marker": span_marker,
}


def answer(prepare: Prepare, request: dict[str, Any]) -> dict[str, Any]:
    """Label what is asked for, with a clock."""
    with Path(request["sentences"]).open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][: request["n"]]
    sentences = [row["tokens"] for row in rows]
    label = prepare(rows, request["settings"])
    start, cpu_start = time.perf_counter(), time.process_time()
    read = label(sentences)
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
    if request["labels"] is not None:
        Path(request["labels"]).write_text(json.dumps([list(labels) for labels in read()]), encoding="utf-8")
    return {"seconds": round(seconds, 3), "cpu_s": round(cpu_s, 3), "words": sum(map(len, sentences))}


def main() -> None:
    # Libraries print what they like; answers have the standard output for themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    prepare = SYSTEMS[sys.argv[1]](json.loads(sys.argv[2]))
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(prepare, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
