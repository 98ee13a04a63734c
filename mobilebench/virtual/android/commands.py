"""The commands that the phone's daemon answers, and the socket by which they reach it.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable

from mobilebench.virtual.android.apps import am
from mobilebench.virtual.android.controls import cmd, getprop, setprop, settings, svc
from mobilebench.virtual.android.device import Command, CommandOutput
from mobilebench.virtual.android.dumpsys import dumpsys
from mobilebench.virtual.android.inputs import ime, input_, ip, monkey, reboot, uiautomator
from mobilebench.virtual.android.package_manager import pm
from mobilebench.virtual.android.screencap import screencap
from mobilebench.virtual.android.screenrecord import screenrecord
from mobilebench.virtual.android.tasks import pidof, ps
from mobilebench.virtual.android.window_manager import wm

COMMANDS: dict[str, Command] = {
    "am": am,
    "cmd": cmd,
    "dumpsys": dumpsys,
    "getprop": getprop,
    "ime": ime,
    "input": input_,
    "ip": ip,
    "monkey": monkey,
    "pidof": pidof,
    "pm": pm,
    "ps": ps,
    "reboot": reboot,
    "screencap": screencap,
    "screenrecord": screenrecord,
    "setprop": setprop,
    "settings": settings,
    "svc": svc,
    "uiautomator": uiautomator,
    "wm": wm,
}


# The socket

_QUESTION = struct.Struct("<I")
_PIECE = struct.Struct("<BI")
_LONGEST = 1 << 20

_CLIENT = """#!{python} -IS
import posix, sys
from _socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket

def write(descriptor, data):
    while data:
        data = data[posix.write(descriptor, data):]

door = socket(AF_UNIX, SOCK_STREAM)
door.connect({name!r})
words = [sys.argv[0].rpartition("/")[2], *sys.argv[1:]]
pushed = None
if "-S" in words[:-1] and "install" in words[1:3]:
    pushed = {folder!r} + "/.install-" + str(posix.getpid())
    left = int(words[words.index("-S") + 1])
    file = posix.open(pushed, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC, 0o600)
    while left > 0 and (piece := posix.read(0, min(left, 1 << 16))):
        write(file, piece)
        left -= len(piece)
    posix.close(file)
    words = [word for word in words if word != "-"] + [pushed]
question = b"\\0".join(word.encode("utf-8", "surrogateescape") for word in words)
door.sendall(len(question).to_bytes(4, "little") + question)
answer = bytearray()
while True:
    size = int.from_bytes(answer[1:5], "little")
    if len(answer) >= 5 and not answer[0]:
        if pushed:
            posix.unlink(pushed)
        posix._exit(size)
    if len(answer) >= 5 + size:
        try:
            write(answer[0], answer[5:5 + size])
        except OSError:
            pass
        del answer[:5 + size]
    elif piece := door.recv(65536):
        answer += piece
    else:
        write(2, b"the phone is going down\\n")
        posix._exit(1)
"""


def client_program(python: str, abstract_prefix: str, folder: str) -> str:
    """Text of the client program behind `getprop` and other commands; it starts in a few milliseconds.

    An APK that comes by standard input (`cmd package install -S SIZE`) is put into a file in this folder first.
    """
    return _CLIENT.format(python=python, name=_socket_name(abstract_prefix), folder=folder)


async def listen(abstract_prefix: str, answer: Callable[[list[str]], Awaitable[CommandOutput]]) -> asyncio.Server:
    """Answer the phone's commands; refuse other users' processes if they can reach the socket."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _peer(writer) == os.getuid():
                (length,) = _QUESTION.unpack(await reader.readexactly(_QUESTION.size))
                question = await reader.readexactly(min(length, _LONGEST))
                command = [word.decode("utf-8", "surrogateescape") for word in question.split(b"\0")]
                output = await answer(command)
                _write(writer, _STDOUT, output.stdout)
                if output.pieces is not None:
                    async for text in output.pieces:
                        _write(writer, _STDOUT, text)
                        await writer.drain()
                _write(writer, _STDERR, output.stderr)
                writer.write(_PIECE.pack(_EXIT, output.code))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, _socket_name(abstract_prefix), backlog=256)


_EXIT, _STDOUT, _STDERR = range(3)
"""Kinds of pieces of an answer: descriptors, or the exit code, which stands in place of a size."""


def _write(writer: asyncio.StreamWriter, kind: int, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    if data:
        writer.write(_PIECE.pack(kind, len(data)) + data)


def _socket_name(abstract_prefix: str) -> str:
    return f"\0{abstract_prefix}mobilebench-commands"


def _peer(writer: asyncio.StreamWriter) -> int:
    """User id of the process at the other end."""
    credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    uid: int = struct.unpack("3i", credentials)[1]
    return uid
