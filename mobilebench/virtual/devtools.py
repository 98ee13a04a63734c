"""Chromium's windows, hidden and shown through its own DevTools port.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import struct
from typing import Any

_ANSWERS_WITHIN_S = 5.0
_TEXT, _CLOSE = 0x81, 0x88
_LONGEST = 16 << 20


class DevToolsFailed(Exception):
    """Chromium refused a call, or did not answer."""


async def set_windows(port: int, browser_path: str, *, hidden: bool) -> None:
    """Minimise all windows, or restore them; a page in a minimised window is hidden and draws no frames.

    Args:
        port: Chromium's DevTools port on this loopback.
        browser_path: path of the browser's own socket, as in the file `DevToolsActivePort`.
        hidden: whether to hide or to show.

    Raises:
        DevToolsFailed: it was not possible.
    """
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            session = await _Session.open(port, browser_path)
            try:
                await _set_windows(session, "minimized" if hidden else "normal")
            finally:
                session.close()
    except (OSError, TimeoutError, ValueError, KeyError, asyncio.IncompleteReadError) as error:
        raise DevToolsFailed(str(error)) from None


async def _set_windows(session: _Session, state: str) -> None:
    targets = await session.call("Target.getTargets")
    pages = [target["targetId"] for target in targets["targetInfos"] if target["type"] == "page"]
    for page in pages:
        window = (await session.call("Browser.getWindowForTarget", targetId=page))["windowId"]
        bounds = await session.call("Browser.getWindowBounds", windowId=window)
        states = [state]
        if state == "minimized" == bounds["bounds"].get("windowState"):
            if not await _is_visible(session, page):
                continue
            states = ["normal", state]  # a page that was brought to the front shows although its window is minimised
        for one in states:
            await session.call("Browser.setWindowBounds", windowId=window, bounds={"windowState": one})


async def _is_visible(session: _Session, page: str) -> bool:
    own = (await session.call("Target.attachToTarget", targetId=page, flatten=True))["sessionId"]
    answer = await session.call("Runtime.evaluate", own, expression="document.visibilityState")
    await session.call("Target.detachFromTarget", sessionId=own)
    return bool(answer["result"].get("value") == "visible")


class _Session:
    """A WebSocket over which calls are sent one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ids = itertools.count(1)

    @classmethod
    async def open(cls, port: int, path: str) -> _Session:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LONGEST)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            writer.close()
            raise ValueError("no WebSocket")
        return cls(reader, writer)

    async def call(self, method: str, page: str | None = None, **params: Any) -> dict[str, Any]:
        """Call the browser, or a page by the id of its session."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        self._send(json.dumps({**message, "sessionId": page} if page else message).encode())
        while True:
            message = json.loads(await self._receive())
            if message.get("id") == number:
                if "result" not in message:
                    raise ValueError(f"{method}: {message.get('error')}")
                result: dict[str, Any] = message["result"]
                return result

    def close(self) -> None:
        self._writer.close()

    def _send(self, data: bytes) -> None:
        size = len(data)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self._writer.write(bytes([_TEXT]) + length + mask + masked)

    async def _receive(self) -> bytes:
        data = b""
        while True:
            first, second = await self._reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", await self._reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await self._reader.readexactly(8))
            if size > _LONGEST or first == _CLOSE:
                raise ValueError("the WebSocket was closed")
            data += await self._reader.readexactly(size)
            if first & 0x80:
                return data
