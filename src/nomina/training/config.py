"""``RunConfig``: everything needed to repeat a run, from TOML and flags, checked all at once before anything loads."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from nomina.data.formats import Format
from nomina.data.offsets import CutPolicy, OverlapPolicy
from nomina.data.shapes import SHAPE
from nomina.data.tags import Scheme
from nomina.data.tagsets import POS, SPACY
from nomina.encoding.encoders import DEFAULT_ENCODER
from nomina.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "DataConfig",
    "FeatureSetting",
    "ModelConfig",
    "RunConfig",
    "Setting",
    "TrainingConfig",
    "is_list",
    "plain_types",
    "read_toml",
    "settings",
]

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def plain_types(annotation: Any) -> list[Any]:
    """The types that a setting may have, without ``None`` and without bounds."""
    if get_origin(annotation) in (Literal, tuple) or not get_args(annotation):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return plain_types(get_args(annotation)[0])
    return [plain for part in get_args(annotation) if part is not type(None) for plain in plain_types(part)]


def is_list(annotation: Any) -> bool:
    """Whether a setting is a list."""
    return any(get_origin(plain) is tuple for plain in plain_types(annotation))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _split_lists(cls, value: Any, info: ValidationInfo) -> Any:
        """Lists may be written as on the command line: ``"80,10,10"``."""
        if isinstance(value, str) and info.field_name and is_list(cls.model_fields[info.field_name].annotation):
            return tuple(part.strip() for part in value.split(","))
        return value


def read_toml(path: str | Path, *, noun: str = "a settings file", place: str = "") -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: The file.
        noun: What it is expected to be, for the message.
        place: What the message starts with.

    Raises:
        ConfigError: If the file is missing or is not TOML.
    """
    try:
        with Path(path).open("rb") as file:
            values: dict[str, Any] = tomllib.load(file)
    except OSError as error:
        raise ConfigError([f"{place}expected {noun} at {str(path)!r}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{place}{path}: expected TOML: {error}"]) from error
    return values


class FeatureSetting(NamedTuple):
    """One token feature as settings name it: size of its embedding, and share of values hidden in training."""

    name: str
    dim: int | None
    dropout: float | None


def _parse_feature(text: str) -> FeatureSetting:
    """Read ``NAME``, ``NAME:DIM`` or ``NAME:DIM:DROPOUT``."""
    name, *numbers = text.split(":")
    try:
        dim = int(numbers[0]) if numbers and numbers[0] else None
        dropout = float(numbers[1]) if len(numbers) > 1 else None
    except ValueError:
        dim = 0
    else:
        if name and len(numbers) <= 2 and (dim is None or dim >= 1) and (dropout is None or 0 <= dropout <= 1):
            return FeatureSetting(name, dim, dropout)
    raise ValueError(f"expected NAME, NAME:DIM or NAME:DIM:DROPOUT, as in pos:32:0.1, found {text!r}")


