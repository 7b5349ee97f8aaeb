"""Checks before every route: access, rate, body size; and the security headers of responses."""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import logging
import time
import traceback
from collections import OrderedDict
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photochrom.errors import BusyError
from photochrom.server.meters import Meters
from photochrom.server.problems import Problem, problem_of, problem_response
from photochrom.server.settings import Settings
from photochrom.workers import FaultError

BATCH_PATH = "/api/v1/batch"

_OPEN_PATHS = frozenset({"/healthz"})
"""Paths that need no key, because they reveal nothing."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = _SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}
_FORM_BYTES = 1 << 20
"""Allowance for the parts of a form around a photo."""

_BODY_SECONDS = 60.0
"""Maximum pause of a caller while it sends a body."""

_MOST_CALLERS = 10_000
_BURST_SECONDS = 10.0

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For the page and the documentation: scripts and styles are files of this server, and nothing goes elsewhere."""

_log = logging.getLogger("photochrom.server")


class RateLimit:
    """The rate limit of each caller: a token bucket."""

    def __init__(self, a_minute: int) -> None:
        self._a_second = a_minute / 60.0
        self._most = max(1.0, self._a_second * _BURST_SECONDS)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str, now: float) -> float:
        """Take a token.

        Returns:
            Seconds until there is one; 0 if one was taken.
        """
        tokens, since = self._buckets.pop(caller, (self._most, now))
        tokens = min(self._most, tokens + (now - since) * self._a_second)
        is_served = tokens >= 1.0
        self._buckets[caller] = (tokens - is_served, now)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        return 0.0 if is_served else (1.0 - tokens) / self._a_second


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings, meters: Meters) -> None:
        self._app = app
        self._settings = settings
        self._meters = meters
        self._rate = RateLimit(settings.requests_a_minute)
        self._names = {"localhost", "127.0.0.1", "::1", settings.host.lower(), *map(str.lower, settings.trusted_hosts)}
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:  # unused here, and browsers apply no cross-site check to WebSockets
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, status = time.perf_counter(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _tell_browsers(scope["path"], MutableHeaders(scope=message))
            await send(message)

        is_upload = scope["method"] not in _SAFE_METHODS
        self._uploads += is_upload
        try:
            self._require_welcome(scope)
            if is_upload and scope["path"] == BATCH_PATH:
                scope["app"].state.store.require_room()  # before a form is spooled to the disk
            await self._app(scope, self._limited(scope, receive), send_guarded)
        except Exception as error:
            _log_fault(error)
            if status:  # the response has begun and cannot be replaced
                raise
            await problem_response(problem_of(error))(scope, receive, send_guarded)
        finally:
            self._uploads -= is_upload
            self._record(scope, status, time.perf_counter() - start)

    def _require_welcome(self, scope: Scope) -> None:
        """Refuse callers that are not allowed, or that call too often."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own_name(host):
            raise Problem(421, "this server does not go by that name; call it localhost, or name it with --trust-host")
        is_upload = scope["method"] not in _SAFE_METHODS
        if is_upload and _is_cross_site(headers, host):
            raise Problem(403, "a page of another site may not send anything here")
        is_known = scope["path"] in _OPEN_PATHS or self._has_key(headers)
        if is_upload or not is_known or scope["path"].startswith("/api/"):  # a page may load its many parts at once
            # Counted apart: callers without a key must not use up the rate of those with one behind the same proxy.
            caller = f"{is_known} {(scope.get('client') or ('',))[0]}"
            if (seconds := self._rate.wait(caller, time.monotonic())) > 0.0:
                raise Problem(429, "too many requests; wait a moment", headers={"Retry-After": str(int(seconds) + 1)})
        if not is_known:
            # Browsers then ask for a user and a password: the key is the password of any user.
            challenge = {"WWW-Authenticate": 'Basic realm="photochrom", charset="UTF-8"'}
            raise Problem(401, "give the API key: X-API-Key: KEY, or as a password", headers=challenge)
        if self._uploads > self._settings.queue + self._settings.workers:
            raise BusyError("too many photos wait already; try again in a moment")

    def _is_own_name(self, host: str) -> bool:
        """Whether a host name is the server's own; others would let a foreign page reach it by DNS rebinding."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or (self._settings.is_everywhere and _is_address(name))

    def _has_key(self, headers: Headers) -> bool:
        key = self._settings.api_key
        if key is None:
            return True
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        given = headers.get("x-api-key", "")
        if scheme.lower() == "bearer":
            given = credentials
        elif scheme.lower() == "basic":
            given = _password(credentials)
        return hmac.compare_digest(given.encode(), key.encode())

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """A `receive` that refuses a body as soon as it is too large or stalls."""
        has_many = scope["path"] == BATCH_PATH
        limit = self._settings.max_batch_bytes if has_many else self._settings.max_upload_bytes
        too_large = Problem(
            413, f"more than {limit / 1e6:g} MB; send less, or let the server take more by --max-upload-mb"
        )
        try:
            told = int(Headers(scope=scope).get("content-length", "0"))
        except ValueError:
            told = 0
        if told > limit + _FORM_BYTES:
            raise too_large
        received, is_whole = 0, False

        async def receive_limited() -> Message:
            nonlocal received, is_whole
            try:
                message = await asyncio.wait_for(receive(), None if is_whole else _BODY_SECONDS)
            except TimeoutError:
                raise Problem(408, "the request was not received completely; send it again") from None
            received += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if received > limit + _FORM_BYTES:
                raise too_large
            return message

        return receive_limited

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log a request by its route, without its content."""
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._meters.requests.labels(method, route, status).inc()
        self._meters.seconds.labels(route).observe(seconds)
        _log.info("%s %s %d %.0f ms", method, route, status, seconds * 1000.0)


def _is_address(name: str) -> bool:
    """Whether it is an IP address, which DNS cannot redirect, instead of a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_cross_site(headers: Headers, host: str) -> bool:
    """Whether a browser says that a page of another site sends this; other programs say nothing."""
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != host.lower()


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _tell_browsers(path: str, headers: MutableHeaders) -> None:
    is_api = path.startswith("/api/") or path in ("/healthz", "/metrics", "/openapi.json")
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers["Content-Security-Policy"] = _API_POLICY if is_api else _PAGE_POLICY
    headers["Cache-Control"] = "no-store" if is_api else "no-cache"  # a new version's page is seen at once


def _log_fault(error: Exception) -> None:
    """Log the place of a fault in our code, without its text, which may contain the name of a photo."""
    if isinstance(error, FaultError):
        _log.error("fault while coloring: %s", error)  # its text holds nothing of the photo
    elif not isinstance(error, (Problem, BusyError)):
        places = traceback.extract_tb(error.__traceback__)[-5:]
        where = " > ".join(f"{Path(place.filename).name}:{place.lineno} {place.name}" for place in places)
        _log.error("fault: %s in %s", type(error).__name__, where)
