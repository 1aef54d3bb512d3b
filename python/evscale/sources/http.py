"""One bounded HTTP request: total time, size of the answer, no redirects to other hosts, no credentials in messages."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any
from urllib.parse import SplitResult, unquote, urlencode, urljoin, urlsplit

from .. import __version__
from .._refuse import refuse

MOST_BYTES = 256 * 1024 * 1024
MOST_REDIRECTS = 3
SAID = 200
"""Most characters of a server's words in a message."""


def words(text: str) -> str:
    """Returns what a server said on one line, cut short, without control characters."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * SAID])
    shown = " ".join(shown.split())
    return shown if len(shown) <= SAID else shown[:SAID] + "..."


@dataclass(frozen=True)
class Server:
    """Where to ask and how to say who asks.

    Attributes
    ----------
    url : str
        http:// or https:// address; a user and password in it are used, and never shown.
    timeout : float
        Seconds for the whole of a request, from the connection to the last byte.
    token : str or None
        Bearer token.
    user : tuple or None
        Name and password for basic authentication.
    headers : mapping
        Further headers.
    ca : path or None
        File with the certificates of the authority that signed the server's.
    """

    url: str
    timeout: float = 30.0
    token: str | None = field(default=None, repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        parts = _split(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise refuse(f"`url` is {self.place!r}, expected an address that begins with http:// or https://")
        if isinstance(self.timeout, bool) or not isinstance(self.timeout, (int, float)) or not 0 < self.timeout <= 3600:
            raise refuse(f"`timeout` is {self.timeout!r}, expected seconds above 0 and up to 3600")
        for name, value in self.headers.items():
            if any(mark in f"{name}{value}" for mark in "\r\n\0") or not name.isascii():
                raise refuse(f"header {name!r} holds a line end, expected one line")

    @property
    def place(self) -> str:
        """Scheme, host and port, without user, password, path and query."""
        try:
            parts = urlsplit(self.url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return "an address that is malformed"
        return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else words(self.url.split("@")[-1].split("?")[0])

    def get(self, path: str, **query: Any) -> Any:
        """Returns the JSON that the server answers to a GET."""
        return self.ask("GET", path, query)

    def ask(self, method: str, path: str, query: Mapping[str, Any], body: bytes | None = None, content: str = "application/json") -> Any:
        """Returns the JSON that the server answers."""
        base = _split(self.url)
        asked = "&".join(part for part in (base.query, urlencode(query)) if part)
        target = f"{base.path.rstrip('/')}{path}" + (f"?{asked}" if asked else "")
        until = time.monotonic() + self.timeout
        for _ in range(MOST_REDIRECTS + 1):
            status, headers, data = self._exchange(method, target, body, content, until)
            if status not in (301, 302, 303, 307, 308):
                return self._parsed(status, data)
            target = self._redirected(base, target, headers.get("location", ""))
        raise refuse(f"{self.place}: more than {MOST_REDIRECTS} redirects, expected an answer; give the address that answers by itself")

    def _redirected(self, base: SplitResult, target: str, location: str) -> str:
        to = urlsplit(urljoin(f"{base.scheme}://{base.netloc.rpartition('@')[2]}{target}", location))
        if (to.scheme, to.hostname, to.port) != (base.scheme, base.hostname, base.port):
            raise refuse(f"{self.place}: redirects to {to.scheme}://{words(to.hostname or '')}, expected an answer: credentials are not sent "
                         "to another host; give its address if it is the right one")
        return f"{to.path}?{to.query}" if to.query else to.path

    def _connection(self, left: float) -> http.client.HTTPConnection:
        parts = _split(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=left)
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else fspath(self.ca))
        except (ssl.SSLError, OSError) as problem:
            raise refuse(f"`ca` is {str(self.ca)!r}, expected a file with certificates: {words(str(problem))}") from None
        return http.client.HTTPSConnection(host, port, timeout=left, context=context)

    def _exchange(
        self, method: str, target: str, body: bytes | None, content: str, until: float
    ) -> tuple[int, dict[str, str], bytes]:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(self._too_slow())
        connection = self._connection(left)
        over = threading.Event()
        sockets: list[socket.socket] = []

        def end() -> None:
            over.set()
            for one in sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        try:
            connection.connect()
            sockets.append(connection.sock)
            clock = threading.Timer(max(0.0, until - time.monotonic()), end)
            clock.daemon = True
            clock.start()
            try:
                connection.request(method, target, body, self._headers(content if body else None))
                reply = connection.getresponse()
                data = reply.read(MOST_BYTES + 1)
            finally:
                clock.cancel()
        except (http.client.HTTPException, OSError, ValueError) as problem:
            raise self._failed(problem, over.is_set()) from None
        finally:
            connection.close()
        if over.is_set():
            raise TimeoutError(self._too_slow())
        if len(data) > MOST_BYTES:
            raise refuse(f"{self.place}: more than {MOST_BYTES >> 20} MiB, expected less; ask for a shorter range or fewer series")
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, data

    def _headers(self, content: str | None) -> dict[str, str]:
        out = {"Accept": "application/json", "User-Agent": f"evscale/{__version__}", **self.headers}
        if content is not None:
            out["Content-Type"] = content
        parts = _split(self.url)
        user = self.user or ((unquote(parts.username), unquote(parts.password or "")) if parts.username else None)
        if self.token is not None:
            out["Authorization"] = f"Bearer {self.token}"
        elif user is not None:
            out["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
        return out

    def _failed(self, problem: Exception, over: bool) -> Exception:
        if over or isinstance(problem, TimeoutError):
            return TimeoutError(self._too_slow())
        if isinstance(problem, (http.client.HTTPException, ValueError)) and not isinstance(problem, http.client.RemoteDisconnected):
            return refuse(f"{self.place}: no HTTP answer ({type(problem).__name__}), expected one; is this the right port?")
        return ConnectionError(f"{self.place}: {words(getattr(problem, 'strerror', None) or str(problem))}")

    def _too_slow(self) -> str:
        return f"{self.place}: no whole answer within {self.timeout:g} s; give a longer timeout, or ask for less"

    def _parsed(self, status: int, data: bytes) -> Any:
        text = data.decode("utf-8", errors="replace")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if status in (401, 403):
            raise refuse(f"{self.place}: refused who asks (HTTP {status}: {said(value, text)}); give a token, a user, or the tenant's header")
        if status >= 400:
            raise refuse(f"{self.place}: HTTP {status}: {said(value, text)}")
        if not isinstance(value, (dict, list)):
            raise refuse(f"{self.place}: {words(text)!r}, expected JSON; a login page means that a token or a user is needed")
        return value


def said(value: Any, text: str) -> str:
    """Returns a server's own words about an error."""
    if isinstance(value, dict):
        for name in ("error", "message", "errors", "reason"):
            if value.get(name):
                return words(str(value[name]))
    return words(text)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise refuse("`url` is malformed, expected an address such as http://prometheus:9090") from None
    return parts
