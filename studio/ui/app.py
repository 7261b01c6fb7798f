"""The window's server: our routes and stream, Gradio's form mounted beside them, one guard before both."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response

from pipelines.domain.errors import GimbalError
from studio.structure import Bench
from studio.ui import (
    answers,
    routes_camera,
    routes_clips,
    routes_control,
    routes_estimators,
    routes_files,
    routes_models,
    routes_queue,
    routes_sources,
    routes_subjects,
)
from studio.ui.exports import Exports
from studio.ui.feed import Feed
from studio.ui.guard import Guard
from studio.ui.quick_import import without_stub_files

if TYPE_CHECKING:
    from studio.studio import Studio

STATIC = Path(__file__).parent / "static"
PORTS_TRIED = 20


class _Fresh(StaticFiles):
    """Static files that a browser checks for changes each time it uses them (they are small and local)."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def build(studio: Studio, token: str | None = None) -> FastAPI:
    """The whole window as an ASGI application over a started studio. `token`: what writes must carry."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    with without_stub_files():
        import gradio as gr

        from studio.ui.page import blocks, head

    token = token or secrets.token_urlsafe(24)
    feed = Feed(studio)
    exports = Exports(studio, feed.note)
    bench = Bench(studio.home, studio.library, tell=feed.wake)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        feed.close()
        exports.close()
        bench.close()

    app = FastAPI(title="Gimbal", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    answers.install(app)
    app.include_router(routes_queue.router(studio, feed, instance=secrets.token_hex(4)))
    app.include_router(routes_camera.router(studio))
    app.include_router(routes_clips.router(studio))
    app.include_router(routes_control.router(studio, bench))
    app.include_router(routes_files.router(studio, exports))
    app.include_router(routes_models.router(studio))
    app.include_router(routes_estimators.router(studio))
    app.include_router(routes_sources.router(studio))
    app.include_router(routes_subjects.router(studio))
    app.mount("/gimbal/static", _Fresh(directory=STATIC), name="static")
    app.state.feed = feed
    app.state.beside_close = studio.close_beside
    _mount(app, gr, blocks(studio), head(token, sorted(p.relative_to(STATIC).as_posix() for p in STATIC.rglob("*.js"))))
    app.add_middleware(Guard, token=token, hosts=[studio.settings.host])
    return app


def _mount(app: FastAPI, gr: Any, page: Any, head: str) -> None:
    """Put Gradio's page at the root, with everything off that a window on one machine does not need."""
    # Gradio looks into its queue a thousand times a second, which alone costs 4 % of a core.
    page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free = 0.05, 0.5
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        show_error=False,
        theme=_theme(gr),
        head=head,
    )


def _theme(gr: Any) -> Any:
    """Gradio's plainest theme on system fonts: the look itself is in `static/gimbal.css`."""
    sans = ["ui-sans-serif", "system-ui", "sans-serif"]
    return gr.themes.Base(font=sans, font_mono=["ui-monospace", "monospace"])


def free_port(host: str, wanted: int) -> socket.socket:
    """A listening socket on the wanted port, or on the next free one. Raises GimbalError when none is free."""
    for port in range(wanted, wanted + PORTS_TRIED) if wanted else (0,):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(128)
        except OSError:
            sock.close()
            continue
        return sock
    raise GimbalError(
        f"The ports {wanted} to {wanted + PORTS_TRIED - 1} are all in use.", "Give another one with --port."
    )


def serve(studio: Studio, port: int, open_browser: bool) -> None:
    """Serve the window until it is interrupted; a second launch on the same data folder opens the first."""
    from studio.lock import AlreadyOpen, claim_window

    claim = claim_window(studio.settings.home)
    if isinstance(claim, AlreadyOpen):
        print(f"Gimbal is already open at {claim.url} (process {claim.pid}).")
        if open_browser and claim.url:
            webbrowser.open(claim.url)
        return
    try:
        sock = free_port(studio.settings.host, port)
        given = sock.getsockname()[1]
        if port and given != port:
            print(f"Port {port} is in use by another program; taking {given}.")
        shown = "127.0.0.1" if studio.settings.host in ("0.0.0.0", "::") else studio.settings.host
        url = f"http://{f'[{shown}]' if ':' in shown else shown}:{given}/"
        _run(build(studio, claim.token), sock, lambda: _opened(url, claim, open_browser))
    finally:
        claim.release()


def _opened(url: str, claim: Any, open_browser: bool) -> None:
    claim.announce(url)
    print(f"Gimbal is open at {url}", flush=True)
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _run(app: FastAPI, sock: socket.socket, on_open: Any) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_open()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.feed.close()
            app.state.beside_close()  # requests that wait for an answer from beside end with it
            await super().shutdown(sockets)

    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="on")
    Server(config).run(sockets=[sock])
