"""The audit of what a user names: files read as they are, looked through, mended and written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nomina.data.audit import Audit, Change, Fixed, PieceFacts, audit, finding, fix
from nomina.data.corpus import Corpus
from nomina.data.formats.write import columns_header, conll, jsonl
from nomina.data.tags import read_spans
from nomina.encoding.encoders import DEFAULT_ENCODER, EncoderSource, find_local, resolve_encoder
from nomina.errors import ConfigError, DataError, EncoderError, MissingExtraError
from nomina.files import check_free, open_output, write_text
from nomina.reading import read_files
from nomina.report.html.audit import audit_page
from nomina.training.config import RunConfig

__all__ = ["NO_ENCODER", "CheckResult", "check", "fixed_files", "write_fixed"]

NO_ENCODER = "none"
"""What stands for no encoder: nothing is cut into pieces."""


@dataclass(frozen=True, repr=False)
class CheckResult:
    """An audit, and what was written and changed.

    Attributes:
        audit: Facts and findings.
        files: What was written, by purpose.
        changes: What was changed in the mended copy.
    """

    audit: Audit
    files: dict[str, Path]
    changes: tuple[Change, ...] = ()

    @property
    def n_changes(self) -> dict[str, int]:
        """Changes by kind, most frequent first."""
        return dict(Counter(change.kind for change in self.changes).most_common())

    def __repr__(self) -> str:
        return f"CheckResult({self.audit.verdict})"


def check(
    config: RunConfig,
    *,
    corpora: Mapping[str, Corpus] | None = None,
    encoder: str | None = None,
    output: Path | None = None,
    fix_to: Path | None = None,
    overwrite: bool = False,
) -> CheckResult:
    """Read the parts as they are and look through them.

    Args:
        config: Settings of reading, and the files of each part.
        corpora: Parts that are in memory, by name; no file is read for these.
        encoder: What cuts words into pieces; ``"none"`` for nothing; if not given, the default encoder where it is on
            this machine.
        output: Folder for ``audit.json`` and ``audit.html``; nothing is written where ``None``.
        fix_to: File (of one part) or folder (of several) for a mended copy; nothing is mended where ``None``.
        overwrite: Whether files that are there already may be replaced.

    Raises:
        ConfigError: If no data is named.
        DataError: If a file cannot be read.
        OutputError: If a file is there already and may not be replaced.
    """
    files = {} if output is None else {"audit": output / "audit.json", "page": output / "audit.html"}
    named = _named(config, corpora or {})
    if not overwrite:
        for path in [*files.values(), *(fixed_files(named, fix_to).values() if fix_to is not None else ())]:
            check_free(path)
    parts = {name: part if isinstance(part, Corpus) else _read(part, config) for name, part in named.items()}
    pieces, missing = _pieces(parts, encoder, config.model.max_pieces)
    found = audit(parts, pieces=pieces, scheme=config.data.scheme)
    if missing is not None:
        found = replace(found, findings=(*found.findings, finding("encoder", missing)))
    if files:
        write_text(files["audit"], json.dumps(found.to_dict(), ensure_ascii=False, indent=2) + "\n")
        write_text(files["page"], audit_page(found))
    if fix_to is None:
        return CheckResult(found, files)
    fixed = fix(parts, scheme=config.data.scheme, repair=config.data.repair)
    return CheckResult(found, files | write_fixed(fixed, fix_to), fixed.changes)


def _named(config: RunConfig, corpora: Mapping[str, Corpus]) -> dict[str, Corpus | str | tuple[str, ...]]:
    """Every part that is named: in memory, or as files."""
    files = {"train": config.data.train, "dev": config.data.dev, "test": config.data.test}
    named = {name: corpora.get(name, paths) for name, paths in files.items()}
    found = {name: part for name, part in named.items() if part is not None and part != ()}
    if "train" not in found:
        raise ConfigError(["[data] train: expected at least one file to check, or 'sample'"])
    return found


def _read(files: str | tuple[str, ...], config: RunConfig) -> Corpus:
    """Files as they are, neither cleaned nor split."""
    return read_files(files, config.data.format, config.data)


def _pieces(
    parts: Mapping[str, Corpus], encoder: str | None, max_pieces: int
) -> tuple[dict[str, PieceFacts], str | None]:
    """Facts about pieces, or why there are none."""
    if encoder == NO_ENCODER:
        return {}, None
    from nomina.encoding.audit import count_pieces

    try:
        source = _find(encoder)
        if source is None:
            return {}, (
                f"word pieces were not looked at: the default encoder {DEFAULT_ENCODER} is not on this machine; "
                "name one (--encoder minilm, a folder or a hub id)"
            )
        return count_pieces(parts, source, max_pieces=max_pieces), None
    except (EncoderError, MissingExtraError) as error:
        return {}, f"word pieces were not looked at: {error}"


def _find(encoder: str | None) -> EncoderSource | None:
    return find_local(DEFAULT_ENCODER) if encoder is None else resolve_encoder(encoder)


def fixed_files(names: Iterable[str], target: Path) -> dict[str, Path]:
    """Where mended parts and the list of changes go.

    Args:
        names: Of the parts.
        target: With one part a file, JSON lines if it ends in ``.jsonl``, else columns parted by tabs; with several, a
            folder for ``train.jsonl`` and the like.

    Returns:
        The files by purpose: each part's name, and ``"changes"``: one JSON object a line.
    """
    names = list(names)
    if len(names) == 1:
        return {names[0]: target, "changes": target.with_name(f"{target.name}.changes.jsonl")}
    return {name: target / f"{name}.jsonl" for name in names} | {"changes": target / "changes.jsonl"}


def write_fixed(fixed: Fixed, target: Path) -> dict[str, Path]:
    """Write mended parts, and every change that was made, to the files of :func:`fixed_files`.

    Raises:
        DataError: If a sentence has no labels: the formats have no place for that.
        OutputError: If a file cannot be written.
    """
    files = fixed_files(fixed.parts, target)
    bare = next((s for corpus in fixed.parts.values() for s in corpus if s.labels is None), None)
    if bare is not None:
        raise DataError(
            "expected entity tags on every sentence that is to be written, found none", path=bare.source, line=bare.line
        )
    for name, corpus in fixed.parts.items():
        _write_corpus(corpus, files[name])
    with open_output(files["changes"]) as file:  # in ASCII, so that what is odd can be seen
        file.writelines(json.dumps(asdict(change)) + "\n" for change in fixed.changes)
    return files


def _write_corpus(corpus: Corpus, path: Path) -> None:
    with open_output(path) as file:
        if path.suffix == ".jsonl":
            for sentence in corpus:
                labels = sentence.labels or ()
                spans = () if corpus.scheme is None else read_spans(labels, corpus.scheme).spans
                file.write(jsonl(sentence, labels, spans))
            return
        file.write(columns_header(corpus.feature_names))
        document = None
        for sentence in corpus:
            if sentence.document is not None and sentence.document != document:
                file.write(f"# newdoc id = {sentence.document}\n")
            document = sentence.document
            features = {name: sentence.features[name] for name in corpus.feature_names}
            file.write(conll(replace(sentence, features=features), sentence.labels or ()))
