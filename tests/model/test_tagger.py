from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import AutoModelForTokenClassification, PreTrainedModel
from transformers.modeling_outputs import TokenClassifierOutput

from encoders import ARCHITECTURES
from nomina.data.formats import read
from nomina.encoding.batches import Batch, collate
from nomina.encoding.vocabulary import Vocabulary
from nomina.encoding.windows import IGNORE, Windows, encode
from nomina.encoding.word_pieces import WordPieces
from nomina.model import Tagger, TaggerConfig
from nomina.model.features import FeatureEmbeddings

EncoderFolder = Callable[[str], Path]
MakeTagger = Callable[..., Tagger]
Encode = Callable[[str], Windows]

CORPUS = read("sample")[:12]
POS = Vocabulary.of_feature(s.features["pos"] for s in CORPUS)
CASE = Vocabulary.of_feature([("lower", "title")])
LABELS = Vocabulary.of_labels(CORPUS.stats().types)
FEATURES = [{"name": "pos", "values": list(POS), "dim": 5}, {"name": "case", "values": list(CASE), "dim": 2}]
EVERY = [*ARCHITECTURES, "minilm"]


@pytest.fixture(scope="module")
def make_tagger(encoder_folder: EncoderFolder) -> MakeTagger:
    """A tagger in evaluation mode; the same fresh weights at each call."""

    def make(architecture: str, features: list[dict[str, Any]] = FEATURES, **config: Any) -> Tagger:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            folder = str(encoder_folder(architecture))
            tagger = Tagger.from_encoder(folder, labels=list(LABELS), features=features, **config)
        tagger.train(False)
        return tagger

    return make


@pytest.fixture(scope="module")
def windows(word_pieces: Callable[[str], WordPieces]) -> Encode:
    """The corpus in an encoder's pieces, in several windows, with both features."""
    case = [tuple("title" if word.istitle() else "lower" for word in s.words) for s in CORPUS]
    sentences = [
        type(s)(s.words, {**s.features, "case": column}, s.labels) for s, column in zip(CORPUS, case, strict=True)
    ]

    @cache
    def of(architecture: str) -> Windows:
        features = {"pos": POS, "case": CASE}
        return encode(sentences, word_pieces(architecture), max_pieces=40, features=features, labels=LABELS)

    return of


def forward(tagger: Tagger, batch: Batch, **more: Any) -> TokenClassifierOutput:
    output = tagger(**{**batch, **more})
    assert isinstance(output, TokenClassifierOutput)
    return output


def scores_of(output: TokenClassifierOutput) -> torch.Tensor:
    assert output.logits is not None
    return output.logits


def loss_of(output: TokenClassifierOutput) -> torch.Tensor:
    assert output.loss is not None
    return output.loss


def backward(tagger: Tagger, batch: Batch, **more: Any) -> dict[str, torch.Tensor]:
    """Add a batch's gradients to those there are."""
    torch.autograd.backward(loss_of(forward(tagger, batch, **more)))
    return {name: p.grad.clone() for name, p in tagger.named_parameters() if p.grad is not None}


def tables_of(tagger: Tagger) -> list[torch.Tensor]:
    assert isinstance(tagger.features, FeatureEmbeddings)
    return [table.weight for table in tagger.features.tables if isinstance(table, torch.nn.Embedding)]


@pytest.mark.parametrize("architecture", EVERY)
def test_shapes_and_parameters(architecture: str, make_tagger: MakeTagger, windows: Encode) -> None:
    tagger = make_tagger(architecture)
    batch = collate(windows(architecture), range(6))
    output = forward(tagger, batch)
    assert scores_of(output).shape == (*batch["first_pieces"].shape, len(LABELS))
    assert loss_of(output).shape == ()
    assert not [name for name, _ in tagger.named_parameters() if "pooler" in name]
    assert tagger.config.labels == list(LABELS)
    pieces_as_words = forward(tagger, Batch(**batch), first_pieces=None, feature_ids=None, labels=None)
    assert scores_of(pieces_as_words).shape == (*batch["input_ids"].shape, len(LABELS))
    loss, scores = tagger(**batch, return_dict=False)
    assert torch.equal(loss, loss_of(output))
    assert torch.equal(scores, scores_of(output))


