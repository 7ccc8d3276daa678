"""A search that several commands share: through a real PostgreSQL server, and on a real Ray cluster."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from figures import NO_FIGURES
from forked import Command
from nomina.tuning import SearchOptions, run_search
from nomina.tuning.plan import load_plan, open_store
from searches import DEV, TRAIN, InThread, arguments, config, write_parts


def _programs() -> Path:
    """The folder of PostgreSQL's programs; Debian does not put them on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("needs PostgreSQL's server (Debian: apt-get install postgresql)")
    return Path(initdb).resolve().parent


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Address of a fresh database on a server that the test starts."""
    pytest.importorskip("psycopg", reason="needs the extra nomina[postgresql]")
    programs = _programs()
    # The server refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    as_user: dict[str, Any] = {"user": user} if os.geteuid() == 0 else {}
    root = Path(tempfile.mkdtemp(prefix="nomina-pg-"))
    if as_user:
        shutil.chown(root, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        subprocess.run([programs / program, *arguments], check=True, cwd=root, stdout=subprocess.DEVNULL, **as_user)

    run("initdb", "-D", str(root / "data"), "-U", "tester", "-A", "trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={root} -c fsync=off"
    run("pg_ctl", "-D", str(root / "data"), "-w", "-l", str(root / "log"), "-o", options, "start")
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(root / "data"), "-m", "immediate", "stop")
        shutil.rmtree(root, ignore_errors=True)


@pytest.mark.slow
def test_commands_on_two_machines_share_a_study(database: str, tiny_bert: Path, tmp_path: Path) -> None:
    data = write_parts(tmp_path / "data")
    space = tmp_path / "space.toml"
    space.write_text(
        "learning_rate = [1e-3, 3e-3]\nhead_learning_rate = [2e-2, 4e-2]\ndropout = [0.0, 0.2]\n", encoding="utf-8"
    )
    flags = ("--space", str(space), "--strategy", "grid")
    # Two output folders that know nothing of each other, as on two machines.
    both = [
        Command(
            arguments(tiny_bert, data, tmp_path / name, *flags),
            tmp_path / f"{name}.log",
            patches=NO_FIGURES,
            NOMINA_STORAGE=database,
        )
        for name in ("a", "b")
    ]
    for command in both:
        ended = command.result()
        assert ended.code == 0, ended.err
    found = [json.loads((tmp_path / name / "search.json").read_text(encoding="utf-8")) for name in ("a", "b")]
    assert found[0]["trials"] == found[1]["trials"]
    assert [trial["state"] for trial in found[0]["trials"]] == ["finished"] * 8
    plan = load_plan(tmp_path / "a")
    records = open_store(plan, tmp_path / "a", database)._all()
    # Both machines may have added a trial at the same moment; the double is never trained.
    trained = [record for record in records if record.epochs > 0]
    assert len(trained) == 8, "nothing was trained twice"
    homes = {record.home for record in trained}
    assert len(homes) == 2, "one did all the work"
    # The winner's model is with the one that trained it; the other one says where its settings are.
    shipped = [(tmp_path / name / "best" / "scores.json").is_file() for name in ("a", "b")]
    assert sorted(shipped) == [False, True]
    alone, _, _ = run_search(
        TRAIN,
        DEV,
        config(tiny_bert, epochs=2),
        tmp_path / "alone",
        SearchOptions(
            strategy="grid",
            space={"learning_rate": [1e-3, 3e-3], "head_learning_rate": [2e-2, 4e-2], "dropout": [0.0, 0.2]},
        ),
        workers=InThread,
    )
    assert [trial["f1"] for trial in found[0]["trials"]] == [list(row.f1) for row in alone.rows]
    secret = database.replace("tester@", "tester:secret@")
    again = Command(
        arguments(tiny_bert, data, tmp_path / "a", *flags, "--storage", secret), tmp_path / "again.log"
    ).result()
    assert again.code == 0, again.err
    texts = [path for path in (tmp_path / "a").rglob("*") if path.is_file() and b"secret" in path.read_bytes()]
    assert not texts, "no password of the storage's address is written down"


@pytest.mark.slow
def test_a_machine_that_dies_leaves_its_trials_to_the_other(
    database: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nomina.tuning import study

    monkeypatch.setattr(study, "_GRACE_S", 2.0)
    run = config(tiny_bert, epochs=1)
    options = SearchOptions(strategy="grid", space={"dropout": [0.0, 0.2]}, storage=database, study="dies")
    one, _, _ = run_search(TRAIN, DEV, run, tmp_path / "one", replace(options, storage=None), workers=InThread)
    # A machine that claimed a trial and was never heard of again.
    from nomina.tuning.plan import begin
    from nomina.tuning.planning import make_plan
    from nomina.tuning.records import Unit

    plan = begin(make_plan(TRAIN, DEV, run, options, lambda line: None), tmp_path / "dead")
    dead = open_store(plan, tmp_path / "dead", database)
    dead.enlist()
    dead.add(Unit(0, 13), plan.cells[0])
    assert dead.claim(dead.records()[Unit(0, 13)])
    time.sleep(0.1)
    # In a thread, so that the test's grace holds for it.
    two, _, _ = run_search(TRAIN, DEV, run, tmp_path / "two", options, workers=InThread)
    assert [row.f1 for row in two.rows] == [row.f1 for row in one.rows]
    assert sorted(record.state for record in dead._all()) == ["finished", "finished", "lost"]


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_ray_places_the_same_work(tiny_bert: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is None:  # importing it here would fix where its servers listen
        pytest.skip("needs the extra nomina[ray]")
    from nomina.integrations.ray import RayWorkers, ray_workers

    run = config(tiny_bert, epochs=2)
    options = SearchOptions(space={"learning_rate": [1e-3, 3e-3], "dropout": [0.0, 0.2]})
    here, _, _ = run_search(TRAIN, DEV, run, tmp_path / "here", options, workers=InThread)
    made: list[Any] = []

    def placed(folder: Path, storage: str | None) -> Any:
        made.append(ray_workers("local")(folder, storage))
        assert _listening_on_the_outside() == []
        return made[0]

    there, _, _ = run_search(TRAIN, DEV, run, tmp_path / "there", replace(options, n_workers=2), workers=placed)
    assert isinstance(made[0], RayWorkers)
    assert [(row.state, row.curve, row.f1) for row in there.rows] == [
        (row.state, row.curve, row.f1) for row in here.rows
    ]
    records = open_store(load_plan(tmp_path / "there"), tmp_path / "there", None)._all()
    assert len({record.worker for record in records if record.state == "finished"}) >= 1
    assert not made[0].ray.is_initialized(), "a cluster that was started here ends here"


def _listening_on_the_outside() -> list[str]:
    """Ports of Ray's processes on other addresses than the loopback's."""
    if shutil.which("ss") is None:
        pytest.skip("needs ss (Debian: apt-get install iproute2)")
    lines = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=False).stdout.splitlines()
    names = ("gcs_server", "raylet", "ray::", "dashboard")
    loopback = ("127.", "[::1]", "[::ffff:127.")
    return [line for line in lines if any(name in line for name in names) and not line.split()[3].startswith(loopback)]
