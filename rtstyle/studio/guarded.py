"""The guard in front of the web application, so that no route can forget it."""

import json
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rtstyle.studio.security import HEADERS, SUBPROTOCOL, Guard, Refusal

REFUSED_SOCKET = 1008
"""WebSocket close code after which a page does not try again."""


class Guarded:
    """An ASGI application that refuses before another one sees the request."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse in one line."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                fresh = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *fresh]
            await send(message)

        query = parse_qs(scope["query_string"].decode("latin-1"))
        view = query.get("view", [""])[0]
        path, headers = scope["path"], scope["headers"]
        refusal = self._guard.refusal(scope["method"], path, headers, view=view)
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await _refuse(refusal, send_with_headers)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        protocols = scope.get("subprotocols", [])
        refusal = self._guard.socket_refusal(scope["path"], scope["headers"], protocols)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        if refusal.status == 401 and SUBPROTOCOL in protocols:
            await receive()  # the connection's own page may learn why
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await send(
            {
                "type": "websocket.close",
                "code": REFUSED_SOCKET,
                "reason": refusal.text[:120],
            }
        )


async def _refuse(refusal: Refusal, send: Send) -> None:
    body = json.dumps({"refused": refusal.text}).encode()
    headers: list[Any] = [(b"content-type", b"application/json")]
    start = {"type": "http.response.start", "status": refusal.status}
    await send(start | {"headers": headers})
    await send({"type": "http.response.body", "body": body})
