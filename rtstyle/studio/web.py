"""The routes of the studio; the guard in front of them is not their business."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from rtstyle.errors import RtstyleError
from rtstyle.looks.control_table import table_rows
from rtstyle.studio.actions import do
from rtstyle.studio.broadcast import Viewer
from rtstyle.studio.guarded import Guarded
from rtstyle.studio.jobs import new_job
from rtstyle.studio.mjpeg import CONTENT_TYPE, PART_HEAD, part
from rtstyle.studio.page_files import page_files
from rtstyle.studio.security import Guard, bearer_of
from rtstyle.studio.sockets import LARGEST_TEXT, PageSocket, parsed
from rtstyle.studio.state import state_of
from rtstyle.studio.studio import Studio
from rtstyle.studio.uploads import TooLargeError, receive

log = logging.getLogger(__name__)

ADDRESSES = {"/": "index.html", "/obs": "obs.html", "/favicon.ico": "icon.svg"}
"""Files of the page that have an address of their own."""


@dataclass(frozen=True, slots=True)
class Web:
    """What the routes answer from."""

    studio: Studio
    """All that there is."""
    guard: Guard
    """Holds the secrets."""
    files: dict[str, tuple[bytes, str]]
    """The page."""

    async def page(self, request: Request) -> Response:
        """Give out a file of the page."""
        name = ADDRESSES.get(request.url.path, request.path_params.get("name", ""))
        if name not in self.files:
            return _refused(404, "page: expected one of its files, got another name")
        data, kind = self.files[name]
        return Response(data, media_type=kind)

    async def enter(self, request: Request) -> Response:
        """Give the token for a code that holds once."""
        if not self.guard.redeem(bearer_of(request.scope["headers"])):
            return _refused(401, "code: expected one that was not used yet")
        return JSONResponse({"token": self.guard.token})

    async def state(self, request: Request) -> Response:
        """Tell everything but the picture."""
        return JSONResponse(state_of(self.studio))

    async def controls(self, request: Request) -> Response:
        """Tell the table of controls, and the token for those who only look on."""
        return JSONResponse({"controls": table_rows(), "view": self.guard.view_token})

    async def do(self, request: Request) -> Response:
        """Do what is asked for."""
        text = bytearray()
        async for piece in request.stream():
            text += piece
            if len(text) > LARGEST_TEXT:
                return _refused(413, f"message: expected at most {LARGEST_TEXT} bytes")
        try:
            data = parsed(text.decode("utf-8", "replace"))
            answer = await asyncio.to_thread(do, self.studio, data)
        except RtstyleError as error:
            return _refused(400, str(error))
        return JSONResponse({"ok": True} if answer is None else answer)

    async def upload(self, request: Request) -> Response:
        """Take a file."""
        kind, name = request.path_params["kind"], request.query_params.get("name", "")
        path = self.studio.uploads
        try:
            path = await receive(
                kind,
                name,
                request.headers.get("content-length"),
                request.stream(),
                self.studio.uploads,
            )
            answer = await asyncio.to_thread(self._take, kind, name, path)
        except TooLargeError as error:
            return _refused(413, str(error))
        except ClientDisconnect:
            return _refused(400, "upload: expected all of the file, got a part")
        except (RtstyleError, OSError) as error:
            return _refused(400, str(error).replace(str(path), name[-80:]))
        return JSONResponse(answer)

    def _take(self, kind: str, name: str, path: Path) -> dict[str, Any]:
        """Do with an upload what its kind is for."""
        studio = self.studio
        try:
            if kind != "film":
                style = studio.shelf.keep(path, name=name)
                studio.thumbnails.want(studio.shelf.all())
                return {"id": style.id, "title": style.title}
            job = new_job(
                path,
                title=name,
                folder=studio.settings.folder,
                spec=studio.session.spec,
                look=studio.look(),
            )
            row = studio.jobs.add(job)
            return {"id": row.id, "title": row.title}
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            studio.changed()

    async def thumbnail(self, request: Request) -> Response:
        """Give out a picture of the gallery."""
        picture = self.studio.thumbnails.get(request.path_params["style"])
        if not picture:
            return _refused(404, "thumbnail: expected one that is made, it is not yet")
        return Response(picture, media_type="image/webp")

    async def file(self, request: Request) -> Response:
        """Give out a result for a ticket."""
        path = self.studio.take_ticket(request.query_params.get("ticket", ""))
        if path is None or not path.is_file():
            return _refused(404, "ticket: expected one that was not used yet")
        return FileResponse(path, filename=path.name)

    async def stream(self, request: Request) -> Response:
        """Give out pictures one after the other, as motion JPEG."""
        return StreamingResponse(self._parts(), media_type=CONTENT_TYPE)

    async def _parts(self) -> AsyncIterator[bytes]:
        loop, fresh = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(fresh.set)

        viewer = Viewer("clean", wake)
        broadcast = self.studio.session.broadcast
        broadcast.join(viewer)
        try:
            yield PART_HEAD
            while True:
                await fresh.wait()
                fresh.clear()
                picture = viewer.take()
                if picture is not None:
                    yield part(picture.jpeg)
        finally:
            broadcast.leave(viewer)

    async def socket(self, socket: WebSocket) -> None:
        """Serve a page."""
        await PageSocket(socket, self.studio, kind="page").serve()

    async def view_socket(self, socket: WebSocket) -> None:
        """Serve something that only looks on."""
        await PageSocket(socket, self.studio, kind="clean").serve()


def application(studio: Studio, guard: Guard) -> Guarded:
    """Return the guarded web application."""
    web = Web(studio, guard, page_files())
    get: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/", web.page),
        ("/obs", web.page),
        ("/favicon.ico", web.page),
        ("/page/file", web.file),
        ("/page/{name}", web.page),
        ("/stream.mjpg", web.stream),
        ("/api/state", web.state),
        ("/api/controls", web.controls),
        ("/thumb/{style}", web.thumbnail),
    ]
    routes: list[Route | WebSocketRoute] = [
        Route(path, handler, methods=["GET"]) for path, handler in get
    ]
    routes += [
        Route("/api/enter", web.enter, methods=["POST"]),
        Route("/api/do", web.do, methods=["POST"]),
        Route("/api/upload/{kind}", web.upload, methods=["PUT"]),
        WebSocketRoute("/ws", web.socket),
        WebSocketRoute("/ws/view", web.view_socket),
    ]
    return Guarded(Starlette(routes=routes), guard)


def _refused(status: int, text: str) -> Response:
    line = " ".join(text.split())
    return Response(
        json.dumps({"refused": line}), status, media_type="application/json"
    )
