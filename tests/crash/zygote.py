"""A process that has everything imported and forks heads and workers on request, so that 60 deaths take a minute.

Run as `python -m tests.crash.zygote SOCKET ASSETS`. What it forks runs the product's own code; only the import of torch
and the first slow call into it are not repeated. A connection asks for one child, gets its pid at once, and its exit
code when it has ended (minus the signal's number when it was killed).
"""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

READY = "ready"


def ask(path: str, request: dict[str, Any], fds: tuple[int, ...] = ()) -> tuple[socket.socket, int]:
    """Have a child forked; the connection on which its exit code will come, and its pid."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    data = json.dumps(request).encode() + b"\n"
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())] if fds else []
    connection.sendmsg([data], rights)
    return connection, answer(connection)


def answer(connection: socket.socket) -> int:
    """The next number on a connection. Raises EOFError when the zygote is gone."""
    text = b""
    while not text.endswith(b"\n"):
        part = connection.recv(1)
        if not part:
            raise EOFError
        text += part
    return int(text)


def main(path: str, assets: str) -> None:
    _preload(Path(assets))
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen()
    wake_reader, wake_writer = socket.socketpair()
    wake_writer.setblocking(False)
    signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    children: dict[int, socket.socket] = {}
    print(READY, flush=True)
    while True:
        readable, _, _ = select.select([server, wake_reader, sys.stdin], [], [])
        if sys.stdin in readable:
            return  # the test run is over
        if wake_reader in readable:
            wake_reader.recv(4096)
            _reap(children)
        if server in readable:
            _serve(server, children, [wake_reader, wake_writer])


def _preload(assets: Path) -> None:
    """Import all, and make one clip, in this process."""
    import tempfile

    from pipelines.models.device import cpu_facts
    from studio.jobs.events import Run, Setup
    from studio.jobs.making import Maker
    from studio.studio import default_request

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        maker = Maker(Setup(assets=assets, home=home, device="cpu", budget_bytes=None))
        card = maker.catalog.cards()[0]
        run = Run(
            job_id="warm",
            attempt=1,
            clip_id="warm",
            request_json=default_request(card).to_json(),
            media={},
            clip=home / "warm.mp4",
            poster=home / "warm.webp",
        )
        maker.make(run, lambda message: None, lambda: False)
    assert cpu_facts().kind == "cpu"


def _serve(server: socket.socket, children: dict[int, socket.socket], own: list[socket.socket]) -> None:
    connection, _ = server.accept()
    data, rights, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4 * 8))
    fds = array.array("i")
    for _, _, raw in rights:
        fds.frombytes(raw[: len(raw) - len(raw) % fds.itemsize])
    pid = os.fork()
    if pid == 0:
        for other in (server, connection, *children.values(), *own):
            other.close()
        _live(json.loads(data), list(fds))
    for fd in fds:
        os.close(fd)
    children[pid] = connection
    connection.sendall(f"{pid}\n".encode())


def _live(request: dict[str, Any], fds: list[int]) -> None:
    """The life of a child; never returns."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(request["env"])
    code = 1
    try:
        if request["kind"] == "worker":
            from studio.jobs.worker import main as work

            for source, target in zip(fds, (0, 1), strict=True):
                os.dup2(source, target)
                os.close(source)
            work()
        else:
            from tests.crash.life import head

            head(request["plan"])
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _reap(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        connection = children.pop(pid)
        try:
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        except OSError:
            pass  # whoever asked is dead itself
        connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