@pytest.mark.parametrize("architecture", EVERY)
def test_the_encoder_keeps_its_weights(
    architecture: str, make_tagger: MakeTagger, encoder_folder: EncoderFolder
) -> None:
    saved = load_file(encoder_folder(architecture) / "model.safetensors")
    found = 0
    for name, parameter in make_tagger(architecture).encoder.named_parameters():
        [twin] = [value for key, value in saved.items() if key == name or key.endswith(f".{name}")][:1]
        assert torch.equal(parameter, twin), name
        found += 1
    assert found > 10


@pytest.mark.parametrize("architecture", EVERY)
def test_every_parameter_learns(architecture: str, make_tagger: MakeTagger, windows: Encode) -> None:
    tagger = make_tagger(architecture)
    learned = backward(tagger, collate(windows(architecture), range(6)))
    assert learned.keys() == dict(tagger.named_parameters()).keys()
    assert [name for name, gradient in learned.items() if not gradient.any()] == []


@pytest.mark.parametrize("architecture", EVERY)
def test_the_loss_is_the_mean_over_labelled_words(architecture: str, make_tagger: MakeTagger, windows: Encode) -> None:
    tagger, encoded = make_tagger(architecture), windows(architecture)
    batch = collate(encoded, range(len(encoded)))
    batch["labels"][0, 1:3] = IGNORE
    output = forward(tagger, batch)
    losses = []
    for row, (start, end, _, _) in enumerate(encoded.spans.tolist()):
        for word in range(end - start):
            label = int(batch["labels"][row, word])
            if label != IGNORE:
                losses.append(-scores_of(output)[row, word].log_softmax(-1)[label])
    assert len(losses) == encoded.n_words - 2
    assert loss_of(output).item() == pytest.approx(torch.stack(losses).mean().item(), abs=1e-5)


@pytest.mark.parametrize("architecture", EVERY)
def test_padding_changes_nothing(architecture: str, make_tagger: MakeTagger, windows: Encode) -> None:
    tagger, encoded = make_tagger(architecture), windows(architecture)
    batch = collate(encoded, range(len(encoded)))
    with torch.no_grad():
        together = scores_of(forward(tagger, batch))
        more: Any = {
            key: functional.pad(value, (0, 0, 0, 5) if key == "feature_ids" else (0, 9), value=fill)
            for (key, value), fill in zip(batch.items(), (encoded.pad_id, 0, 0, 0, IGNORE, 0), strict=True)
            if isinstance(value, torch.Tensor)
        }
        more["first_pieces"], more["labels"] = more["first_pieces"][:, :-4], more["labels"][:, :-4]
        padded = forward(tagger, more)
        assert loss_of(padded).item() == pytest.approx(loss_of(forward(tagger, batch)).item(), abs=1e-5)
        for row, (start, end, _, _) in enumerate(encoded.spans.tolist()):
            alone = scores_of(forward(tagger, collate(encoded, [row])))[0]
            assert len(alone) == end - start
            torch.testing.assert_close(together[row, : end - start], alone, atol=1e-5, rtol=0)
            torch.testing.assert_close(scores_of(padded)[row, : end - start], alone, atol=1e-5, rtol=0)


