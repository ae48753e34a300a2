"""Who may ask the studio for what: every request passes here before any route.

The rules and what they answer to: a name that was rebound to 127.0.0.1 (Host), a page
from elsewhere in the same browser (Origin, Sec-Fetch-Site), another user of this
computer (token), a stream's address that lies about in OBS (view token). There are no
cookies, so a browser never sends a right by itself.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
"""Names that a browser on this computer may use."""
PUBLIC_PATHS: Final = frozenset({"/", "/obs", "/favicon.ico"})
"""Hold no secret; with everything below ``/page/``."""
VIEW_PATHS: Final = frozenset({"/stream.mjpg", "/ws/view"})
"""Pictures alone, for which the view token is enough."""
ENTER_PATH: Final = "/api/enter"
"""Gives the token for a code that holds once and for a short time."""
TICKET_PATH: Final = "/page/file"
"""A download, by a ticket that holds once."""
ENTER_SECONDS: Final = 120.0
"""How long a code for `ENTER_PATH` holds."""
SUBPROTOCOL: Final = "rtstyle.1"
"""What a WebSocket of the studio speaks."""
TOKEN_MARK: Final = "token."
"""Before the token, as a second subprotocol: browsers let a page set nothing else."""
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(self), microphone=(self), midi=(self), "
    "display-capture=(self), geolocation=()",
    "cache-control": "no-store",
}
"""On every answer."""

Headers = Sequence[tuple[bytes, bytes]]
"""As in ASGI: lower-case names, several of one name possible."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    """Of HTTP."""
    text: str
    """One line."""


class Guard:
    """Knows the names and the secrets of one running studio.

    Args:
        port: Where it listens.
        names: Names or addresses beside those of this computer.
    """

    def __init__(self, *, port: int, names: Iterable[str] = ()) -> None:
        self.token = secrets.token_urlsafe(24)
        """For everything."""
        self.view_token = secrets.token_urlsafe(24)
        """For pictures alone."""
        self._codes: dict[str, float] = {}
        known = [*LOOPBACK_NAMES, *(name.lower() for name in names)]
        self._hosts = {f"{name}:{port}" for name in known}
        if port == 80:
            self._hosts |= set(known)
        self._origins = {f"http://{host}" for host in self._hosts}

    def new_code(self) -> str:
        """Return a code that `redeem` takes once; for the browser that we open."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = time.monotonic() + ENTER_SECONDS
        return code

    def redeem(self, code: str) -> bool:
        """Tell whether a code holds; afterwards it does not."""
        found = [known for known in self._codes if _is_same(known, code)]
        return bool(found) and self._codes.pop(found[0]) > time.monotonic()

    def refusal(
        self, method: str, path: str, headers: Headers, *, view: str = ""
    ) -> Refusal | None:
        """Return why a request over HTTP is refused; None lets it through.

        Args:
            method: Of HTTP.
            path: Without the query.
            headers: Of the request.
            view: What the query calls ``view``.
        """
        if (refusal := self._origin_refusal(method, path, headers)) is not None:
            return refusal
        is_page = path.startswith("/page/") and path != TICKET_PATH
        if method in ("GET", "HEAD") and (path in PUBLIC_PATHS or is_page):
            return None
        if path in (ENTER_PATH, TICKET_PATH):  # they look at a secret of their own
            return None
        if self._has_token(path, bearer_of(headers), view):
            return None
        return Refusal(401, "token: expected the one of this run; open its own address")

    def socket_refusal(
        self, path: str, headers: Headers, protocols: Sequence[str]
    ) -> Refusal | None:
        """Return why a WebSocket is refused; None lets it through.

        Args:
            path: Without the query.
            headers: Of the request.
            protocols: Subprotocols that it offers, the token among them.
        """
        if (refusal := self._origin_refusal("GET", path, headers)) is not None:
            return refusal
        marked = [p for p in protocols if p.startswith(TOKEN_MARK)]
        given = marked[0].removeprefix(TOKEN_MARK) if len(marked) == 1 else ""
        if self._has_token(path, given, given):
            return None
        return Refusal(401, "token: expected the one of this run")

    def _origin_refusal(
        self, method: str, path: str, headers: Headers
    ) -> Refusal | None:
        hosts, origins = values_of(headers, "host"), values_of(headers, "origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return Refusal(421, "host: expected the address that rtstyle printed")
        if len(origins) > 1 or any(o not in self._origins for o in origins):
            return Refusal(403, "origin: expected a page of this studio")
        sites = values_of(headers, "sec-fetch-site")
        if not sites or all(site in ("same-origin", "none") for site in sites):
            return None
        is_link = (
            method == "GET"
            and path in PUBLIC_PATHS
            and values_of(headers, "sec-fetch-mode") == ["navigate"]
            and values_of(headers, "sec-fetch-dest") == ["document"]
        )
        return None if is_link else Refusal(403, "expected a page of this studio")

    def _has_token(self, path: str, given: str, view: str) -> bool:
        if _is_same(self.token, given):
            return True
        return path in VIEW_PATHS and _is_same(self.view_token, view)


def values_of(headers: Headers, name: str) -> list[str]:
    """Return all values of a header."""
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in headers if key.lower() == wanted]


def bearer_of(headers: Headers) -> str:
    """Return the secret of ``Authorization: Bearer``; empty without exactly one."""
    values = values_of(headers, "authorization")
    kind, _, secret = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    return secret if kind.lower() == "bearer" else ""


def is_loopback(host: str) -> bool:
    """Tell whether only this computer can reach an address."""
    return host in ("127.0.0.1", "localhost", "::1")


def _is_same(secret: str, given: str) -> bool:
    return secrets.compare_digest(secret.encode(), given.encode("utf-8", "replace"))
