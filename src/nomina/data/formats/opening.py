"""Opening what a user names as a source of bytes: a file, an archive followed down to its data, a stream."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from nomina.errors import DataError, FormatError

__all__ = ["SAMPLE", "STANDARD_INPUT", "Opened", "fetch", "open_path", "open_stream"]

SAMPLE = "sample"
STANDARD_INPUT = "standard input"
"""What a stream without a name of its own is called in messages."""

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_MAGIC = b"\x1f\x8b"
_N_MAGIC = 4


class _Readable(Protocol):
    """What pipes and the layers of an archive have in common."""

    def read(self, size: int = -1, /) -> bytes: ...
    def read1(self, size: int, /) -> bytes: ...
    def tell(self) -> int: ...


class _Layer(NamedTuple):
    """A file, or a member of an archive: its name, its bytes as they stand there, and how many they are."""

    name: str
    file: io.BufferedReader | io.BytesIO | zipfile.ZipExtFile
    n_bytes: int


class Opened:
    """An open source of bytes.

    Attributes:
        name: What it is called in messages; members of an archive read ``archive.zip/member``.
        n_bytes: Size of the file, still compressed if it is a gzip file, or of the archive's member; ``None`` where it
            is not known.
        n_read: How many of them were read.
        plain: The file itself, if the bytes are its own.
    """

    def __init__(self, name: str, file: _Readable, n_bytes: int | None, stack: ExitStack) -> None:
        self.name = name
        self.n_bytes = n_bytes
        self.n_read = 0
        self.plain: Path | None = None
        self._base = self._file = file
        self._stack = stack
        self._fault: DataError | None = None

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened here; a stream of the caller's stays open."""
        self._stack.close()

    def unpack(self) -> None:
        """Read what a gzip file holds from now on."""
        self._file = self._stack.enter_context(gzip.GzipFile(fileobj=cast("Any", self._base), mode="rb"))

    def read_all(self) -> bytes:
        """Read what is left.

        Raises:
            DataError: If it cannot be read.
            FormatError: If an archive is damaged.
        """
        with self._said():
            data = self._file.read()
        self.n_read = self._base.tell()
        return data

    def read(self, n: int) -> bytes:
        """Read the next bytes.

        Of a damaged archive, everything before the damage is read first. A stream is not waited for: what it has now is
        given.

        Args:
            n: How many at most, above 0.

        Returns:
            At least one byte, but at the end.

        Raises:
            DataError: If it cannot be read.
            FormatError: If an archive is damaged.
        """
        if self._fault is not None:
            raise self._fault
        parts: list[bytes] = []
        while n > 0:
            try:
                with self._said():
                    part = self._file.read1(n)
            except DataError as error:
                if not parts:
                    raise
                self._fault = error
                break
            parts.append(part)
            n -= len(part)
            if not part or isinstance(self._base, _Pipe):
                break
        self.n_read = self._base.tell()
        return b"".join(parts)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Within, faults are told in the words of the layer that has them."""
        try:
            yield
        except (zipfile.BadZipFile, RuntimeError) as error:
            raise _bad_zip(error, self.name) from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            if self._file is self._base:
                raise _bad_zip(error, self.name) from error
            raise FormatError(
                f"expected a gzip file, found a damaged one ({error}); fetch it again", path=self.name
            ) from error
        except OSError as error:
            raise _unreadable(error, self.name) from error


class _Pipe:
    """A stream that cannot be gone back in, with a look at its first bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._read1 = getattr(file, "read1", file.read)
        self._ahead = b""
        self._n_read = 0

    def peek(self, n: int) -> bytes:
        while len(self._ahead) < n and (more := self._read1(n - len(self._ahead))):
            self._ahead += more
        return self._ahead[:n]

    def read(self, size: int = -1, /) -> bytes:
        return self._take(self._ahead + self._file.read()) if size < 0 else self.read1(size)

    def read1(self, size: int, /) -> bytes:
        return self._take(self._ahead[:size] if self._ahead else self._read1(size) or b"")

    def tell(self) -> int:
        return self._n_read

    def _take(self, data: bytes) -> bytes:
        self._ahead = self._ahead[len(data) :]
        self._n_read += len(data)
        return data


def fetch(path: str | Path) -> tuple[str, bytes]:
    """Name and bytes of a file, archives being opened.

    Raises:
        DataError: If there is no such file or it cannot be opened.
        FormatError: If it is a damaged archive, or one with several data files.
    """
    with open_path(path) as opened:
        return opened.name, opened.read_all()


