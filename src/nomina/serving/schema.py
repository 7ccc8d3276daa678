"""What goes over the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter

__all__ = [
    "BATCH_EXAMPLE",
    "REQUEST",
    "TEXT_EXAMPLE",
    "WORDS_EXAMPLE",
    "BatchRequest",
    "Entity",
    "ErrorAnswer",
    "Fault",
    "LabelledSentence",
    "LimitsInfo",
    "ModelInfo",
    "PredictAnswer",
    "PredictRequest",
    "Result",
    "State",
    "TextItem",
    "TextRequest",
    "WordsItem",
    "WordsRequest",
]

TEXT_EXAMPLE: dict[str, Any] = {"text": "Washington said on Monday that May will travel to Georgia."}
WORDS_EXAMPLE: dict[str, Any] = {"words": ["Ada", "wrote", "to", "London"], "pos": ["NNP", "VBD", "TO", "NNP"]}
BATCH_EXAMPLE: dict[str, Any] = {"inputs": [TEXT_EXAMPLE, WORDS_EXAMPLE], "tags": "auto"}

Tags = Annotated[
    Literal["auto", "source", "none"],
    Field(
        description="Which part-of-speech tags the model shall read: those given and, where there are none, those of "
        "its own source; its source's throughout; or none. What the server was started with where this is missing."
    ),
]


class _Strict(BaseModel):
    """What a client sends: nothing that would be ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextItem(_Strict):
    """Raw text, to be cut into sentences and words."""

    model_config = ConfigDict(json_schema_extra={"examples": [TEXT_EXAMPLE]})

    text: str = Field(description="Any text.")


class WordsItem(_Strict):
    """One sentence as words, with their part-of-speech tags where they are known."""

    model_config = ConfigDict(json_schema_extra={"examples": [WORDS_EXAMPLE]})

    words: list[str] = Field(description="The words of one sentence.")
    pos: list[str] | None = Field(default=None, description="One tag per word, of the tag set that the model knows.")


class TextRequest(TextItem):
    """One text."""

    tags: Tags = "auto"


class WordsRequest(WordsItem):
    """One sentence as words."""

    tags: Tags = "auto"


def _item_kind(value: Any) -> str:
    has = value.__contains__ if isinstance(value, dict) else lambda name: hasattr(value, name)
    return "words" if has("words") or (has("pos") and not has("text")) else "text"


def _request_kind(value: Any) -> str:
    has = value.__contains__ if isinstance(value, dict) else lambda name: hasattr(value, name)
    return "inputs" if has("inputs") else _item_kind(value)


Item = Annotated[Annotated[TextItem, Tag("text")] | Annotated[WordsItem, Tag("words")], Discriminator(_item_kind)]


class BatchRequest(_Strict):
    """Texts and sentences, each with its own result."""

    model_config = ConfigDict(json_schema_extra={"examples": [BATCH_EXAMPLE]})

    inputs: list[Item] = Field(description="What to label.")
    tags: Tags = "auto"


PredictRequest = Annotated[
    Annotated[TextRequest, Tag("text")]
    | Annotated[WordsRequest, Tag("words")]
    | Annotated[BatchRequest, Tag("inputs")],
    Discriminator(_request_kind),
]

REQUEST: TypeAdapter[TextRequest | WordsRequest | BatchRequest] = TypeAdapter(PredictRequest)
"""Reads the body of ``POST /predict``."""


class LabelledSentence(BaseModel):
    """One sentence with what the model says of its words."""

    words: list[str] = Field(description="Its words.")
    labels: list[str] = Field(description="One entity tag per word, in the model's tag scheme.")
    pos: list[str] | None = Field(description="The part-of-speech tags that the model read or found; null for none.")
    offsets: list[tuple[int, int]] | None = Field(
        description="Start and end of each word in the item's text, in code points; null for an item given as words."
    )


class Entity(BaseModel):
    """One entity."""

    label: str = Field(description="Its type.")
    score: float = Field(description="Probability.", json_schema_extra={"minimum": 0, "maximum": 1})
    text: str = Field(description="As it stands in the text, or its words joined by spaces.")
    sentence: int = Field(description="Which sentence of the result it is in, from 0.", ge=0)
    start: int = Field(description="Its first word within the sentence, from 0.", ge=0)
    end: int = Field(description="The word after its last.", ge=1)
    start_char: int | None = Field(description="Its first character in the item's text, in code points, from 0.")
    end_char: int | None = Field(description="The character after its last.")


class Result(BaseModel):
    """What one item holds."""

    sentences: list[LabelledSentence]
    entities: list[Entity]


class PredictAnswer(BaseModel):
    """One result per item, in their order."""

    results: list[Result]


class LimitsInfo(BaseModel):
    """What the server takes on."""

    max_body_bytes: int = Field(description="Bytes of a request's body.")
    max_words: int = Field(description="Words of a request.")
    max_queue: int = Field(description="Words of all requests that are being worked on.")
    timeout_s: float = Field(description="Seconds to an answer.")


class ModelInfo(BaseModel):
    """What the server serves."""

    name: str = Field(description="Name of the model's folder.")
    version: str = Field(description="Of nomina.")
    backend: Literal["torch", "onnx"] = Field(description="What computes the network.")
    encoder: str
    labels: list[str] = Field(description="Entity tags.")
    types: list[str] = Field(description="Entity types.")
    scheme: str = Field(description="Tag scheme of the labels.")
    features: dict[str, list[str]] = Field(description="Values of each token feature that the model reads.")
    pos_source: str = Field(description="Where part-of-speech tags come from if a request brings none.")
    scores: dict[str, Any] | None = Field(description="scores.json of the folder; null without one.")
    card: str | None = Field(description="README.md of the folder; null without one.")
    limits: LimitsInfo


class State(BaseModel):
    """How the server is."""

    status: Literal["ok", "ready"]


class Fault(BaseModel):
    """What went wrong."""

    message: str = Field(description="For people.")
    kind: str = Field(description="For programs: a short stable name.")


class ErrorAnswer(BaseModel):
    """Every answer but a good one."""

    error: Fault
