"""Opening a file: archives in place, characters decoded, lines split only where lines end."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
import zlib
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nomina.data.records import Note
from nomina.errors import DataError, FormatError

__all__ = ["SAMPLE", "Source", "decode", "fetch", "load", "split_lines"]

SAMPLE = "sample"

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_MAGIC = b"\x1f\x8b"
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_N_EXAMPLES = 5


class Source(NamedTuple):
    """A decoded file: its name for messages, its characters, and what decoding had to decide."""

    path: str
    text: str
    notes: tuple[Note, ...]


def load(path: str | Path) -> Source:
    """Read a text file, a gzip file or a zip archive with one data file.

    What the bytes are is told by their first few, never by the file's extension. Characters are read by their byte
    order mark, else as UTF-8, else as Windows-1252 (a superset of the printable part of latin-1), with a note.

    Args:
        path: A file, ``archive.zip/member``, or ``"sample"`` for the bundled corpus (a local file of that name wins).

    Raises:
        DataError: If there is no such file or it cannot be opened.
        FormatError: If it is damaged, binary, in an unknown encoding, or an archive with several data files.
    """
    name, data = fetch(path)
    return decode(data, name)


def decode(data: bytes, path: str) -> Source:
    """Read the characters of a file as :func:`load` does.

    Raises:
        FormatError: If it is binary, or in an unknown encoding.
    """
    return Source(path, *_decode(data, path))


def split_lines(text: str) -> list[str]:
    r"""Split at ``\n``, ``\r\n`` and a lone ``\r`` only.

    ``str.splitlines`` also splits at U+0085, U+2028 and five more, which occur inside words of real corpora.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def fetch(path: str | Path) -> tuple[str, bytes]:
    """Name and bytes of a file, archives being opened.

    Raises:
        DataError: If there is no such file or it cannot be opened.
        FormatError: If it is a damaged archive, or one with several data files.
    """
    file = Path(path)
    try:
        if file.is_file():
            return _unpack(str(path), file.read_bytes(), None)
        if file.is_dir():
            raise DataError(
                "expected a corpus file, found a folder that neither brat nor the datasets library wrote; name a file "
                "in it",
                path=path,
            )
        for parent in file.parents:
            if parent.is_file():
                return _unpack(str(parent), parent.read_bytes(), file.relative_to(parent).as_posix())
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror or error}", path=path) from error
    if str(path) == SAMPLE:
        return SAMPLE, _sample_bytes()
    if str(path) == "-" or file.exists():
        raise DataError(
            "expected the name of a corpus file, found standard input, a pipe or a device, and a corpus is read only "
            "from files; save it to a file, and name that",
            path=path,
        )
    raise DataError(
        f"expected a corpus file, found nothing there; check the path, or name {SAMPLE!r} for the bundled corpus",
        path=path,
    )


def _sample_bytes() -> bytes:
    bundled = resources.files("nomina.data") / "sample" / "sample.conll"
    if not bundled.is_file():
        raise DataError(
            "the bundled sample corpus is missing from this installation; install nomina again", path=SAMPLE
        )
    return bundled.read_bytes()


def _unpack(name: str, data: bytes, member: str | None) -> tuple[str, bytes]:
    """Follow archives down to the data; a gzip file within a zip archive too."""
    if data.startswith(_ZIP_MAGIC):
        name, data = _open_zip(name, data, member)
        member = None
    if member is not None:
        raise DataError(f"expected a zip archive that holds {member!r}, found another kind of file", path=name)
    if data.startswith(_GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(
                f"expected a gzip file, found a damaged one ({error}); fetch it again", path=name
            ) from error
    return name, data


def _open_zip(name: str, data: bytes, member: str | None) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            chosen = _choose_member(name, archive.namelist(), member)
            return f"{name}/{chosen}", archive.read(chosen)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        # RuntimeError is how zipfile says that a password is needed.
        raise FormatError(
            f"expected a readable zip archive, found a fault: {error}; unpack it by hand", path=name
        ) from error


def _choose_member(name: str, members: list[str], wanted: str | None) -> str:
    """The one data file of an archive; folders and what macOS adds are none."""
    files = [m for m in members if not m.endswith("/") and not _is_litter(PurePosixPath(m))]
    listing = ", ".join(files[:10]) + (", ..." if len(files) > 10 else "")
    if wanted is not None:
        if wanted in members:
            return wanted
        raise DataError(f"expected {wanted!r} in the archive, found: {listing or 'nothing'}", path=name)
    if len(files) == 1:
        return files[0]
    if not files:
        raise FormatError("expected a data file in the archive, found none", path=name)
    raise FormatError(
        f"expected one data file in the archive, found {len(files)}: {listing}; name one, as in {name}/{files[0]}",
        path=name,
    )


def _is_litter(member: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in member.parts)


def _decode(data: bytes, path: str) -> tuple[str, tuple[Note, ...]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding, path), ()
    zero = data.find(0)
    if zero >= 0:
        raise FormatError(
            "expected text, found a zero byte: a binary file, or UTF-16 without its mark; save it as UTF-8 text",
            path=path,
            line=_count_lines(data[:zero]) + 1,
        )
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        return _decode_windows(data, path, error)


def _decode_marked(data: bytes, encoding: str, path: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="ignore")
        raise FormatError(
            f"expected {encoding.upper()} text, as its byte order mark says, found {_found(data, error)}; "
            "save it again as UTF-8",
            path=path,
            line=_count_lines(before.encode("utf-8")) + 1,
        ) from error


def _decode_windows(data: bytes, path: str, fault: UnicodeDecodeError) -> tuple[str, tuple[Note, ...]]:
    lenient = data.decode("utf-8", errors="ignore")
    n_utf8 = len(lenient) - len(lenient.encode("ascii", errors="ignore"))
    n_foreign = len(data) - len(lenient.encode("utf-8"))
    if n_utf8 > n_foreign:
        # Read as Windows-1252, every well-formed character of such a file would turn into two or three wrong ones.
        raise FormatError(
            f"expected UTF-8, found {_found(data, fault)} among {n_utf8:,} good characters beyond ASCII; "
            "mend that line, or save the file again as UTF-8",
            path=path,
            line=_line_of(data, fault),
        )
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"expected UTF-8 or Windows-1252 text, found {_found(data, error)}, which neither defines; "
            "convert the file to UTF-8 first (iconv -f ITS-ENCODING -t UTF-8)",
            path=path,
            line=_line_of(data, error),
        ) from error
    places = [match.start() for match in re.finditer(rb"[\x80-\xff]", data)]
    lines = tuple(_count_lines(data[:place]) + 1 for place in places[:_N_EXAMPLES])
    message = (
        f"read as Windows-1252, because line {_line_of(data, fault)} is not UTF-8: {len(places):,} characters beyond "
        "ASCII depend on that; if they look wrong, convert the file to UTF-8"
    )
    return text, (Note("encoding", message, len(places), lines),)


def _found(data: bytes, error: UnicodeDecodeError) -> str:
    return f"byte 0x{data[error.start]:02x}" if error.start < len(data) else "the end of the file"


def _line_of(data: bytes, error: UnicodeDecodeError) -> int:
    return _count_lines(data[: error.start]) + 1


def _count_lines(data: bytes) -> int:
    return len(re.findall(rb"\r\n|\r|\n", data))
