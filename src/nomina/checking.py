"""The audit of what a user names: files read as they are, looked through, mended and written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from nomina.data.audit import Audit, Change, Fixed, PieceFacts, audit, finding, fix
from nomina.data.corpus import Corpus
from nomina.data.formats import brat
from nomina.data.formats.writing import WriteFormat, write
from nomina.data.records import Note
from nomina.encoding.encoders import DEFAULT_ENCODER, EncoderSource, find_local, resolve_encoder
from nomina.errors import ConfigError, DataError, EncoderError, MissingExtraError, OutputError
from nomina.files import check_free, open_output, write_text
from nomina.reading import NamedPart, named_parts, read_part
from nomina.report.html.audit import audit_page
from nomina.training.config import RunConfig

__all__ = ["NO_ENCODER", "CheckResult", "check", "fixed_files"]

NO_ENCODER = "none"
"""What stands for no encoder: nothing is cut into pieces."""

_CHANGES = "changes"


@dataclass(frozen=True, repr=False)
class CheckResult:
    """An audit, and what was written and changed.

    Attributes:
        audit: Facts and findings.
        files: What was written, by purpose.
        changes: What was changed in the mended copy.
        notes: What the format of the mended copy had no room for.
    """

    audit: Audit
    files: dict[str, Path]
    changes: tuple[Change, ...] = ()
    notes: tuple[Note, ...] = ()

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
    show: Callable[[Audit], None] = lambda found: None,
) -> CheckResult:
    """Read the parts as they are and look through them.

    Args:
        config: Settings of reading, and the files of each part.
        corpora: Parts that are in memory, by name; no file is read for these.
        encoder: What cuts words into pieces; ``"none"`` for nothing; if not given, the default encoder where it is on
            this machine.
        output: Folder for ``audit.json`` and ``audit.html``; nothing is written where ``None``.
        fix_to: File (of one part) or folder (of several) for a mended copy; nothing is mended where ``None``.
        overwrite: Whether files that are there already may be replaced; those that are read never are.
        show: Told the audit before anything is mended or written.

    Raises:
        ConfigError: If no data is named.
        DataError: If a file cannot be read, or a mended part holds what its format cannot; then nothing is written.
        OutputError: If a file is there already and may not be replaced, is one of those that are read, or cannot be
            written.
        TagError: If ``repair="error"``, a mended copy is to be written, and a tag sequence is invalid.
    """
    named = named_parts(config.data, corpora or {})
    if "train" not in named:
        raise ConfigError(["[data] train: expected at least one file to check, or 'sample'"])
    files = {} if output is None else {"audit": output / "audit.json", "page": output / "audit.html"}
    copies = {} if fix_to is None else fixed_files(named, fix_to)
    _check_targets([*files.values(), *copies.values()], named.values(), overwrite=overwrite)
    parts = {name: read_part(part, config.data) for name, part in named.items()}
    pieces, missing = _pieces(parts, encoder, config.model.max_pieces)
    found = audit(parts, pieces=pieces, scheme=config.data.scheme)
    if missing is not None:
        found = replace(found, findings=(*found.findings, finding("encoder", missing)))
    show(found)
    if fix_to is None:
        _write_audit(found, files)
        return CheckResult(found, files)
    fixed = fix(parts, scheme=config.data.scheme, repair=config.data.repair)
    with _folder_beside(fix_to) as folder:
        notes = _write_fixed(fixed, copies, folder)
        _write_audit(found, files)
        _move(folder, copies.values())
    return CheckResult(found, files | copies, fixed.changes, notes)


def _write_audit(found: Audit, files: Mapping[str, Path]) -> None:
    if files:
        write_text(files["audit"], json.dumps(found.to_dict(), ensure_ascii=False, indent=2) + "\n")
        write_text(files["page"], audit_page(found))


def _check_targets(targets: Iterable[Path], named: Iterable[NamedPart], *, overwrite: bool) -> None:
    """Refuse to replace what is read, and whatever else is there already unless it may be replaced."""
    inputs = [path for part in named for path in _inputs(part)]
    for target in targets:
        if target.exists() and any(_is_part(target, path) for path in inputs):
            raise OutputError(
                f"{target} is one of the files that are read, or stands in their folder; the data themselves are never "
                "replaced: choose another name"
            )
        if not overwrite:
            check_free(target)
        elif target.is_dir():
            raise OutputError(f"{target} is a folder, and a file is to be written; choose another name")
        if not (there := _nearest(target)).is_dir():
            raise OutputError(f"cannot write {target}: {there} is a file and no folder; choose another name")


def _inputs(part: NamedPart) -> Iterator[Path]:
    """Files and folders that a part is read from, or was."""
    sources = {s.source for s in part} | {part.source} if isinstance(part, Corpus) else set(part)
    for source in sources:
        if source is None:
            continue
        path = Path(source)
        yield path
        yield from (archive for archive in path.parents if archive.is_file())
        if path.is_file() and brat.looks_like(source):  # one file of three
            yield from (path.with_suffix(suffix) for suffix in (".txt", ".ann", ".words.jsonl"))


def _is_part(target: Path, source: Path) -> bool:
    """Whether a file is the source itself, by whatever name, or stands in it."""
    if not source.exists():
        return False
    return target.samefile(source) or (source.is_dir() and source.resolve() in target.resolve().parents)


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
        return {names[0]: target, _CHANGES: target.with_name(f"{target.name}.changes.jsonl")}
    return {name: target / f"{name}.jsonl" for name in names} | {_CHANGES: target / "changes.jsonl"}


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A folder from which files can be moved to a place that need not be there yet; gone when all is done."""
    try:
        folder = TemporaryDirectory(prefix=".nomina-", dir=_nearest(target))
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    with folder as name:
        yield Path(name)


def _nearest(target: Path) -> Path:
    """The first of the folders above a file that is there."""
    return next(folder for folder in target.absolute().parents if folder.exists())


def _write_fixed(fixed: Fixed, files: Mapping[str, Path], folder: Path) -> tuple[Note, ...]:
    """Write mended parts and the list of changes into a folder, and say what their format had no room for.

    Raises:
        DataError: If a part holds what its format cannot, or nothing is left of it.
    """
    notes: list[Note] = []
    for name, corpus in fixed.parts.items():
        if not len(corpus):
            raise DataError(
                f"expected sentences to write in the mended {name} part, found none: all were empty, or stand in "
                "another part; check the parts one by one",
                path=corpus.source,
            )
        form: WriteFormat = "jsonl" if files[name].suffix == ".jsonl" else "columns"
        written = write(corpus, folder / files[name].name, format=form)
        notes += (replace(note, message=f"{name}: {note.message}", source=corpus.source) for note in written.notes)
    with open_output(folder / files[_CHANGES].name) as file:  # in ASCII, so that what is odd can be seen
        file.writelines(json.dumps(asdict(change)) + "\n" for change in fixed.changes)
    return tuple(notes)


def _move(folder: Path, files: Iterable[Path]) -> None:
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        (folder / path.name).replace(path)
