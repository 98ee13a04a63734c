"""The services of adbd that are neither shell, files nor sockets, and what ends with a restart."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.virtual import adb, phones, services
from mobilebench.virtual.adb_transport import CLSE, OKAY, OPEN, WRTE, Packet
from mobilebench.virtual.phone_records import VirtualPhone
from mobilebench.virtual.shell import FrameId, FrameParser, frame
from tests.virtual.conftest import Desk, wait_until
from tests.virtual.talking import Talk
from tests.virtual.test_commands import make_device

pytestmark = pytest.mark.adb

TMP = "/data/local/tmp"


@pytest.fixture(scope="module")
def phone(desk: Desk) -> VirtualPhone:
    return phones.up(names=["adbd"], chrome=False, android=14)[0]


@pytest.fixture
def debuggable(phone: VirtualPhone) -> Iterator[None]:
    phones.change_state(phone.name, {"properties.ro.debuggable": "1", "properties.ro.build.type": "userdebug"})
    yield
    phones.change_state(phone.name, {"properties.ro.debuggable": None, "properties.ro.build.type": None})


@pytest.mark.usefixtures("debuggable")
def test_a_debuggable_build_can_be_root_and_not_root(desk: Desk, phone: VirtualPhone) -> None:
    clock = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq"
    before = desk.shell(phone, f"cat {clock}")
    assert b"restarting adbd as root" in desk.run(phone, "root").stdout
    assert desk.shell(phone, "id -u; id -un; echo $USER").split() == ["0", "root", "root"]
    assert b"already running as root" in desk.run(phone, "root").stdout
    assert b"Read-only file system" in desk.run(phone, "shell", "touch /system/new").stderr
    assert desk.shell(phone, f"echo 600000 > {clock}; cat {clock}; echo {before} > {clock}") == "600000"
    assert b"restarting adbd as non root" in desk.run(phone, "unroot").stdout
    assert desk.shell(phone, "id -u") == "2000"
    assert desk.run(phone, "shell", f"echo 1 > {clock}").returncode != 0


@pytest.mark.usefixtures("debuggable")
def test_root_ends_with_the_boot(desk: Desk, phone: VirtualPhone) -> None:
    desk.run(phone, "root")
    assert desk.shell(phone, "id -u") == "0"
    desk.run(phone, "reboot")
    adb.connect(phone.serial)
    assert desk.shell(phone, "id -u") == "2000"


def test_a_reboot_ends_all_processes_and_keeps_files(desk: Desk, phone: VirtualPhone) -> None:
    desk.shell(phone, f"echo kept > {TMP}/kept; nohup sleep 4330 >/dev/null 2>&1 &")
    assert desk.run(phone, "reboot").returncode == 0
    adb.connect(phone.serial)
    assert desk.shell(phone, f"cat {TMP}/kept; ps -e -o args | grep '[s]leep 4330' || echo ended") == "kept\nended"
    assert phones.list_phones()[0].running


@pytest.mark.parametrize("side", [[], ["device"]])
def test_a_phone_comes_back_after_a_reconnect_from_either_side(
    desk: Desk, phone: VirtualPhone, side: list[str]
) -> None:
    assert desk.run(phone, "reconnect", *side).returncode == 0
    adb.connect(phone.serial)
    assert desk.run(phone, "wait-for-device").returncode == 0
    assert desk.shell(phone, "echo back") == "back"


def test_a_phone_in_the_bootloader_is_off_until_it_is_switched_on(desk: Desk) -> None:
    (phone,) = phones.up(names=["flashed"], chrome=False)
    assert desk.run(phone, "reboot", "bootloader").returncode == 0
    wait_until(lambda: not next(one for one in phones.list_phones() if one.name == "flashed").running)
    phones.up(names=["flashed"], chrome=False)
    assert desk.shell(phone, "echo back") == "back"
    phones.down(["flashed"])


@pytest.mark.parametrize(
    ("service", "text", "port"),
    [
        (b"tcpip:5555", b"restarting in TCP mode port: 5555\n", "5555"),
        (b"usb:", b"restarting in USB mode\n", "0"),
    ],
)
def test_changing_how_adb_listens_restarts_adbd(phone: VirtualPhone, service: bytes, text: bytes, port: str) -> None:
    with Talk(phone) as talk, Talk(phone) as other:
        talk.greet()
        other.greet()
        assert talk.output(service) == text
        assert talk.hung_up() and other.hung_up()
    assert phones.state_of(phone.name).properties["service.adb.tcp.port"] == port
    with Talk(phone) as talk:
        talk.greet()


def test_answers_of_services(phone: VirtualPhone) -> None:
    with Talk(phone) as talk:
        talk.greet()
        for port in (b"0", b"-1", b"70000"):
            assert talk.output(b"tcpip:" + port) == b"invalid port " + port + b"\n"
        for port in (b"x", b"", b"9" * 50):
            talk.say(Packet(OPEN, 77, 0, b"tcpip:" + port + b"\0"))
            talk.hear(CLSE)
        assert talk.output(b"jdwp") == b""
        assert b"not found" in talk.output(b"remount:")
        for tracker in (b"track-jdwp", b"track-app"):
            stream = talk.open(tracker)
            packet = talk.hear(WRTE)
            assert packet.payload == b"0000"
            talk.say(Packet(CLSE, 77, stream))
            talk.hear(CLSE)
        assert talk.output(b"reconnect") == b"done"
        assert talk.hung_up()


def test_commands_by_the_binder_bridge(phone: VirtualPhone) -> None:
    with Talk(phone) as talk:
        talk.greet()
        framed = FrameParser().feed(talk.output(b"abb:settings\0get\0global\0wifi_on"))
        assert framed == [(FrameId.STDOUT, b"1\n"), (FrameId.EXIT, b"\0")]
        assert talk.output(b"abb_exec:settings\0get\0global\0no such; id") == b"null\n"


def test_an_older_android_has_fewer_services(desk: Desk) -> None:
    (phone,) = phones.up(names=["old"], chrome=False, android=9)
    with Talk(phone) as talk:
        talk.greet()
        for service in (b"abb:settings", b"track-app", b"nosuch:"):
            talk.say(Packet(OPEN, 77, 0, service + b"\0"))
            assert talk.hear(CLSE).arg0 == 0
        assert talk.output(b"remount:").startswith(b"Not running as root")
    phones.down(["old"])


@pytest.mark.parametrize("service", [b"shell:exec sleep 4340", b"shell,v2:exec sleep 4340", b"shell,v2,pty:sleep 4340"])
def test_a_command_ends_when_its_connection_does(desk: Desk, phone: VirtualPhone, service: bytes) -> None:
    def runs() -> bool:
        return desk.shell(phone, "ps -e -o args | grep '[s]leep 4340' || true") != ""

    with Talk(phone) as talk:
        talk.greet()
        talk.open(service)
        wait_until(runs)
    wait_until(lambda: not runs())


def test_a_size_of_the_window_that_is_none_changes_nothing(phone: VirtualPhone) -> None:
    with Talk(phone) as talk:
        talk.greet()
        stream = talk.open(b"shell,v2,pty:read line; stty size; exit 4")
        for size in (b"-1x-1,0x70000", b"40x90,0x0\0", b"nonsense", b"", b"9x9", b"1x1,1x1x1"):
            talk.say(Packet(WRTE, 77, stream, frame(FrameId.WINDOW_SIZE, size)))
            talk.hear(OKAY, meanwhile=WRTE)
        talk.say(Packet(WRTE, 77, stream, frame(FrameId.STDIN, b"go\n")))
        talk.hear(OKAY, meanwhile=WRTE)
        talk.hear(CLSE, meanwhile=WRTE)
        assert (FrameId.EXIT, b"\4") in FrameParser().feed(b"".join(talk.written))
        shown = b"".join(data for kind, data in FrameParser().feed(b"".join(talk.written)) if kind == FrameId.STDOUT)
        assert b"40 90" in shown


class Screen:
    """A stream that keeps what is written."""

    def __init__(self) -> None:
        self.answer = b""

    async def write(self, data: bytes) -> None:
        self.answer += data


@pytest.mark.parametrize(("android", "head"), [(7, 12), (14, 16)])
@pytest.mark.parametrize("size", [(3, 2), (0, 0), (3, 3)])
def test_the_frame_buffer_is_the_picture_of_screencap(
    tmp_path: Path, android: int, head: int, size: tuple[int, int]
) -> None:
    pixels = bytes(range(24))
    raw = struct.pack("<4I", *size, 1, 1)[:head] + pixels
    files = make_device(tmp_path, android=android).files

    async def screen() -> bytes:
        return raw

    async def listen(port: int) -> None:
        raise AssertionError(f"it listens on {port}")

    adbd = services.Adbd(files, lambda: None, listen, lambda: None, lambda: None, screen, lambda: False)
    stream = Screen()

    async def show() -> None:
        service = services.find("framebuffer:", adbd, None)  # type: ignore[arg-type]
        assert service is not None
        await service(stream)  # type: ignore[arg-type]

    asyncio.run(show())
    if size != (3, 2):
        assert stream.answer == b""
        return
    numbers = list(struct.unpack_from("<14I" if android > 8 else "<13I", stream.answer))
    assert numbers[:2] == [2 if android > 8 else 1, 32]
    assert numbers[-11:] == [24, 3, 2, 0, 8, 16, 8, 8, 8, 24, 8]
    assert stream.answer.endswith(pixels)
