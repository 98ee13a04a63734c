"""The browser's side of DevTools and of WebDriver BiDi, as far as we use them: tests say what it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from aiohttp import WSMsgType, web

CUT = object()
"""As an answer: the connection is cut."""

Answer = Callable[[dict[str, Any]], list[Any]]


class FakeDevtools:
    """Answers every message with what `answer` gives: objects and text are sent, `CUT` closes the connection."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.received: list[dict[str, Any]] = []
        self.opened = 0
        self.closed: list[str] = []
        self.new_status = 200
        self.version: dict[str, Any] = {"Browser": "HeadlessChrome/156.0.8078.79"}
        self.url = ""

    def methods(self) -> list[str]:
        return [message["method"] for message in self.received]

    async def _json(self, request: web.Request) -> web.StreamResponse:
        action = request.match_info["action"]
        if action == "version":
            return web.json_response(self.version)
        if action.startswith("close/"):
            self.closed.append(action.removeprefix("close/"))
            return web.Response(text="Target is closing")
        if request.method != "PUT":
            return web.Response(status=405)
        self.opened += 1
        # A phone's browser names an address that only the phone knows: the client has to keep its own.
        page = {"id": f"page{self.opened}", "webSocketDebuggerUrl": "ws://phone:9222/devtools/page/1"}
        return web.json_response(page, status=self.new_status)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        async for frame in socket:
            if frame.type != WSMsgType.TEXT:
                continue
            message = json.loads(frame.data)
            self.received.append(message)
            for item in self.answer(message):
                if item is CUT:
                    assert request.transport is not None
                    request.transport.abort()
                    return socket
                await socket.send_str(item if isinstance(item, str) else json.dumps(item))
        return socket


def result(message: dict[str, Any], **value: Any) -> dict[str, Any]:
    """A successful answer."""
    return {"id": message["id"], "result": value}


def bidi(answer: Answer) -> Answer:
    """A browser that opens a session as it should; `answer` is asked everything else."""

    def whole(message: dict[str, Any]) -> list[Any]:
        match message["method"]:
            case "session.new":
                return [success(message, sessionId="1", capabilities={})]
            case "browsingContext.getTree":
                return [success(message, contexts=[{"context": "tab1", "url": "about:blank"}])]
            case "session.subscribe":
                return [success(message)]
        return answer(message)

    return whole


def success(message: dict[str, Any], **value: Any) -> dict[str, Any]:
    """A successful answer of BiDi."""
    return {"type": "success", **result(message, **value)}


@contextmanager
def fake_devtools(answer: Answer) -> Iterator[FakeDevtools]:
    fake = FakeDevtools(answer)
    application = web.Application()
    application.router.add_route("*", "/json/{action:.*}", fake._json)
    application.router.add_get("/devtools/page/1", fake._page)
    application.router.add_get("/session", fake._page)
    loop = asyncio.new_event_loop()
    started = Event()
    runner = web.AppRunner(application, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    thread = Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield fake
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
