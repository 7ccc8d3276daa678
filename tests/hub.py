"""A stand-in for the model hub on the loopback interface: what its client asks of it to push, list and fetch models.

Routes, headers and the lines of a commit are those that ``huggingface_hub`` sends and reads; large files go by the
batch API of Git LFS (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md).
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["TOKEN", "Hub", "Repository", "hub_environment", "stand_in"]

TOKEN = "hf_standin"
yaml: Any = importlib.import_module("yaml")  # the hub's client needs it, too
_LARGE = (".safetensors", ".onnx", ".png")


@dataclass
class Repository:
    """A repository with one branch.

    Attributes:
        private: Whether reading needs the token.
        files: Content by path.
        large: Paths of files that came by LFS.
        commits: Their messages.
    """

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    commits: list[str] = field(default_factory=list)

    @property
    def sha(self) -> str:
        """Hash of the newest commit."""
        state = [(path, hashlib.sha1(content).hexdigest()) for path, content in sorted(self.files.items())]
        return hashlib.sha1(repr((state, self.commits)).encode()).hexdigest()


def blob_id(content: bytes) -> str:
    """As git names a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Hub:
    """What the stand-in holds, and what it was asked.

    Attributes:
        endpoint: Its address.
        repositories: By hub id.
        objects: Large files by SHA-256.
        asked: Method and path of every request.
        unknown: Those that it has no answer to.
    """

    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


