"""Who may talk to the window: known hosts only, writes from its own pages only. Pure ASGI, so streams pass through."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN_HEADER = "x-gimbal-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


class Guard:
    """Refuses foreign Host headers (DNS rebinding) and writes that carry no token of this start.

    hosts: names besides the local ones. A page gets the token as a same-site cookie; a program sends it as a header.
    """

    def __init__(self, app: App, *, token: str, hosts: Iterable[str] = ()) -> None:
        self.app = app
        self.token = token
        self.hosts = frozenset({"localhost", "127.0.0.1", "::1", *(h.lower() for h in hosts)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        problem = self._problem(scope["method"], headers)
        if problem:
            await _refuse(send, problem)
            return
        await self.app(scope, receive, self._dressed(scope, headers, send))

    def _problem(self, method: str, headers: MutableMapping[str, str]) -> str:
        host = headers.get("host", "")
        if not self.allows(host):
            return "This address is not one of Gimbal's own."
        if method in _SAFE:
            return ""
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "Another site may not change anything here."
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "Another site may not change anything here."
        given = headers.get(TOKEN_HEADER) or _cookie(headers.get("cookie", ""), cookie_name(host))
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return "This page belongs to an earlier start of Gimbal. Reload it."
        return ""

    def allows(self, host: str) -> bool:
        """Whether a Host header names this machine: an allowed name, or (where others are served) a plain address."""
        name = _hostname(host)
        if name in self.hosts:
            return True
        return bool({"0.0.0.0", "::"} & self.hosts) and _is_address(name)

    def _dressed(self, scope: Scope, headers: MutableMapping[str, str], send: Send) -> Send:
        async def dressed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
                if scope["path"] == "/":
                    cookie = f"{cookie_name(headers['host'])}={self.token}; Path=/; HttpOnly; SameSite=Strict"
                    extra += [(b"set-cookie", cookie.encode()), (b"content-security-policy", _POLICY.encode())]
                    extra += [(b"cache-control", b"no-store")]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        return dressed


def cookie_name(host: str) -> str:
    """Cookies ignore ports, so each port has a name of its own."""
    return f"gimbal-{urlsplit(f'//{host}').port or 80}"


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie(header: str, name: str) -> str:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


async def _refuse(send: Send, message: str) -> None:
    body = ('{"error": {"message": "' + message + '", "hint": ""}}').encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