class DataConfig(_Section):
    """What to read, how to clean it and how to split it."""

    train: tuple[str, ...] = Field(default=(), description="files to train on, or 'sample'")
    dev: str | None = Field(
        default=None, description="file for choosing the best epoch; else a part of the training data"
    )
    test: str | None = Field(default=None, description="file for the final scores; else a part of the training data")
    format: Format = Field(default="auto", description="file format; found by content where 'auto'")
    columns: str | None = Field(
        default=None, description="columns of a column file by name, as in word,pos,_,label (_ is ignored)"
    )
    upos: bool = Field(default=False, description="read universal POS tags from CoNLL-U instead of the language's own")
    label_names: str | None = Field(
        default=None, description="file with one label a line, for integer labels without names"
    )
    cut_spans: CutPolicy = Field(
        default="expand", description="what becomes of a span of characters that cuts through a word"
    )
    overlaps: OverlapPolicy = Field(default="outermost", description="which of overlapping spans is kept")
    scheme: Scheme | None = Field(default=None, description="tag scheme of the files; found by content if not given")
    repair: Literal["conlleval", "discard", "error"] = Field(
        default="conlleval", description="what becomes of invalid tag sequences"
    )
    drop_duplicates: bool = Field(default=False, description="drop sentences whose words occurred before")
    split: tuple[float, float, float] = Field(
        default=(80, 10, 10), description="shares of train, dev and test where no files for them are given"
    )
    limit_train: Count | None = Field(default=None, description="train on the first N sentences only")
    limit_test: Count | None = Field(default=None, description="evaluate the test part's first N sentences only")

    @field_validator("split")
    @classmethod
    def _check_split(cls, split: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(split) < 0 or split[0] <= 0:
            raise ValueError("expected three shares of 0 or more, the first above 0, such as 80,10,10")
        return split


class ModelConfig(_Section):
    """What to build."""

    encoder: str = Field(default=DEFAULT_ENCODER, description="hub id, folder, or 'minilm' (bundled)")
    revision: str | None = Field(default=None, description="revision of a hub id")
    trust_remote_code: bool = Field(default=False, description="let a hub encoder run its own code")
    features: tuple[str, ...] | None = Field(
        default=None,
        description="token features to read: columns, and 'shape' (capitals, digits, punctuation), each as "
        "NAME, NAME:DIM or NAME:DIM:DROPOUT; 'pos' where the corpus has it if not given, 'none' for none",
    )
    pos_dim: Count = Field(default=32, description="size of the embedding of features that name none")
    pos_dropout: Share | None = Field(
        default=None,
        description="share of feature values hidden in training, of features that name none; if not given, 0 for "
        "shape, 0.5 for pos with a joint source, else 0.1",
    )
    fusion: Literal["concat", "add", "gate", "attention"] = Field(
        default="concat", description="how features join the encoder's output"
    )
    pos_source: str = Field(
        default="none",
        description="tags for input without any: joint (a second head finds them), spacy:PIPELINE (fine tags), "
        "spacy:PIPELINE:coarse (universal tags), or none",
    )
    train_tags: Literal["source", "given"] = Field(
        default="source",
        description="with a spaCy source, train on its tags, as predictions will see them, or on those given",
    )
    pos_loss_weight: Annotated[float, Field(ge=0)] = Field(
        default=0.3, description="weight of the joint head's loss beside that of the entities"
    )
    head: Literal["linear", "crf"] = Field(
        default="linear", description="how words are labelled: each on its own, or the sentence as a chain"
    )
    constrained: bool = Field(
        default=False, description="never predict tags that may not follow one another in the scheme"
    )
    context: Literal["sentence", "document"] = Field(
        default="sentence", description="what the encoder sees at once: a sentence, or as much of its document as fits"
    )
    label_scheme: Scheme = Field(default=Scheme.IOB2, description="tag scheme that the model learns")
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.1, description="dropout before the classifier")
    max_pieces: Annotated[int, Field(ge=0)] = Field(
        default=0, description="word pieces per window; 0 for the encoder's limit"
    )
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2", "flex_attention"] = Field(
        default="auto",
        description="kernel of the encoder's attention in training, flash and flex on GPUs only; by encoder and device "
        "where 'auto'",
    )

    @field_validator("features")
    @classmethod
    def _check_features(cls, features: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if features is None or features == ("none",):
            return None if features is None else ()
        names = [_parse_feature(feature).name for feature in features]
        if len(set(names)) != len(names):
            raise ValueError("expected each feature once")
        return features

    @field_validator("pos_source")
    @classmethod
    def _check_source(cls, source: str) -> str:
        if source in ("none", "joint") or (source.startswith(SPACY) and len(source) > len(SPACY)):
            return source
        raise ValueError("expected none, joint, spacy:PIPELINE or spacy:PIPELINE:coarse")

    def feature(self, name: str) -> FeatureSetting:
        """Size and dropout of a token feature."""
        named = [parsed for parsed in map(_parse_feature, self.features or ()) if parsed.name == name]
        own = named[0] if named else FeatureSetting(name, None, None)
        default = 0.0 if name == SHAPE else 0.5 if name == POS and self.pos_source == "joint" else 0.1
        dropout = default if self.pos_dropout is None else self.pos_dropout
        return FeatureSetting(name, own.dim or self.pos_dim, dropout if own.dropout is None else own.dropout)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the token features, ``None`` where the corpus decides."""
        return None if self.features is None else tuple(_parse_feature(feature).name for feature in self.features)

    @property
    def trains_on_source(self) -> bool:
        """Whether the tags of the source replace those of the corpus in training."""
        return self.pos_source.startswith(SPACY) and self.train_tags == "source"


class TrainingConfig(_Section):
    """How to train."""

    epochs: Annotated[float, Field(gt=0)] = Field(default=3, description="passes over the training part")
    batch_size: Count = Field(default=32, description="windows per optimizer step and device, before accumulation")
    accumulation: Count = Field(default=1, description="batches per optimizer step")
    learning_rate: Rate | None = Field(
        default=None,
        description="peak rate of the encoder; by its width if not given (3e-4 at 384, 5e-5 at 768), higher with LoRA",
    )
    head_learning_rate: Rate = Field(default=5e-3, description="peak rate of everything that is not the encoder")
    crf_learning_rate: Rate = Field(default=1e-2, description="peak rate of a CRF's transition scores")
    schedule: Literal["linear", "cosine", "constant"] = Field(default="linear", description="rate after warm-up")
    warmup: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1, description="share of the steps in which the rate rises"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(default=0.01, description="AdamW's, not on biases and norms")
    max_grad_norm: Annotated[float, Field(ge=0)] = Field(default=1.0, description="gradient clipping; 0 for none")
    patience: Annotated[int, Field(ge=0)] = Field(
        default=0, description="stop after this many evaluations without a better dev F1; 0 for never"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=13, description="seed of everything random")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        default="auto", description="bf16 on GPUs and CPUs that compute in it, else fp32, where 'auto'"
    )
    compile: bool = Field(default=False, description="torch.compile the model")
    gradient_checkpointing: bool = Field(
        default=False,
        description="recompute activations in the backward pass: less memory, about a third more time",
    )
    lora_rank: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="train additions of this rank to the encoder's matrices (LoRA), not the encoder itself: less "
        "memory; 0 for none",
    )
    device: Literal["auto", "cpu"] = Field(default="auto", description="GPU where there is one, or always the CPU")
    threads: Count | None = Field(
        default=None, description="threads of the CPU in training; all if not given; results depend on it a little"
    )
    log_every: Count = Field(default=10, description="steps between logged losses")
    save_every: Count | None = Field(default=None, description="also write a checkpoint every N steps; else each epoch")
    keep_checkpoints: bool = Field(default=False, description="keep the checkpoints when training has ended")
    report_to: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = Field(
        default=(), description="loggers that get loss and dev F1: tensorboard, wandb, mlflow"
    )


class RunConfig(_Section):
    """All settings of a run; ``run.toml`` beside every result.

    Every setting's name is unique across the sections, so that flags and search spaces can use it alone.
    """

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    @classmethod
    def build(cls, values: Mapping[str, Any] | None = None, **flags: Any) -> RunConfig:
        """Validate settings.

        Args:
            values: Settings by section, as in TOML.
            flags: Settings by their own name; they win. ``None`` means not given.

        Raises:
            ConfigError: With every fault: unknown keys, wrong types, values out of range.
        """
        merged: dict[str, Any] = {
            section: dict(content) if isinstance(content, Mapping) else content
            for section, content in (values or {}).items()
        }
        homes = {setting.name: setting.section for setting in settings()}
        faults = [_unknown(name, homes) for name in flags if name not in homes]
        for name, value in flags.items():
            if value is not None and name in homes:
                section = merged.setdefault(homes[name], {})
                if isinstance(section, dict):
                    section[name] = value
        try:
            config = cls.model_validate(merged)
        except ValidationError as error:
            faults += [_fault(detail, homes) for detail in error.errors(include_url=False)]
        if faults:
            raise ConfigError(faults)
        return config

    @classmethod
    def load(cls, path: str | Path, **flags: Any) -> RunConfig:
        """Read a TOML file; flags win over it.

        Raises:
            ConfigError: If the file is missing, is not TOML, or holds faults.
        """
        values = read_toml(path)
        values.pop("nomina", None)
        return cls.build(values, **flags)

    def to_toml(self) -> str:
        """As TOML that :meth:`load` reads back to an equal config; settings that are not given are left out."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    def with_settings(self, **settings: Any) -> RunConfig:
        """A copy with some settings changed, by their own names, validated again."""
        return type(self).build(self.model_dump(mode="python"), **settings)


class Setting(NamedTuple):
    """One setting of a run, for flags, search spaces and documentation.

    Attributes:
        name: Its name, unique.
        section: ``"data"``, ``"model"`` or ``"training"``.
        annotation: Its type.
        default: What it is if not given.
        description: One line.
    """

    name: str
    section: str
    annotation: Any
    default: Any
    description: str


def settings() -> Iterator[Setting]:
    """Every setting of a run, in the order of the sections."""
    for section, section_field in RunConfig.model_fields.items():
        section_class: Any = section_field.annotation
        for name, field in section_class.model_fields.items():
            yield Setting(name, section, field.annotation, field.default, field.description or "")


def _unknown(name: str, known: Mapping[str, Any], place: str = "") -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; known are: {', '.join(known)}"
    return f"{place}unknown setting {name!r}{hint}"


def _fault(detail: Any, homes: Mapping[str, str]) -> str:
    path = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        section, name = (path[0], path[-1]) if len(path) > 1 else ("", path[-1])
        if not section:
            return _unknown(name, RunConfig.model_fields)
        if name in homes and homes[name] != section:
            return f"[{section}] {name!r} belongs in section [{homes[name]}]"
        return _unknown(name, [n for n, home in homes.items() if home == section], f"[{section}] ")  # type: ignore[arg-type]
    place = f"[{path[0]}] {'.'.join(path[1:])}: " if len(path) > 1 else f"{path[0]}: " if path else ""
    message = detail["msg"].removeprefix("Value error, ")
    return f"{place}{message}, found {detail['input']!r}" if path else message
