"""Cause faults on running virtual phones: a pulled cable, a reboot, a full disk, heat, a dialog, and others.

`FAULTS` lists them. A fault acts on a phone that is in use, as the real event would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput, TargetLost
from mobilebench.virtual import adb, control, phones, processes
from mobilebench.virtual.fault_kinds import FAULTS, Fault, option_of
from mobilebench.virtual.processes import ProcessId

__all__ = ["FAULTS", "Fault", "active", "apply", "clear"]

_LONGEST_S = 86400.0
_TELLING = "telling.json"
"""File among a phone's metadata: the programs that will tell adb about it, by pid and start time."""


def apply(
    phone_name: str,
    fault: str,
    *,
    seconds: float | None = None,
    after: float = 0.0,
    option: str | None = None,
    reconnect: bool = True,
) -> None:
    """Cause a fault on a running phone, and return at once.

    Args:
        phone_name: the phone's name, not its serial.
        fault: a key of `FAULTS`.
        seconds: how long it lasts; None: `Fault.seconds`, or until `clear`.
        after: seconds until it begins.
        option: kind of the fault, one of `Fault.options`; None: the first.
        reconnect: after a fault that parts adb from the phone, let adb connect again, as it does with a phone at a
        cable. False leaves that to the caller.

    Raises:
        BadInput: there is no such fault, option or phone, or this phone cannot have this fault.
        TargetLost: the phone does not run, or does not answer.
    """
    kind = _kind(fault)
    for number in (seconds, after):
        if number is not None and not 0 <= number <= _LONGEST_S:
            raise BadInput(f"A fault cannot take {number:g} s.", hint=f"Choose 0 to {_LONGEST_S:g} seconds.")
    try:
        option = option_of(kind, option)
    except ValueError as error:
        raise BadInput(f"The fault was not caused: {error}.") from None
    _ask(phone_name, {"do": "fault", "name": fault, "option": option, "seconds": seconds, "after": after})
    if kind.parts_adb and reconnect:
        lasts = seconds if seconds is not None else kind.seconds
        _tell_adb(phone_name, "fail" if fault in {"offline", "unauthorise", "recovery"} else "part", after)
        if lasts is not None:
            _tell_adb(phone_name, "return", after + lasts)


def clear(phone_name: str, fault: str | None = None) -> None:
    """End this fault of a running phone, or all, and connect the phone again if adb has lost it.

    Raises:
        BadInput: there is no such phone or fault.
        TargetLost: the phone does not run, or does not answer, or adb cannot connect to it.
    """
    if fault is not None:
        _kind(fault)
    _ask(phone_name, {"do": "clear", "name": fault})
    if fault is None or FAULTS[fault].parts_adb:
        _end_telling(phone_name)
    serial = phones.serial_of(phone_name)
    expected = phones.state_of(phone_name).fault or "device"
    if adb.state(serial) != expected:
        adb.connect(serial, expect=expected)


def active(phone_name: str) -> dict[str, str]:
    """The faults that a running phone has now, with their options. Raises as `clear`."""
    faults = _ask(phone_name, {"do": "faults"}).get("faults", {})
    return {str(name): str(option) for name, option in faults.items()}


def _kind(fault: str) -> Fault:
    if fault not in FAULTS:
        raise BadInput(f"There is no fault “{fault}”.", hint=f"Choose one of {', '.join(FAULTS)}.")
    return FAULTS[fault]


def _ask(phone_name: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = control.ask(phones.metadata(phone_name), request)
    except control.NoAnswer:
        raise TargetLost(
            f"The virtual phone {phone_name} does not run.",
            hint=f"Start it: mobilebench virtual up --name {phone_name}",
        ) from None
    if "error" in answer:
        raise BadInput(f"{phone_name} cannot have this fault: {answer['error']}.")
    return answer


_TELLS_ADB = """
import os, socket, sys, time
seconds, host, port, serial, word, phone = sys.argv[1:]

def ask(question):
    try:
        with socket.create_connection((host, int(port)), timeout=20) as server:
            server.sendall(b"%04x" % len(question) + question.encode())
            answer = b""
            while piece := server.recv(4096):
                answer += piece
    except OSError:
        sys.exit()
    return answer

def usable():
    return ask("host-serial:" + serial + ":get-state").endswith(b"device")

def listed():
    return serial.encode() + b"\\t" in ask("host:devices")

until = time.monotonic() + float(seconds)
while (left := until - time.monotonic()) > 0:
    time.sleep(min(left, 1))
    if not os.path.exists("/proc/" + phone):
        sys.exit()
for _ in range(40 if word != "return" else 0):
    if not usable():
        break
    time.sleep(0.05)
for _ in range(50):
    if usable() or not os.path.exists("/proc/" + phone):
        break
    ask("host:disconnect:" + serial)
    for _ in range(40):
        if not listed():
            break
        time.sleep(0.05)
    if word == "part" or b"authenticate" in ask("host:connect:" + serial) or word == "fail" and listed():
        break
    time.sleep(0.2)
"""
"""A program that tells a running adb server about a phone; it starts no server, and leaves a usable phone alone.

It ends with the phone's process."""


def _tell_adb(phone_name: str, word: str, seconds: float) -> None:
    """Let adb forget a phone that is gone (`part`), see one that fails (`fail`), or connect again (`return`)."""
    host, port = adb.server_address()
    phone = next(phone for phone in phones.list_phones() if phone.name == phone_name)
    words = [str(seconds), host, str(port), phone.serial, word, str(phone.pid)]
    telling = subprocess.Popen(
        [sys.executable, "-IS", "-c", _TELLS_ADB, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=os.sep,
    )
    telling.returncode = 0  # Popen must not wait for it: it may outlive this process
    started = processes.identify(telling.pid)
    _write_telling(phone_name, [*_telling(phone_name), *([started] if started else [])])


def _end_telling(phone_name: str) -> None:
    """End the programs that would still tell adb about this phone."""
    for process in _telling(phone_name):
        processes.end(process, patience_s=0.0)
    _write_telling(phone_name, [])


def _telling(phone_name: str) -> list[ProcessId]:
    try:
        entries = json.loads((phones.metadata(phone_name) / _TELLING).read_text(encoding="utf-8"))
        found = [ProcessId(int(pid), int(started)) for pid, started in entries]
    except (OSError, ValueError, TypeError):
        return []
    return [process for process in found if process.running]


def _write_telling(phone_name: str, found: Sequence[ProcessId]) -> None:
    entries = json.dumps([(process.pid, process.started) for process in found])
    atomic_files.write_text(phones.metadata(phone_name) / _TELLING, entries)