class _RefusedError(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code = status, code


@contextmanager
def stand_in() -> Iterator[Hub]:
    """A hub that answers while the context lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hub_environment(hub: Hub, home: Path, *, token: str | None = TOKEN) -> dict[str, str]:
    """Variables that make a process ask the stand-in, and keep what it fetches in a folder."""
    given = {} if token is None else {"HF_TOKEN": token}
    # Xet, the hub's newer way for large files, needs a service of its own; without it they go by LFS.
    return {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **given}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        method = "GET" if self.command == "HEAD" else self.command
        with self.hub.lock:
            self.hub.asked.append(f"{self.command} {path}")
            for verb, pattern, act in _ROUTES:
                match = re.fullmatch(pattern, path)
                if verb == method and match:
                    try:
                        act(self, body, *match.groups())
                    except _RefusedError as refused:
                        headers = {"X-Error-Code": refused.code, "X-Error-Message": str(refused)}
                        self._send(refused.status, json.dumps({"error": str(refused)}).encode(), headers)
                    return
            self.hub.unknown.append(f"{self.command} {path}")
        self._send(404, b"{}")

    def _send(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    @property
    def _has_token(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _may_write(self) -> None:
        if not self._has_token:
            raise _RefusedError(401, message="Invalid username or password.")

    def _repository(self, hub_id: str, revision: str = "main") -> Repository:
        repository = self.hub.repositories.get(hub_id)
        if repository is None or (repository.private and not self._has_token):
            raise _RefusedError(404 if self._has_token else 401, "RepoNotFound", "Repository not found")
        if revision not in ("main", repository.sha):
            raise _RefusedError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repository

    def harnesses(self, body: bytes) -> None:
        """For the client's User-Agent."""
        self._send_json({"standardEnvVars": [], "harnesses": {}})

    def create(self, body: bytes) -> None:
        self._may_write()
        asked = json.loads(body)
        hub_id = f"{asked['organization']}/{asked['name']}"
        answer = {"url": f"{self.hub.endpoint}/{hub_id}", "name": hub_id}
        if hub_id in self.hub.repositories:
            self._send(409, json.dumps(answer | {"error": "You already created this model repo"}).encode())
            return
        self.hub.repositories[hub_id] = Repository(asked.get("visibility") == "private")
        self._send_json(answer)

    def validate(self, body: bytes) -> None:
        errors = []
        match = re.match(r"---\n(.*?)\n---", json.loads(body)["content"], re.DOTALL)
        try:
            yaml.safe_load(match[1] if match else "")
        except yaml.YAMLError as error:
            errors = [{"message": str(error)}]
        self._send(400 if errors else 200, json.dumps({"errors": errors, "warnings": []}).encode())

    def preupload(self, body: bytes, hub_id: str, revision: str) -> None:
        self._may_write()
        self._repository(hub_id, revision)
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        self._send_json({"files": files})

    def batch(self, body: bytes, hub_id: str) -> None:
        self._may_write()
        objects = []
        for asked in json.loads(body)["objects"]:
            answer: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.objects:
                href = f"{self.hub.endpoint}/lfs/{asked['oid']}"
                answer["actions"] = {"upload": {"href": href}, "verify": {"href": f"{self.hub.endpoint}/verify"}}
            objects.append(answer)
        self._send_json({"transfer": "basic", "objects": objects})

    def upload(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            raise _RefusedError(400, message="another content")
        self.hub.objects[oid] = body
        self._send(200)

    def verify(self, body: bytes) -> None:
        self._may_write()
        asked = json.loads(body)
        if len(self.hub.objects.get(asked["oid"], b"")) != asked["size"]:
            raise _RefusedError(404, message="no such object")
        self._send_json({})

    def commit(self, body: bytes, hub_id: str, revision: str) -> None:
        self._may_write()
        repository = self._repository(hub_id, revision)
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                repository.commits.append(value["summary"])
            elif item["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                if value["oid"] not in self.hub.objects:
                    raise _RefusedError(400, message=f"LFS pointer to nothing: {value['path']}")
                repository.files[value["path"]] = self.hub.objects[value["oid"]]
                repository.large.add(value["path"])
            else:
                raise _RefusedError(400, message=f"unknown key {item['key']}")
        commit = {"commitOid": repository.sha, "commitUrl": f"{self.hub.endpoint}/{hub_id}/commit/{repository.sha}"}
        self._send_json({"success": True, **commit})

    def info(self, body: bytes, hub_id: str, revision: str | None = None) -> None:
        repository = self._repository(hub_id, revision or "main")
        card = repository.files.get("README.md", b"").decode()
        match = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
        facts = yaml.safe_load(match[1]) if match else {}
        self._send_json(
            {
                "_id": "0",
                "id": hub_id,
                "modelId": hub_id,
                "sha": repository.sha,
                "private": repository.private,
                "tags": facts.get("tags", []),
                "pipeline_tag": facts.get("pipeline_tag"),
                "siblings": [{"rfilename": path} for path in sorted(repository.files)],
            }
        )

    def tree(self, body: bytes, hub_id: str, revision: str, folder: str | None = None) -> None:
        repository = self._repository(hub_id, revision)
        under = {path: c for path, c in repository.files.items() if not folder or path.startswith(f"{folder}/")}
        if folder and not under:
            raise _RefusedError(404, "EntryNotFound", "Entry not found")
        self._send_json([self._entry(path, content, path in repository.large) for path, content in under.items()])

    def _entry(self, path: str, content: bytes, is_large: bool) -> dict[str, Any]:
        lfs = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
        entry = {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
        return entry | {"lfs": lfs} if is_large else entry

    def resolve(self, body: bytes, hub_id: str, revision: str, path: str) -> None:
        repository = self._repository(hub_id, revision)
        headers = {"X-Repo-Commit": repository.sha}
        if path not in repository.files:
            self._send(404, b"Entry not found", headers | {"X-Error-Code": "EntryNotFound"})
            return
        content = repository.files[path]
        if path not in repository.large:
            self._send(200, content, headers | {"ETag": f'"{blob_id(content)}"'})
            return
        oid = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-ETag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        # Large files lie on another host, which neither gets the token nor knows commits.
        elsewhere = self.hub.endpoint.replace("127.0.0.1", "localhost")
        self._send(302, b"", headers | linked | {"Location": f"{elsewhere}/cdn/{oid}"})

    def large(self, body: bytes, oid: str) -> None:
        self._send(200, self.hub.objects[oid], {"ETag": f'"{oid}"'})


_ID = r"([\w.-]+/[\w.-]+)"
_ROUTES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("GET", r"/api/agent-harnesses", _Handler.harnesses),
    ("POST", r"/api/repos/create", _Handler.create),
    ("POST", r"/api/validate-yaml", _Handler.validate),
    ("POST", rf"/api/models/{_ID}/preupload/([^/]+)", _Handler.preupload),
    ("POST", rf"/{_ID}\.git/info/lfs/objects/batch", _Handler.batch),
    ("PUT", r"/lfs/([0-9a-f]{64})", _Handler.upload),
    ("POST", r"/verify", _Handler.verify),
    ("POST", rf"/api/models/{_ID}/commit/([^/]+)", _Handler.commit),
    ("GET", rf"/api/models/{_ID}(?:/revision/([^/]+))?", _Handler.info),
    ("GET", rf"/api/models/{_ID}/tree/([^/]+)(?:/(.+))?", _Handler.tree),
    ("GET", rf"/{_ID}/resolve/([^/]+)/(.+)", _Handler.resolve),
    ("GET", r"/cdn/([0-9a-f]{64})", _Handler.large),
)
