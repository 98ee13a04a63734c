"""`ps` and `pidof`: the phone's processes, with the names that Android gives to a browser's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core.proc import parse_stat
from mobilebench.virtual import processes
from mobilebench.virtual.android.device import CommandOutput, Device, lines

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Task:
    """A process as `ps` shows it."""

    pid: int
    parent: int
    state: str
    user: str
    name: str
    arguments: str
    vsz_kib: int
    rss_kib: int

    def field(self, name: str) -> str:
        values = {
            "USER": self.user, "PID": str(self.pid), "PPID": str(self.parent), "VSZ": str(self.vsz_kib),
            "RSS": str(self.rss_kib), "WCHAN": "0", "ADDR": "0", "S": self.state, "NAME": self.name,
            "CMD": self.name, "ARGS": self.arguments, "CMDLINE": self.arguments, "COMM": self.name,
        }  # fmt: skip
        return values[name]


_USUAL: tuple[str, ...] = ("USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME")
_FULL: tuple[str, ...] = ("USER", "PID", "PPID", "S", "CMDLINE")
_FIELDS = {*_USUAL, "CMD", "ARGS", "CMDLINE", "COMM"}


async def ps(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Toybox's `ps` with the options `-A`, `-e`, `-f`, `-p` and `-o`."""
    fields, pids = _USUAL, set[int]()
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word in {"-A", "-e", "-ef", "-Af", "-f", "-w", "-Aw"}:
            fields = _FULL if "f" in word else fields
        elif word in {"-o", "-p"} and words:
            values = words.pop(0).split(",")
            if word == "-p" and all(value.isdecimal() for value in values):
                pids.update(map(int, values))
            elif word == "-o" and all(value.partition("=")[0].upper() in _FIELDS for value in values):
                fields = tuple(value.partition("=")[0].upper() for value in values)
            else:
                return CommandOutput(stderr=f"ps: bad {word} {','.join(values)}\n", code=1)
        else:
            return CommandOutput(stderr=f"ps: Unknown option {word}\n", code=1)
    found = [task for task in tasks(device) if not pids or task.pid in pids]
    rows = [fields, *(tuple(task.field(name) for name in fields) for task in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(fields))]
    text = lines(*("  ".join(_cell(row, widths, column) for column in range(len(fields))) for row in rows))
    return CommandOutput(text, code=0 if found else 1)


def _cell(row: Sequence[str], widths: Sequence[int], column: int) -> str:
    last = column == len(row) - 1
    return (
        row[column] if last else row[column].ljust(widths[column]) if column == 0 else row[column].rjust(widths[column])
    )


async def pidof(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """The pids of processes by name."""
    names = [word for word in arguments if not word.startswith("-")]
    pids = [str(task.pid) for task in reversed(tasks(device)) if task.name in names]
    if "-s" in arguments:
        del pids[1:]
    return CommandOutput(lines(" ".join(pids)) if pids else "", code=0 if pids else 1)


def tasks(device: Device) -> list[Task]:
    """The phone's processes by pid."""
    if device.config.prefix:
        numbers = [os.getpid(), *(process.pid for process in processes.descendants())]
    else:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names only
    found = (_task(device, number) for number in sorted(numbers))
    return [task for task in found if task is not None]


def _task(device: Device, pid: int) -> Task | None:
    folder = Path(f"/proc/{pid}")
    try:
        stat = parse_stat((folder / "stat").read_text(errors="replace"))
        words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").split()
        sizes = (folder / "statm").read_text().split()
    except OSError:
        return None
    if stat is None or stat.ended:
        return None
    name = device.name_of(pid)
    is_browser = name.partition(":")[0].partition("_zygote")[0] in device.browser_pids
    app = device.apps.running.get(name)
    vsz, rss = int(sizes[0]) * _PAGE_KIB, int(sizes[1]) * _PAGE_KIB
    user = app.user_name if app else "u0_a120" if is_browser else "shell"
    return Task(pid, stat.parent, stat.state, user, name, " ".join(words), vsz, rss)