# ModernBERT has more layers there.
@pytest.mark.parametrize("architecture", [name for name in EVERY if name != "modernbert"])
def test_without_features_it_is_the_library_s_own_model(
    architecture: str, make_tagger: MakeTagger, windows: Encode, encoder_folder: EncoderFolder
) -> None:
    tagger = make_tagger(architecture, features=[])
    theirs = AutoModelForTokenClassification.from_pretrained(encoder_folder(architecture), num_labels=len(LABELS))
    theirs.classifier.load_state_dict(tagger.head.classifier.state_dict())
    theirs.eval()
    encoded = windows(architecture)
    batch = collate(encoded, range(len(encoded)))
    with torch.no_grad():
        ours = scores_of(forward(tagger, batch))
        pieces = theirs(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    for row, (start, end, _, _) in enumerate(encoded.spans.tolist()):
        expected = pieces[row, batch["first_pieces"][row, : end - start]]
        torch.testing.assert_close(ours[row, : end - start], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("architecture", EVERY)
@pytest.mark.parametrize("features", [FEATURES, []], ids=["features", "words"])
def test_saved_and_loaded_scores_are_equal_to_the_bit(
    architecture: str, features: list[dict[str, Any]], make_tagger: MakeTagger, windows: Encode, tmp_path: Path
) -> None:
    tagger = make_tagger(architecture, features=features, max_pieces=40, feature_dropout=0.3)
    tagger.save_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    batch = collate(windows(architecture), range(6))
    with torch.no_grad():
        expected = scores_of(forward(tagger, batch))
        for again in (
            Tagger.from_pretrained(tmp_path),
            AutoModelForTokenClassification.from_pretrained(tmp_path),
        ):
            assert isinstance(again, Tagger)
            assert not again.training
            assert torch.equal(scores_of(forward(again, batch)), expected)
            assert again.config.labels == list(LABELS)
            assert again.config.features == [{"dropout": 0.3, **feature} for feature in features]
            assert (again.config.max_pieces, again.config.feature_dropout) == (40, 0.3)
            assert again.config.encoder_config().to_dict() == tagger.config.encoder_config().to_dict()
            assert again.encoder_limit == tagger.encoder_limit


def test_features_change_scores_and_missing_ones_are_unknown(make_tagger: MakeTagger, windows: Encode) -> None:
    tagger, batch = make_tagger("bert-cased"), collate(windows("bert-cased"), range(6))
    with torch.no_grad():
        tagged = scores_of(forward(tagger, batch))
        unknown = scores_of(forward(tagger, batch, feature_ids=torch.zeros_like(batch["feature_ids"])))
        missing = scores_of(forward(tagger, batch, feature_ids=None))
    assert not torch.allclose(tagged, unknown)
    assert torch.equal(missing, unknown)


def test_feature_dropout_hides_values_in_training_alone(make_tagger: MakeTagger, windows: Encode) -> None:
    batch = collate(windows("bert-cased"), range(6))
    used = {i for i in batch["feature_ids"][..., 0].flatten().tolist() if i > 0}
    for share in (0.0, 1.0):
        tagger = make_tagger("bert-cased", feature_dropout=share)
        for training in (True, False):
            tagger.zero_grad()
            tagger.train(training)
            gradient = backward(tagger, batch)["features.tables.0.weight"]
            # Padding is not labelled: without dropout, the unknown row (0) learns nothing.
            assert set(gradient.any(-1).nonzero().flatten().tolist()) == ({0} if training and share else used)


def test_feature_dropout_hides_the_asked_share(make_tagger: MakeTagger) -> None:
    tagger = make_tagger("bert-cased", feature_dropout=0.3)
    tagger.train()
    embeddings, (pos, case) = tagger.features, tables_of(tagger)
    assert embeddings is not None
    torch.manual_seed(0)
    vectors = embeddings(torch.ones(100, 100, 2, dtype=torch.long))
    no_pos, no_case = (vectors[0] == pos[0]).all(-1), (vectors[1] == case[0]).all(-1)
    assert no_pos.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert (no_pos & no_case).float().mean().item() == pytest.approx(0.09, abs=0.02)  # each is hidden on its own


def test_accumulated_gradients_are_those_of_one_batch(make_tagger: MakeTagger, windows: Encode) -> None:
    tagger, encoded = make_tagger("bert-cased"), windows("bert-cased")
    whole = collate(encoded, range(7))
    expected = backward(tagger, whole)
    tagger.zero_grad()
    n_words = (whole["labels"] != IGNORE).sum()
    for part in ([0], [1, 2, 3, 4], [5, 6]):  # of unequal size
        accumulated = backward(tagger, collate(encoded, part), num_items_in_batch=n_words)
    assert accumulated.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(accumulated[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize(
    ("architecture", "limit"),
    [
        ("bert-cased", 512),
        ("roberta", 512),  # of 514 positions, two are reserved
        ("distilbert", 512),
        ("deberta-v3", 512),
        ("modernbert", 8192),
        ("minilm", 512),
    ],
)
def test_encoder_limit(architecture: str, limit: int, make_tagger: MakeTagger) -> None:
    tagger = make_tagger(architecture)
    assert tagger.encoder_limit == limit
    n_pieces = min(limit, 600)
    pieces = torch.full((1, n_pieces + 1), 7)
    with torch.no_grad():
        assert scores_of(tagger(input_ids=pieces[:, :n_pieces])).isfinite().all()
        if architecture in ("deberta-v3", "modernbert"):  # relative positions go on
            assert scores_of(tagger(input_ids=pieces)).isfinite().all()
        else:
            with pytest.raises((IndexError, RuntimeError)):
                tagger(input_ids=pieces)


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_gradient_checkpointing_changes_no_gradient(make_tagger: MakeTagger, windows: Encode) -> None:
    tagger = make_tagger("bert-cased", dropout=0.0, feature_dropout=0.0)
    for module in tagger.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batch = collate(windows("bert-cased"), range(6))
    tagger.train()
    expected = backward(tagger, batch)
    tagger.zero_grad()
    tagger.gradient_checkpointing_enable()  # type: ignore[no-untyped-call]
    assert [name for name, module in tagger.named_modules() if getattr(module, "gradient_checkpointing", False)]
    for name, gradient in backward(tagger, batch).items():
        torch.testing.assert_close(gradient, expected[name], msg=name)


def test_dropout_before_the_classifier(make_tagger: MakeTagger, windows: Encode) -> None:
    tagger, batch = make_tagger("bert-cased", dropout=0.5), collate(windows("bert-cased"), range(6))
    steady = scores_of(forward(tagger, batch))
    tagger.head.train()
    assert not torch.equal(scores_of(forward(tagger, batch)), steady)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_attention_kernels_agree(implementation: str, make_tagger: MakeTagger, windows: Encode) -> None:
    batch = collate(windows("bert-cased"), range(6))
    tagger = make_tagger("bert-cased", attn_implementation=implementation)
    assert isinstance(tagger.encoder, PreTrainedModel)
    assert tagger.encoder.config._attn_implementation == implementation
    with torch.no_grad():
        scores = scores_of(forward(tagger, batch))
        torch.testing.assert_close(scores, scores_of(forward(make_tagger("bert-cased"), batch)), atol=1e-5, rtol=0)


def test_an_encoder_without_all_its_weights(encoder_folder: EncoderFolder, tmp_path: Path) -> None:
    weights = load_file(encoder_folder("bert-cased") / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    (tmp_path / "config.json").write_bytes((encoder_folder("bert-cased") / "config.json").read_bytes())
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"no weights for 1 parameters of the encoder, such as '.*layer\.1"):
        Tagger.from_encoder(str(tmp_path), labels=["O"])


def test_config_survives_a_round_trip_through_json(make_tagger: MakeTagger) -> None:
    config = copy.deepcopy(make_tagger("roberta", scheme="BIOES", max_pieces=128).config)
    again = TaggerConfig.from_dict(config.to_dict())
    assert again.to_dict() == config.to_dict()
    assert (again.scheme, again.max_pieces, again.fusion, again.head) == ("BIOES", 128, "concat", "linear")
    assert again.labels == list(LABELS)
    assert again.encoder_config().to_dict() == config.encoder_config().to_dict()
    assert TaggerConfig().encoder == {"model_type": "bert"}
