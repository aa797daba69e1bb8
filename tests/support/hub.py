"""A hub of our own on loopback: the part of the Hugging Face Hub's HTTP API that we use.

Files of Git LFS are on a second server, as the hub has them on another host. Of Xet, the hub's
newer transfer, only the headers that offer it are here: voxaffect turns it off.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_SecretTokenOfTheTests"


@dataclass
class Repository:
    """Files of each commit, by branch or tag."""

    is_private: bool = False
    is_gated: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], ref: str = "main") -> str:
        """Add a commit with the files of the one before and these."""
        before = self.commits.get(self.refs.get(ref, ""), {})
        name = sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[name] = before | files
        self.refs[ref] = name
        return name


@dataclass(frozen=True)
class Request:
    """Request that reached a server."""

    host: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.host} {self.method} {self.path}"


@dataclass
class FakeHub:
    """State of both servers; ``faults`` answers requests in its own way, if it returns True."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    faults: Callable[[Any, Request], bool] = lambda *_: False
    has_xet: bool = False
    url: str = ""
    storage_url: str = ""

    def add(self, name: str, content: bytes, **options: Any) -> Repository:
        """Add a repository with a model file."""
        repository = self.repositories[name] = Repository(**options)
        repository.commit({".gitattributes": b"", "model.onnx": content})
        return repository

    @property
    def log(self) -> list[str]:
        """Requests as lines."""
        return [str(request) for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    host: str
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._handle()

    do_GET = do_POST = do_PUT = do_HEAD  # noqa: N815

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b"".join(iter(self._read_chunk, b""))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = unquote(urlsplit(self.path).path)
        request = Request(self.host, self.command, path, headers, body)
        self.hub.requests.append(request)
        with suppress(OSError):  # who asked has gone
            if not self.hub.faults(self, request):
                self.answer(request)

    def _read_chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def send(self, content: Any = b"", status: int = 200, **headers: str) -> None:
        """Send JSON or bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        if not isinstance(content, bytes):
            self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str = "") -> None:
        """Send an error as the hub does."""
        self.send({"error": message or code}, status, X_Error_Code=code, X_Error_Message=message)

    def answer(self, request: Request) -> None:
        raise NotImplementedError


class _Storage(_Handler):
    host = "storage"

    def answer(self, request: Request) -> None:
        oid = request.path.rpartition("/")[2]
        if request.method == "PUT":
            assert sha256(request.body).hexdigest() == oid
            self.hub.objects[oid] = request.body
            self.send()
        elif oid in self.hub.objects:
            self.send(self.hub.objects[oid])
        else:
            self.send({"error": "no such object"}, 404)


class _Hub(_Handler):
    host = "hub"

    def answer(self, request: Request) -> None:
        for pattern, method in (
            (r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", self.describe),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.resolve),
            (r"/api/repos/create", self.create),
            (r"/api/validate-yaml", self.validate),
            (r"/api/models/([^/]+/[^/]+)/preupload/main", self.prepare),
            (r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self.offer),
            (r"/verify", lambda *_: self.send({})),
            (r"/api/models/([^/]+/[^/]+)/commit/main", self.commit),
        ):
            if match := re.fullmatch(pattern, request.path):
                method(request, *match.groups())
                return
        self.refuse(404, "", "no such route")

    def _find(self, request: Request, name: str) -> Repository | None:
        """Repository that the token may read, or an answer that there is none."""
        token = request.headers.get("authorization")
        if token not in (None, f"Bearer {TOKEN}"):
            self.refuse(401, "", "Invalid credentials in Authorization header")
            return None
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.is_private and token is None):
            self.refuse(401 if token is None else 404, "RepoNotFound", "Repository not found")
            return None
        if repository.is_gated:
            self.refuse(403, "GatedRepo", "Access to model is restricted")
            return None
        return repository

    def describe(self, request: Request, name: str, revision: str | None) -> None:
        if repository := self._find(request, name):
            sha = repository.refs[revision or "main"]
            self.send({"id": name, "sha": sha, "private": repository.is_private, "siblings": []})

    def resolve(self, request: Request, name: str, revision: str, file: str) -> None:
        repository = self._find(request, name)
        if repository is None:
            return
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        content = repository.commits[commit].get(file)
        if content is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        if file.endswith(".onnx"):
            oid = sha256(content).hexdigest()
            self.hub.objects[oid] = content
            hash_ = {"X_Xet_Hash": oid, "X_Xet_Refresh_Route": f"{self.hub.url}/xet-read-token"}
            self.send(
                b"",
                302,
                **(hash_ if self.hub.has_xet else {}),
                X_Repo_Commit=commit,
                X_Linked_Etag=f'"{oid}"',
                X_Linked_Size=str(len(content)),
                Location=f"{self.hub.storage_url}/objects/{oid}",
            )
            return
        etag = sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        self.send(content, X_Repo_Commit=commit, ETag=f'"{etag}"')

    def _may_write(self, request: Request) -> bool:
        if request.headers.get("authorization") == f"Bearer {TOKEN}":
            return True
        self.refuse(401, "", "Invalid username or password.")
        return False

    def create(self, request: Request) -> None:
        if not self._may_write(request):
            return
        asked = json.loads(request.body)
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.hub.repositories:
            self.refuse(409, "", "You already created this model repo")
            return
        repository = Repository(is_private=asked["visibility"] == "private")
        repository.commit({".gitattributes": b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"})
        self.hub.repositories[name] = repository
        self.send({"url": f"{self.hub.url}/{name}", "name": name})

    def validate(self, request: Request) -> None:
        import yaml

        head = yaml.safe_load(json.loads(request.body)["content"].split("---\n")[1])
        if head["license"] == "unknown":
            errors = [{"message": '"license" must be one of [mit, …]'}]
            self.send({"errors": errors, "warnings": []}, 400)
            return
        self.send({"errors": [], "warnings": []})

    def prepare(self, request: Request, name: str) -> None:
        if not (self._may_write(request) and self._find(request, name)):
            return
        files = [
            {
                "path": one["path"],
                "uploadMode": "lfs" if one["path"].endswith(".onnx") else "regular",
                "shouldIgnore": False,
            }
            for one in json.loads(request.body)["files"]
        ]
        self.send({"files": files})

    def offer(self, request: Request, name: str) -> None:
        if not (self._may_write(request) and self._find(request, name)):
            return
        objects = [
            one
            | {
                "actions": {
                    "upload": {"href": f"{self.hub.storage_url}/objects/{one['oid']}"},
                    "verify": {"href": f"{self.hub.url}/verify"},
                }
            }
            for one in json.loads(request.body)["objects"]
        ]
        self.send({"objects": objects, "transfer": "basic"})

    def commit(self, request: Request, name: str) -> None:
        repository = self._find(request, name) if self._may_write(request) else None
        if repository is None:
            return
        head, *operations = map(json.loads, request.body.splitlines())
        if head["value"].get("parentCommit", repository.refs["main"]) != repository.refs["main"]:
            self.refuse(412, "", "A commit has happened since.")
            return
        files = {}
        for operation in operations:
            value = operation["value"]
            files[value["path"]] = (
                base64.b64decode(value["content"])
                if operation["key"] == "file"
                else self.hub.objects[value["oid"]]
            )
        oid = repository.commit(files)
        url = f"{self.hub.url}/{name}/commit/{oid}"
        self.send({"commitUrl": url, "commitOid": oid, "commitMessage": ""})


@contextmanager
def run_hub() -> Iterator[FakeHub]:
    """Run both servers."""
    hub = FakeHub()
    servers = [
        ThreadingHTTPServer(("127.0.0.1", 0), type(kind.__name__, (kind,), {"hub": hub}))
        for kind in (_Hub, _Storage)
    ]
    names = ("127.0.0.1", "localhost")  # two hosts: the token goes to the first alone
    hub.url, hub.storage_url = (
        f"http://{name}:{one.server_port}" for name, one in zip(names, servers, strict=True)
    )
    threads = [threading.Thread(target=one.serve_forever, args=(0.01,)) for one in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.daemon_threads = True
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
