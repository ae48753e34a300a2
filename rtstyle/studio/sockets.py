"""The WebSockets of a page: pictures and state down, actions and pictures up."""

import asyncio
import contextlib
import json
import time
from collections import deque
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from rtstyle.errors import RtstyleError, UsageError
from rtstyle.studio.actions import do
from rtstyle.studio.broadcast import Viewer, ViewKind
from rtstyle.studio.page_sound import KIND_SOUND
from rtstyle.studio.security import SUBPROTOCOL
from rtstyle.studio.state import state_of
from rtstyle.studio.studio import Studio

CREDIT: Final = 2
"""Pictures on their way to a page that it has not shown yet. Without a limit the
kernel's buffers are a queue: 7 s of delay for a page that needs 200 ms a picture."""
SLOW_SECONDS: Final = 0.08
"""A page that needs longer for a picture gets the next one after it, not with it."""
LARGEST_TEXT: Final = 64 << 10
"""Characters of a message in text."""
STATE_SECONDS: Final = 0.5
"""How often the state is sent when nothing changes."""


class PageSocket:
    """One connection of a page, or of something that only looks on."""

    def __init__(self, socket: WebSocket, studio: Studio, *, kind: ViewKind) -> None:
        self._socket, self._studio, self._kind = socket, studio, kind
        self._loop = asyncio.get_running_loop()
        self._picture, self._state = asyncio.Event(), asyncio.Event()
        self._sent: deque[float] = deque()
        self._credit = CREDIT
        self._viewer = Viewer(kind, self._wake)

    async def serve(self) -> None:
        """Serve until the other side goes."""
        await self._socket.accept(subprotocol=SUBPROTOCOL)
        broadcast = self._studio.session.broadcast
        tasks = [asyncio.create_task(self._send_pictures())]
        if self._kind == "page":
            self._studio.on_change.append(self._note_change)
            tasks.append(asyncio.create_task(self._send_states()))
        broadcast.join(self._viewer)
        try:
            await self._receive()
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            broadcast.leave(self._viewer)
            if self._kind == "page":
                self._studio.on_change.remove(self._note_change)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._picture.set)

    def _note_change(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._state.set)

    async def _send_pictures(self) -> None:
        while True:
            await self._picture.wait()
            self._picture.clear()
            if len(self._sent) >= self._credit:
                continue
            picture = self._viewer.take()
            if picture is not None:
                self._sent.append(time.monotonic())
                await self._socket.send_bytes(picture.head + picture.jpeg)

    async def _send_states(self) -> None:
        while True:
            self._state.clear()
            await self._socket.send_text(json.dumps(state_of(self._studio)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._state.wait(), STATE_SECONDS)

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (text := message.get("text")) is not None:
                await self._on_text(text)
            elif (data := message.get("bytes")) is not None:
                await self._on_bytes(data)

    async def _on_text(self, text: str) -> None:
        if text == "a":
            if self._sent:
                took = time.monotonic() - self._sent.popleft()
                self._credit = 1 if took > SLOW_SECONDS else CREDIT
            self._picture.set()
            return
        if self._kind != "page":
            await self._refuse("view: expected a, which acknowledges a picture")
            return
        try:
            data = parsed(text)
            answer = await asyncio.to_thread(do, self._studio, data)
        except RtstyleError as error:
            await self._refuse(str(error))
            return
        if answer is not None:
            row = {"type": "answer", "to": data["do"], "data": answer}
            await self._socket.send_text(json.dumps(row))

    async def _on_bytes(self, data: bytes) -> None:
        camera = self._studio.session.page_camera
        try:
            if self._kind == "page" and data[:1] == bytes([KIND_SOUND]):
                self._studio.session.page_sound.feed(data)
                return
            if self._kind != "page" or camera is None:
                raise UsageError("picture: expected the camera 'page' to be chosen")
            camera.feed(data)
        except RtstyleError as error:
            await self._refuse(str(error))
        else:
            await self._socket.send_text('{"type":"credit"}')

    async def _refuse(self, text: str) -> None:
        line = " ".join(text.split())
        await self._socket.send_text(json.dumps({"type": "refused", "text": line}))


def parsed(text: str) -> dict[str, object]:
    """Return the object that a message in text holds.

    Raises:
        UsageError: it is too long, no JSON, or no object.
    """
    if len(text) > LARGEST_TEXT:
        raise UsageError(f"message: expected at most {LARGEST_TEXT >> 10} kB")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("message: expected JSON, got other text") from error
    if not isinstance(data, dict):
        raise UsageError('message: expected an object like {"do":"snapshot"}')
    return data