def open_path(path: str | Path, *, pipes: bool = False) -> Opened:
    """Open a file, ``archive.zip/member``, or ``"sample"`` for the bundled corpus (a local file of that name wins).

    What the bytes are is told by their first few, never by the file's extension; a gzip file within a zip archive is
    opened too.

    Args:
        path: What to open.
        pipes: Whether it may be a pipe or a device.

    Raises:
        DataError: If there is no such file or it cannot be opened.
        FormatError: If it is a damaged archive, or one with several data files.
    """
    file = Path(path)
    try:
        if file.is_file():
            return _open(str(path), file, None)
        if file.is_dir():
            raise DataError(
                "expected a corpus file, found a folder that neither brat nor the datasets library wrote; name a file "
                "in it",
                path=path,
            )
        for parent in file.parents:
            if parent.is_file():
                return _open(str(parent), parent, file.relative_to(parent).as_posix())
        if str(path) == SAMPLE:
            return _open_sample()
        if pipes and file.exists():
            with ExitStack() as stack:
                return open_stream(stack.enter_context(file.open("rb")), stack)
    except OSError as error:
        raise _unreadable(error, str(path)) from error
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


def open_stream(file: BinaryIO, stack: ExitStack | None = None) -> Opened:
    """Open a binary stream that may be a pipe: it is read once, from where it stands, and stays open.

    A zip archive has its listing at its end, so one in a stream is read into memory whole.

    Args:
        file: The stream.
        stack: What is closed with it.

    Raises:
        DataError: If it cannot be read.
        FormatError: If it is a damaged archive, or one with several data files.
    """
    given = getattr(file, "name", None)
    name = given if isinstance(given, str) and not given.startswith("<") else STANDARD_INPUT
    pipe, n_bytes = _Pipe(file), _size(file)
    stack = stack or ExitStack()
    try:
        if pipe.peek(_N_MAGIC) in _ZIP_MAGIC:
            data = pipe.read()
            return _follow(_Layer(name, io.BytesIO(data), len(data)), None, stack)
        opened = Opened(name, pipe, n_bytes, stack.pop_all())
        if pipe.peek(_N_MAGIC).startswith(_GZIP_MAGIC):
            opened.unpack()
    except OSError as error:
        raise _unreadable(error, name) from error
    return opened


def _open(name: str, path: Path, member: str | None) -> Opened:
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        opened = _follow(_Layer(name, file, path.stat().st_size), member, stack)
        opened.plain = path if opened._file is file else None
        stack.pop_all()
        return opened


def _follow(layer: _Layer, member: str | None, stack: ExitStack) -> Opened:
    """Follow archives down to the data; what is opened on the way is closed with it."""
    head = _peek(layer.file)
    if head in _ZIP_MAGIC:
        layer = _open_zip(layer, member, stack)
        head = _peek(layer.file)
    elif member is not None:
        raise DataError(f"expected a zip archive that holds {member!r}, found another kind of file", path=layer.name)
    opened = Opened(layer.name, layer.file, layer.n_bytes, stack.pop_all())
    if head.startswith(_GZIP_MAGIC):
        opened.unpack()
    return opened


def _peek(file: io.BufferedReader | io.BytesIO | zipfile.ZipExtFile) -> bytes:
    head = file.read(_N_MAGIC)
    file.seek(0)
    return head


def _open_zip(layer: _Layer, member: str | None, stack: ExitStack) -> _Layer:
    try:
        archive = stack.enter_context(zipfile.ZipFile(layer.file))
        chosen = _choose_member(layer.name, archive.namelist(), member)
        file = stack.enter_context(cast("zipfile.ZipExtFile", archive.open(chosen)))
        _peek(file)
        return _Layer(f"{layer.name}/{chosen}", file, archive.getinfo(chosen).file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise _bad_zip(error, layer.name) from error


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


def _open_sample() -> Opened:
    bundled = resources.files("nomina.data") / "sample" / "sample.conll"
    if not bundled.is_file():
        raise DataError(
            "the bundled sample corpus is missing from this installation; install nomina again", path=SAMPLE
        )
    data = bundled.read_bytes()
    return _follow(_Layer(SAMPLE, io.BytesIO(data), len(data)), None, ExitStack())


def _size(file: BinaryIO) -> int | None:
    """Bytes left in a stream that is a file."""
    try:
        status = os.fstat(file.fileno())
        return status.st_size - file.tell() if stat.S_ISREG(status.st_mode) else None
    except (OSError, AttributeError):
        return None


def _bad_zip(error: Exception, name: str) -> FormatError:
    # RuntimeError is how zipfile says that a password is needed, or that it does not know the compression.
    return FormatError(f"expected a readable zip archive, found a fault: {error}; unpack it by hand", path=name)


def _unreadable(error: OSError, name: str) -> DataError:
    return DataError(f"the file cannot be read: {error.strerror or error}", path=name)
