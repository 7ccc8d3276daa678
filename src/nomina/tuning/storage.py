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

__all__ = ["check_storage", "open_storage"]

_JOURNAL = "journal.log"


class _KernelLock:
    """A lock that the kernel lets go when its holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        file = self.path.open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        self.file = file
        return True

    def release(self) -> None:
        """Let it go."""
        file, self.file = self.file, None
        if file is not None:
            file.close()


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
        lock: Any = _KernelLock(path.with_suffix(".lock"))
        _cut_torn_line(path, lock)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    check_storage(url)
    address = _with_driver(url)
    try:
        return _connect(address)
    except (SQLAlchemyError, ImportError, ValueError, optuna.exceptions.OptunaError) as error:
        raise ConfigError([f"storage: expected a database that answers, found: {_first_line(error)}"]) from error


def check_storage(url: str | None) -> None:
    """Refuse SQLite, which several processes must not share.

    Raises:
        ConfigError: If it is SQLite.
    """
    if url is not None and url.startswith("sqlite"):
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


def _cut_torn_line(path: Path, lock: _KernelLock) -> None:
    """Take off a last line that a crash of the machine left unfinished; without that, no later line could be read."""
    if not path.is_file():
        return
    lock.acquire()
    try:
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()
