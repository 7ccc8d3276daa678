"""Every exception that nomina raises on purpose.

::

    NominaError                  base of all; the message says what was expected, found, where, and what to do next
    ├── DataError                a corpus file or its content; carries ``path`` and ``line``
    │   ├── FormatError          the file's format or encoding could not be recognised or decoded
    │   └── TagError             an entity tag or tag sequence that the scheme does not allow
    ├── ConfigError              settings: every fault of a configuration at once, in ``faults``
    ├── EncoderError             an encoder or tokenizer that cannot be loaded or used
    ├── ModelError               a model folder that is incomplete or does not fit the request
    ├── OutputError              an output that already exists or cannot be written
    ├── MissingExtraError        an optional package is absent; names the command that installs it
    ├── ExportError              an export that does not do what the model does
    └── TrainingError            training failed on our side (a loss that is not a number, say)
        └── CheckpointError      a checkpoint that is damaged

``exit_code`` is what the command line returns: 2 for the caller's faults, 1 for ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "EncoderError",
    "ExportError",
    "FormatError",
    "MissingExtraError",
    "ModelError",
    "NominaError",
    "OutputError",
    "TagError",
    "TrainingError",
]


class NominaError(Exception):
    """Base of everything nomina raises on purpose."""

    exit_code: int = 2


class DataError(NominaError):
    """A fault in a corpus file, with its place.

    Args:
        message: What was expected, what was found and what to do next.
        path: The file, if known; members of an archive read ``archive.zip/member``.
        line: 1-based line in that file, if known.
    """

    def __init__(self, message: str, *, path: str | Path | None = None, line: int | None = None) -> None:
        self.path = None if path is None else str(path)
        self.line = line
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(place + message)


class FormatError(DataError):
    """The file's format or character encoding could not be recognised or decoded."""


class TagError(DataError):
    """An entity tag, or a sequence of tags, that the scheme does not allow."""


class ConfigError(NominaError):
    """Faulty settings.

    Args:
        faults: One message per fault, all of them; shown one to a line.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        noun = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{noun} in the settings:\n" + "\n".join(f"  - {fault}" for fault in self.faults))


class EncoderError(NominaError):
    """An encoder or tokenizer that cannot be found, verified, loaded or used."""


class ModelError(NominaError):
    """A model folder that is incomplete, or a request that does not fit the model."""


class OutputError(NominaError):
    """An output that already exists, or cannot be written."""


class MissingExtraError(NominaError, ImportError):
    """An optional package is not installed.

    Args:
        package: The import name that is missing.
        extra: The nomina extra that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}; install it with: pip install 'nomina[{extra}]'")


class ExportError(NominaError):
    """An exported model labels otherwise than the model that it was made from."""

    exit_code = 1


class TrainingError(NominaError):
    """Training cannot go on: a loss that is not a number, say."""

    exit_code = 1


class CheckpointError(TrainingError):
    """A checkpoint is damaged; the run must go on from another one, or begin anew."""
