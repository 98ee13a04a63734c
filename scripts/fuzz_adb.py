"""Feeds broken messages to both ends of the adb protocol, and broken APKs to the phone; stops at the first find.

`python scripts/fuzz_adb.py --seconds 60`, from the repository's root; each part gets as many seconds. The parts are a
virtual phone's packets, connections, shell frames, files and keys, the APKs that it installs and their manifests, and
what mobilebench reads from an adb server. A part may refuse its input by its own errors; any other exception, a task
that does not end, or more than 2 s of processor time is a find.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import random
import re
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mobilebench.core.errors import MobilebenchError
from mobilebench.targets.android import adb_protocol, shell
from mobilebench.targets.android.files import Sync
from mobilebench.targets.limits import Limit
from mobilebench.virtual import adb_keys, sync
from mobilebench.virtual.adb_transport import (
    AUTH,
    CLSE,
    CNXN,
    OKAY,
    OPEN,
    VERSION,
    WRTE,
    Connection,
    Packet,
    PacketParser,
    ProtocolError,
    Service,
    ServiceRefused,
    Stream,
    StreamClosed,
)
from mobilebench.virtual.android import apk, binary_xml
from mobilebench.virtual.network import BadAddress, Network, Reverses, join
from mobilebench.virtual.shell import FrameParser, frame, parse_request, parse_window_size
from scripts.fuzzing import fuzz, options_of, went_wrong
from scripts.mutation import mutated, varint
from tests.virtual.making_apks import V3, Made
from tests.virtual.making_apks import binary_xml as written_xml

_ENDS_WITHIN_S = 30.0
LONGEST = 20_000
"""Bytes of an input."""


# The phone's end


class _Transport(asyncio.Transport):
    """A connection whose other side only listens."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        PacketParser().feed(bytes(data))  # the phone itself sends nothing that is not a packet
        self.sent += len(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""


class _Phone:
    """A phone with files in a folder, and nothing else."""

    def __init__(self, folder: str, *, secure: bool) -> None:
        self._storage = _storage(folder)
        self._secure = secure
        self._network = Network("127.0.0.1", "fuzz", lambda path: f"{folder}/{path}")

    def arrived(self, connection: Connection) -> None:
        """Every connection stays."""

    def answers(self) -> bool:
        return True

    def mode(self) -> str:
        return "device"

    def bytes_per_s(self) -> int:
        return 0

    def authenticates(self) -> bool:
        return self._secure

    def knows(self, token: bytes, signature: bytes) -> bool:
        return token == signature

    def allows(self, key: bytes) -> bool:
        return bool(adb_keys.parse(key).text)

    def features(self) -> Sequence[str]:
        return ("shell_v2",)

    def banner(self) -> dict[str, str]:
        return {"ro.product.name": "fuzzed"}

    async def open_service(self, name: str, connection: Connection) -> Service:
        if name.startswith("sync"):
            return lambda stream: sync.serve(stream, self._storage)
        if name.startswith("reverse:list"):
            reverses = Reverses(connection, self._network)
            return lambda stream: reverses.serve(name.removeprefix("reverse:"), stream)
        if parse_request(name) is not None:
            return _echo
        if name.startswith("local"):
            try:
                reader, writer = await self._network.connect(name)
            except (BadAddress, OSError):
                raise ServiceRefused(name) from None
            return lambda stream: join(stream, reader, writer)
        raise ServiceRefused(name)


async def _echo(stream: Stream) -> None:
    parser = FrameParser()
    with contextlib.suppress(ValueError):
        while data := await stream.read():
            for kind, piece in parser.feed(data):
                del kind
                await stream.write(piece)


def _storage(folder: str) -> sync.Storage:
    """Files of one folder, however their paths are broken."""
    return sync.Storage(lambda path: f"{folder}/{re.sub('[^a-z/]', '_', path)}", lambda _: 10_000)


def packets(data: bytes) -> None:
    """A stream of bytes is packets, or refused."""
    with contextlib.suppress(ProtocolError):
        found = PacketParser().feed(data)
        assert sum(24 + len(packet.payload) for packet in found) <= len(data)


def connection(data: bytes) -> None:
    """Whatever a computer sends, a connection's tasks end with it, and none fails."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_connect(data, _Phone(folder, secure=bool(data[:1] > b"\x7f"))))


async def _connect(data: bytes, phone: _Phone) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    end = Connection(phone)
    end.connection_made(_Transport())
    for start in range(0, len(data), 997):
        end.data_received(data[start : start + 997])
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    end.connection_lost(None)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        done, late = await asyncio.wait(tasks, timeout=_ENDS_WITHIN_S)
        assert not late, f"{len(late)} tasks do not end"
        failures += [task.exception() for task in done if not task.cancelled() and task.exception()]
    assert not failures, failures


def frames(data: bytes) -> None:
    """Bytes of a shell are frames, or refused."""
    parse_request(data.decode("utf-8", "surrogateescape"))
    with contextlib.suppress(ValueError):
        struct.pack("4H", *parse_window_size(data))
    with contextlib.suppress(ValueError):
        for kind, piece in FrameParser().feed(data):
            assert FrameParser().feed(frame(kind, piece)) == [(kind, piece)]  # type: ignore[arg-type]


class _Client:
    """A stream whose other side has sent these bytes and then closed."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self) -> bytes:
        data, self._data = self._data[:997], self._data[997:]
        return data

    async def write(self, data: bytes) -> None:
        del data


def files(data: bytes) -> None:
    """Requests for files are answered, or refused."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(StreamClosed):
        asyncio.run(sync.serve(_Client(data), _storage(folder)))  # type: ignore[arg-type]


def keys(data: bytes) -> None:
    """A text is a key that verifies nothing broken, or refused."""
    with contextlib.suppress(adb_keys.BadKey):
        key = adb_keys.parse(data)
        assert not key.verifies(bytes(20), data[:256].ljust(256, b"\0"))


# The computer's end


def server(data: bytes) -> None:
    """Whatever an adb server or a phone answers is read, or is one of mobilebench's own errors."""
    limit = Limit("fuzzing", 5.0)
    ways: tuple[Callable[[], object], ...] = (
        lambda: adb_protocol.query("host:devices", limit),
        lambda: adb_protocol.query("host-serial:a:features", limit, "a"),
        lambda: adb_protocol.state("a"),
        lambda: adb_protocol.forward("a", "tcp:1", "tcp:2"),
        lambda: adb_protocol.remove_forward("a", "tcp:1", "tcp:2"),
        lambda: adb_protocol.reverse("a", 0, 1),
        lambda: adb_protocol.remove_reverse("a", "tcp:1"),
        lambda: Sync("a").stat("/x"),
        lambda: Sync("a").read("/x"),
        lambda: Sync("a").send(io.BytesIO(b"x" * 1000), "/x", 0o644),
        lambda: shell.DeviceShell("a").script("true"),
        lambda: shell.split_marked(data, "m"),
    )
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        ours, theirs = socket.socketpair()
        opened.extend((ours, theirs))
        ours.settimeout(0.1)
        theirs.sendall(data[1 : 1 + LONGEST])
        theirs.shutdown(socket.SHUT_WR)
        return ours

    with (
        mock.patch.object(adb_protocol, "connect", connect),
        mock.patch.object(adb_protocol, "_SETTLE_SECONDS", 0.0),
        contextlib.suppress(MobilebenchError),
    ):
        ways[data[0] % len(ways) if data else 0]()
    for one in opened:
        one.close()


def apks(data: bytes) -> None:
    """What the phone reads of an APK: facts, or a refusal with one of Android's codes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "app.apk"
        file.write_bytes(data)
        try:
            read = apk.read(file)
        except apk.BadApk as error:
            assert error.code.startswith("INSTALL_"), error.code
            return
    assert re.fullmatch(r"[\w.]{3,223}", read.package), read.package
    assert len(read.activities) + len(read.services) + len(read.permissions) <= 3000


def manifests(data: bytes) -> None:
    """A manifest alone, which is compressed in most APKs."""
    with contextlib.suppress(binary_xml.BadXml):
        for element in binary_xml.elements(data):
            assert len(element.path) <= binary_xml.MOST_DEPTH


PARTS: dict[str, Callable[[bytes], None]] = {
    "packets": packets,
    "connection": connection,
    "frames": frames,
    "files": files,
    "keys": keys,
    "server": server,
    "apks": apks,
    "manifests": manifests,
}


# Inputs


def _request(word: bytes, argument: bytes, tail: bytes = b"") -> bytes:
    return word + struct.pack("<I", len(argument)) + argument + tail


def seeds() -> dict[str, list[bytes]]:
    """What mutation begins with."""
    hello = Packet(CNXN, VERSION, 1 << 20, b"host::features=shell_v2").encode()
    piece = _request(b"DATA", b"content") + b"DONE\1\0\0\0"
    requests = [
        _request(b"SEND", b"/a/b,33188", piece),
        _request(b"SND2", b"/a", b"SND2" + struct.pack("<2I", 0o100644, 0) + piece),
        _request(b"SEND", b"/a/b,41471", piece),
        *(_request(word, b"/a") for word in (b"RECV", b"STAT", b"STA2", b"LST2", b"LIST", b"LIS2")),
        _request(b"RCV2", b"/a", b"RCV2\0\0\0\0"),
        b"QUIT\0\0\0\0",
    ]
    session = b"".join(requests)
    opened = [
        Packet(OPEN, 7, 0, b"sync:\0").encode() + Packet(WRTE, 7, 1, session).encode(),
        Packet(OPEN, 7, 0, b"shell,v2:ls\0").encode() + Packet(WRTE, 7, 1, frame(0, b"input")).encode(),  # type: ignore[arg-type]
        Packet(OPEN, 7, 0, b"reverse:list-forward\0").encode() + Packet(OKAY, 7, 1).encode(),
        Packet(OPEN, 7, 0, b"localabstract:fuzzed\0").encode() + Packet(OPEN, 9, 0, b"localfilesystem:/x\0").encode(),
        Packet(OKAY, 7, 1).encode() + Packet(CLSE, 7, 1).encode(),
    ]
    key = struct.pack("<2I", 64, 1) + b"\xff" * 512 + struct.pack("<I", 65537)
    text = base64.b64encode(key) + b" name@host\0"
    asked = b"".join(Packet(AUTH, kind, 0, content).encode() for kind, content in ((2, b"x" * 256), (3, text)))
    answers = [
        b"OKAY",
        b"OKAYOKAY0005a\tb\n",
        b"FAIL0004gone",
        b"OKAYOKAYOKAY000412ab",
        b"OKAY0012a\tdevice\nb\toffline",
    ]
    shells = b"".join(struct.pack("<BI", kind, 3) + b"out" for kind in (1, 2, 3))
    return {
        "packets": [hello, *opened],
        "connection": [hello + asked, *(hello + one for one in opened), hello + b"".join(opened)],
        "frames": [b"24x80,0x0\0", b"shell,v2,pty,TERM=xterm:ls", frame(0, b"abc") + frame(5, b"24x80,0x0")],  # type: ignore[arg-type]
        "files": [session, *requests],
        "keys": [text],
        "server": [
            *(bytes([way]) + answer for way in range(12) for answer in answers),
            b"\x07OKAYOKAYSTAT" + bytes(12),
            b"\x08OKAYOKAY" + piece,
            b"\x09OKAYOKAYOKAY" + bytes(4),
            b"\x09OKAYOKAY" + _request(b"FAIL", b"No space left"),
            b"\x0aOKAY0008shell_v2" + shells,
            b"\x0bout m 0\nerr",
        ],
        "apks": [Made(abis=("x86_64",)).content(), Made(scheme=V3, certificate=b"c" * 900).content()],
        "manifests": [written_xml(Made().manifest(), utf_8=utf_8) for utf_8 in (True, False)],
    }


def inputs(name: str, rng: random.Random) -> Iterator[bytes]:
    """Endless mutations of a part's seeds."""
    corpus = seeds()[name]
    yield from corpus
    while True:
        yield mutated(rng.choice(corpus), corpus, rng, [varint], longest=LONGEST)


def try_one(name: str, data: bytes) -> str | None:
    """Give one input to a part; return what went wrong."""
    return went_wrong(lambda: PARTS[name](data))


def main() -> int:
    """Give each part as many seconds."""
    options = options_of(__doc__, "part", PARTS)
    return fuzz(options.parts or list(PARTS), inputs, try_one, seconds=options.seconds, seed=options.seed)


if __name__ == "__main__":
    sys.exit(main())
