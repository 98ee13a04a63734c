"""What `adb tcpip` opens, and how adb reaches the phone there."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest

from mobilebench.virtual import adb, own_programs, phone_records, phones, port_opener, ports
from mobilebench.virtual.phone_records import VirtualPhone
from tests.virtual.conftest import Desk, wait_until

pytestmark = pytest.mark.adb


@pytest.fixture(scope="module")
def phone(desk: Desk) -> VirtualPhone:
    return phones.up(names=["wireless"], chrome=False)[0]


def address_of(phone: VirtualPhone) -> str:
    config = json.loads((phone_records.folder(phone.name) / "metadata/mobilebench/config.json").read_text())
    address: str = config["wlan_address"]
    return address


def free_port(*addresses: str) -> int:
    """A port that is free at all of these addresses."""
    with port_opener.listener(addresses[0], 0) as first:
        port: int = first.getsockname()[1]
        for address in addresses[1:]:
            port_opener.listener(address, port).close()
        return port


def adb_command(desk: Desk, *words: str) -> str:
    done = subprocess.run([desk.adb, *words], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def wireless(desk: Desk, phone: VirtualPhone) -> Iterator[str]:
    """The serial at which adb reaches the phone without the cable."""
    address = address_of(phone)
    port = free_port(address)
    assert f"restarting in TCP mode port: {port}\n" in desk.run(phone, "tcpip", str(port)).stdout.decode()
    serial = f"{address}:{port}"
    assert f"connected to {serial}" in adb_command(desk, "connect", serial)
    yield serial
    adb_command(desk, "disconnect", serial)
    adb.connect(phone.serial)
    desk.run(phone, "usb")
    adb.connect(phone.serial)


def refuses(serial: str) -> bool:
    address, _, port = serial.partition(":")
    try:
        socket.create_connection((address, int(port)), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


def test_adb_reaches_the_phone_at_the_new_port_and_at_the_cable(desk: Desk, phone: VirtualPhone, wireless: str) -> None:
    assert adb_command(desk, "-s", wireless, "shell", "getprop ro.serialno") == "wireless\n"
    assert adb_command(desk, "-s", wireless, "wait-for-device", "shell", "getprop service.adb.tcp.port") == (
        f"{wireless.partition(':')[2]}\n"
    )
    adb.connect(phone.serial)
    assert desk.shell(phone, "ip addr show wlan0").find(f"inet {wireless.partition(':')[0]}/24") > 0
    assert f"already connected to {wireless}" in adb_command(desk, "connect", wireless)
    assert f"disconnected {wireless}" in adb_command(desk, "disconnect", wireless)
    assert adb.state(wireless) == "absent"
    assert "no such device" in adb_command(desk, "disconnect", wireless)
    assert desk.shell(phone, "echo by cable") == "by cable"


def test_back_at_the_cable_the_port_is_closed(desk: Desk, phone: VirtualPhone, wireless: str) -> None:
    assert "restarting in USB mode" in adb_command(desk, "-s", wireless, "usb")
    assert refuses(wireless)
    assert "connected to" not in adb_command(desk, "disconnect", wireless) + adb_command(desk, "connect", wireless)
    adb.connect(phone.serial)
    assert desk.shell(phone, "getprop service.adb.tcp.port") == "0"


def test_a_second_port_takes_the_place_of_the_first(desk: Desk, wireless: str) -> None:
    address = wireless.partition(":")[0]
    port = free_port(address)
    assert f"port: {port}" in adb_command(desk, "-s", wireless, "tcpip", str(port))
    assert refuses(wireless)
    assert not refuses(f"{address}:{port}")


def test_a_boot_closes_the_port(desk: Desk, phone: VirtualPhone, wireless: str) -> None:
    adb_command(desk, "-s", wireless, "reboot")
    wait_until(lambda: refuses(wireless))
    adb.connect(phone.serial)
    assert desk.shell(phone, "getprop service.adb.tcp.port") == ""


def test_switched_off_a_phone_listens_no_longer(desk: Desk, phone: VirtualPhone, wireless: str) -> None:
    phones.down([phone.name])
    wait_until(lambda: refuses(wireless))
    assert phones.up(names=[phone.name], chrome=False)[0].serial == phone.serial
    assert desk.shell(phone, "getprop service.adb.tcp.port") == ""


def test_two_phones_listen_on_the_same_port(desk: Desk, phone: VirtualPhone) -> None:
    (other,) = phones.up(names=["second"], chrome=False)
    port = free_port(address_of(phone), address_of(other))
    for one in (phone, other):
        desk.run(one, "tcpip", str(port))
        serial = f"{address_of(one)}:{port}"
        assert f"connected to {serial}" in adb_command(desk, "connect", serial)
        assert adb_command(desk, "-s", serial, "shell", "getprop ro.serialno") == f"{one.name}\n"
        adb_command(desk, "disconnect", serial)
        adb.connect(one.serial)
    phones.down(["second"])


def test_a_port_that_is_taken_is_in_the_log(desk: Desk, phone: VirtualPhone) -> None:
    with port_opener.listener(address_of(phone), 0) as taken:
        assert b"restarting in TCP mode" in desk.run(phone, "tcpip", str(taken.getsockname()[1])).stdout
    adb.connect(phone.serial)
    assert "Address already in use" in desk.shell(phone, "logcat -d -b all")


@pytest.mark.parametrize("state", ["device", "any-device"])
def test_waiting_for_a_phone_ends_when_it_comes(desk: Desk, phone: VirtualPhone, state: str) -> None:
    phones.change_state(phone.name, {"fault": "offline"})
    with subprocess.Popen([desk.adb, "-s", phone.serial, f"wait-for-{state}"]) as waiting:
        phones.change_state(phone.name, {"fault": None})
        assert waiting.wait(timeout=60) == 0


def test_waiting_for_a_phone_to_go_ends_when_it_goes(desk: Desk, phone: VirtualPhone) -> None:
    with subprocess.Popen([desk.adb, "-s", phone.serial, "wait-for-disconnect"]) as waiting:
        adb.disconnect(phone.serial)
        assert waiting.wait(timeout=60) == 0
    adb.connect(phone.serial)


def test_an_offline_phone_comes_back_after_a_reconnect(desk: Desk, phone: VirtualPhone) -> None:
    phones.change_state(phone.name, {"fault": "offline"})
    assert adb.state(phone.serial) == "offline"
    said = adb_command(desk, "reconnect", "offline")
    assert phone.serial in said or "done" in said
    phones.change_state(phone.name, {"fault": None})
    assert adb.state(phone.serial) == "device"
    assert desk.shell(phone, "echo back") == "back"


def test_pairing_fails_as_without_wireless_debugging(desk: Desk, phone: VirtualPhone, wireless: str) -> None:
    address = address_of(phone)
    for place in (f"{address}:{free_port(address)}", wireless):
        said = adb_command(desk, "pair", place, "123456")
        assert "Successfully paired" not in said
        assert "ailed" in said or "error" in said or "unknown command" in said
    assert adb_command(desk, "-s", wireless, "shell", "echo still there") == "still there\n"


# The process that opens ports


def test_the_opener_opens_ports_of_its_address_until_the_phone_is_gone() -> None:
    phone, outside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    alive_read, alive_write = os.pipe()
    with outside:
        program = own_programs.own_program("port_opener", str(outside.fileno()), "127.77.200.1")
        subprocess.run(program, pass_fds=(outside.fileno(), alive_write), check=True, timeout=30)
    os.close(alive_write)
    with phone, os.fdopen(alive_read, "rb") as alive:
        phone.settimeout(60)
        phone.send(struct.pack("<H", 0))
        _, (descriptor,), _, _ = socket.recv_fds(phone, 4, 1)
        with socket.socket(fileno=descriptor) as opened:
            address, port = opened.getsockname()
            assert address == "127.77.200.1"
            socket.create_connection((address, port), timeout=60).close()
            phone.send(struct.pack("<H", port))
            answer, none, _, _ = socket.recv_fds(phone, 4, 1)
            assert (struct.unpack("<I", answer)[0], none) == (errno.EADDRINUSE, [])
        phone.close()
        assert alive.read() == b""  # it has ended


@pytest.mark.parametrize("opener", ["gone", "none"])
def test_without_an_opener_the_phone_says_why_or_listens_itself(opener: str) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.close()

    async def listen() -> None:
        port = ports.AdbPort("127.77.200.1", ours if opener == "gone" else None, asyncio.Protocol)
        if opener == "gone":
            with pytest.raises(ports.CannotListen, match="Broken pipe"):
                await port.open(1)
        else:
            with port_opener.listener("127.77.200.1", 0) as probe:
                number = probe.getsockname()[1]
            await port.open(number)
            assert not refuses(f"127.77.200.1:{number}")
            port.close()
            assert refuses(f"127.77.200.1:{number}")

    with ours:
        asyncio.run(listen())
