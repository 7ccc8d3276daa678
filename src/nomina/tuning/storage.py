"""Where a study is kept: a journal in the output folder, or a database."""

from __future__ import annotations

import contextlib
import fcntl
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nomina.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["check_storage", "open_storage", "storage_name"]

_JOURNAL = "journal.log"


class _KernelLock:
    """The journal's lock: the kernel lets it go when its holder dies, however it dies.

    A line that its writer could not finish is cut off before the next one is written; behind it, no line could be read.
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        file = self.journal.with_suffix(".lock").open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        self.file = file
        _cut_torn_line(self.journal)
        return True

    def release(self) -> None:
        """Let it go."""
        file, self.file = self.file, None
        if file is not None:
            file.close()


def _cut_torn_line(journal: Path) -> None:
    if not journal.is_file() or not (size := journal.stat().st_size):
        return
    with journal.open("rb+") as file:
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """The storage of a search.

    Args:
        url: ``postgresql://…`` or another database that SQLAlchemy knows; ``None`` for a journal in the folder.
        folder: Output folder of the search.

    Raises:
        ConfigError: If the database is SQLite, which several processes must not share, or cannot be reached.
        MissingExtraError: If the database's driver is not installed.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if url is None:
        # Absolute: Optuna's own lock is a symbolic link to this path. Ours leaves nothing behind when a worker is
        # killed while it holds it.
        path = (folder / _JOURNAL).resolve()
        lock: Any = _KernelLock(path)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    check_storage(url)
    address = _with_driver(url)
    try:
        return _connect(address)
    except (SQLAlchemyError, ImportError, ValueError, optuna.exceptions.OptunaError) as error:
        raise ConfigError([f"storage: expected a database that answers, found: {_first_line(error)}"]) from error


def storage_name(url: str | None) -> str:
    """Where a study is, in words that hold no password."""
    if url is None:
        return "journal"
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parts = make_url(url)
    except ArgumentError:
        return url.partition(":")[0]
    return f"{parts.get_backend_name()}://{parts.host or ''}:{parts.port or ''}/{parts.database or ''}"


def check_storage(url: str | None) -> None:
    """Refuse SQLite, which several processes must not share.

    Raises:
        ConfigError: If it is SQLite.
    """
    if url is not None and url.lower().startswith("sqlite"):
        raise ConfigError(
            ["storage: SQLite is not for several workers; leave --storage out for a journal, or give postgresql://…"]
        )


def _connect(address: str) -> BaseStorage:
    from optuna.exceptions import OptunaError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    with contextlib.suppress(SQLAlchemyError, OptunaError):
        return RDBStorage(address, engine_kwargs={"pool_pre_ping": True})
    # Two processes that make the tables of a new database at once get in each other's way; once is enough.
    time.sleep(1.0)
    return RDBStorage(address, engine_kwargs={"pool_pre_ping": True})


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        return url
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgresql") from error
    return f"postgresql+psycopg{separator}{rest}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error.__cause__ or error).strip().splitlines()), type(error).__name__)
