"""Parsers of `/proc`, on texts of phones and computers, and on this computer's own files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mobilebench.core import proc

_STAT = (
    "4711 (Chrome_IOThread) S 1 4242 4242 0 -1 1077936448 29 0 0 0 305 42 0 0 20 0 23 0 987654 "
    "34359738368 51200 18446744073709551615 0 0 0 0 0 0 0 4096 1073775864 0 0 0 17 1 0 0 0 0 0\n"
)


def test_a_process_is_read() -> None:
    stat = proc.parse_stat(_STAT)
    assert stat == proc.Stat(4711, "Chrome_IOThread", "S", 1, 4242, 347, 0, 987654)
    assert not stat.ended
    assert stat.cpu_seconds == 347 / proc.TICKS_PER_SECOND


@pytest.mark.parametrize("name", ["", "a b", "x) S 1 (y", "two\nlines"])
def test_a_name_may_hold_anything(name: str) -> None:
    stat = proc.parse_stat(_STAT.replace("Chrome_IOThread", name))
    assert stat is not None
    assert (stat.name, stat.parent) == (name, 1)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_an_ended_process_is_recognised(state: str) -> None:
    stat = proc.parse_stat(_STAT.replace(") S ", f") {state} "))
    assert stat is not None
    assert stat.ended


@pytest.mark.parametrize(
    "text",
    ["", "4711", "4711 (sh) S 1 2", "x (sh) S 1 2 3", _STAT.replace("305", "many"), _STAT.replace("305", "9" * 400)],
)
def test_what_is_no_stat_file_is_none(text: str) -> None:
    assert proc.parse_stat(text) is None


def test_this_process_is_read() -> None:
    stat = proc.parse_stat(Path("/proc/self/stat").read_text())
    assert stat is not None
    assert (stat.id, stat.parent, stat.group) == (os.getpid(), os.getppid(), os.getpgid(0))
    assert proc.kib_fields(Path("/proc/self/status").read_text())["VmHWM"] > 1000


def test_sizes_are_read_by_name() -> None:
    text = "Name:\tsh\nVmHWM:\t    1234 kB\nVmRSS:\t 99 kB\nThreads:\t1\nBroken: 12 MB\nActive(anon):  5 kB\n"
    assert proc.kib_fields(text) == {"VmHWM": 1234, "VmRSS": 99, "Active(anon)": 5}


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [("MemTotal:        3881768 kB\nMemFree: 1 kB\n", 3974), ("MemTotal: 900 kB\n", None), ("", None)],
)
def test_total_memory_is_in_decimal_megabytes(text: str, megabytes: int | None) -> None:
    assert proc.total_memory_mb(text) == megabytes


def test_the_load_average_is_that_of_the_last_minute() -> None:
    assert proc.load_average("0.52 0.58 0.59 1/597 12345\n") == 0.52
    assert proc.load_average("cat: /proc/loadavg: Permission denied\n") is None
    assert proc.load_average("") is None


def test_a_long_text_that_is_no_stat_takes_no_longer_than_its_length() -> None:
    text = "7 (a b) R 1 1 1 0 -1 0" + ") R 1 1 1 0 -1 0" * 1000 + " " * 100_000
    assert proc.parse_stat(f"{text}x") is None
