"""Where a study is kept: a journal that survives crashes, a database that must answer."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import optuna
import pytest

from nomina.errors import ConfigError, MissingExtraError
from nomina.tuning.storage import open_storage


def test_a_torn_last_line_of_the_journal_is_cut_off(tmp_path: Path) -> None:
    optuna.create_study(study_name="first", storage=open_storage(None, tmp_path))
    journal = tmp_path / "journal.log"
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 4, "worker')
    optuna.create_study(study_name="second", storage=open_storage(None, tmp_path))
    names = [study.study_name for study in open_storage(None, tmp_path).get_all_studies()]
    assert names == ["first", "second"]
    # Also behind the back of a process that has it open.
    storage = open_storage(None, tmp_path)
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 4, "worker')
    optuna.create_study(study_name="third", storage=storage)
    assert len(open_storage(None, tmp_path).get_all_studies()) == 3


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("sqlite:///study.db", "SQLite is not for several workers"),
        ("nonsense", "expected a database that answers"),
        ("postgresql://127.0.0.1:1/none", "expected a database that answers"),
    ],
)
def test_a_storage_that_will_not_do_is_refused(
    tmp_path: Path, url: str, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if url.startswith("postgresql"):
        pytest.importorskip("psycopg", reason="needs the extra nomina[postgresql]")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(ConfigError, match=match):
        open_storage(url, tmp_path)


def test_a_missing_driver_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"nomina\[postgresql\]"):
        open_storage("postgresql://localhost/none", tmp_path)
