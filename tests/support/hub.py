"""A Hub on this machine that keeps the real one's HTTP contract: listings, redirects for large files, ranges, hashes.

It can cut a connection short, promise a wrong hash or answer with an error, and remembers what it was asked.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from huggingface_hub import constants

COMMIT = "c0ffee" + "0" * 34
_LARGE = ".safetensors"


@dataclass
class FakeHub:
    """files: content by "owner/name/path". wrong: files whose promised hash is another's.

    cut: file -> bytes after which the connection is closed, once. broken: answers of 500 still to be given for large
    files. asked: method, path and range of every request. waiting: large files asked for while it is held.
    """

    files: dict[str, bytes]
    url: str = ""
    wrong: set[str] = field(default_factory=set)
    cut: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    commit: str = COMMIT
    waiting: int = 0
    open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let every large file wait until the end."""
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    def info(self, repository: str) -> dict[str, Any] | None:
        """What /api/models answers."""
        names = [name.removeprefix(f"{repository}/") for name in self.files if name.startswith(f"{repository}/")]
        if not names:
            return None
        siblings = [self._sibling(f"{repository}/{name}", name) for name in sorted(names)]
        return {"id": repository, "modelId": repository, "sha": self.commit, "siblings": siblings, "tags": []}

    def _sibling(self, key: str, name: str) -> dict[str, Any]:
        data = self.files[key]
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        found: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith(_LARGE):
            promised = hashlib.sha256(b"another" if key in self.wrong else data).hexdigest()
            found["lfs"] = {"sha256": promised, "size": len(data), "pointerSize": 130}
        return found


@contextmanager
def fake_hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    """A running hub that serves `files`."""
    hub = FakeHub(files)

    class Handler(_Handler):
        serves = hub

    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False  # the tests as a whole are offline; this server is on this machine
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        constants.HF_HUB_OFFLINE = offline
        server.shutdown()
        server.server_close()
        thread.join(5)


def files_of(folder: Path, repository: str) -> dict[str, bytes]:
    """The content of a folder as that of a repository."""
    return {
        f"{repository}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class _Handler(BaseHTTPRequestHandler):
    serves: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        hub, path = self.serves, self.path.partition("?")[0]
        hub.asked.append((self.command, path, self.headers.get("Range", "")))
        if path.startswith("/api/models/"):
            repository = "/".join(path.split("/")[3:5])
            self._json(hub.info(repository))
            return
        owner, name, resolve, commit, *rest = path.strip("/").split("/")
        key = "/".join((owner, name, *rest))
        if resolve == "resolve" and commit == hub.commit and key in hub.files:
            if key.endswith(_LARGE):
                self._redirect(f"/cdn/{owner}/{name}/{'/'.join(rest)}", hub.files[key])
            else:
                self._bytes(key, hub.files[key], with_body)
        elif owner == "cdn" and (key := "/".join((name, resolve, commit, *rest))) in hub.files:
            self._bytes(key, hub.files[key], with_body)
        else:
            self._json(None)

    def _json(self, value: dict[str, Any] | None) -> None:
        body = json.dumps(value or {"error": "Repository not found"}).encode()
        self.send_response(200 if value else 404)
        if not value:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, location: str, data: bytes) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("X-Repo-Commit", self.serves.commit)
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("X-Linked-ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _bytes(self, key: str, data: bytes, with_body: bool) -> None:
        hub = self.serves
        if key.endswith(_LARGE) and hub.broken:
            hub.broken -= 1
            self.send_error(500)
            return
        if key.endswith(_LARGE) and with_body and not hub.open.is_set():
            hub.waiting += 1
            hub.open.wait(60)
        begin = 0
        if asked := self.headers.get("Range"):
            begin = int(asked.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", hub.commit)
        self.end_headers()
        if not with_body:
            return
        end = hub.cut.pop(key, len(data))
        self.wfile.write(data[begin:end])
        if end < len(data):
            self.wfile.flush()
            self.connection.shutdown(2)
            self.close_connection = True
