"""A page's process as the system shows it: threads and their processor time, memory, and what is not told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from subprocess import PIPE

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.engines import page_process
from mobilebench.engines.page_process import ThreadTime, at_work, parse_memory, parse_threads
from mobilebench.targets.base import BrowserHandle, ShellResult
from tests.engines.web_cases import target_info

BROWSER = BrowserHandle("chrome", "156.0", "http://127.0.0.1:1", (), "chromium", os.getpid())


def stat(tid: int, name: str, user: int, system: int) -> str:
    return f"{tid} ({name}) S 1 1 1 0 -1 4194304 0 0 0 0 {user} {system} 0 0 20 0 1 0 0 0\n"


def main_and(**workers: float) -> dict[int, ThreadTime]:
    names = {"worker": "DedicatedWorker", "other": "ThreadPoolForeg", "firefox": "DOM Worker"}
    found = {1: ThreadTime("chromium", True, workers.pop("main", 100.0))}
    for tid, (kind, ms) in enumerate(workers.items(), 2):
        found[tid] = ThreadTime(names[kind.rstrip("0123456789")], False, ms)
    return found


IDLE = {tid: ThreadTime(t.name, t.main, 0.0) for tid, t in main_and(worker=0, other=0, firefox=0).items()}


class TestAtWork:
    def test_the_page_and_its_workers_count_and_helpers_of_the_browser_do_not(self) -> None:
        found = at_work({}, main_and(worker=90.0, other=80.0, worker2=0.2))
        assert found is not None
        assert (found.threads, found.alive) == (2, 3)
        assert found.cpu_ms == [100.0, 90.0, 80.0, 0.2]

    def test_workers_of_firefox_count_too(self) -> None:
        found = at_work({}, main_and(firefox=60.0))
        assert found is not None
        assert found.threads == 2

    def test_only_what_was_used_in_between_counts(self) -> None:
        after = main_and(worker=500.0)
        found = at_work({1: ThreadTime("chromium", True, 20.0), 2: after[2]}, after)
        assert found is not None
        assert (found.threads, found.alive, found.cpu_ms) == (1, 2, [80.0])

    def test_a_worker_that_only_waits_does_not_compute(self) -> None:
        found = at_work({}, main_and(main=1000.0, worker=30.0))
        assert found is not None
        assert found.threads == 1

    def test_without_work_nothing_is_proven(self) -> None:
        assert at_work(IDLE, IDLE) is None
        assert at_work({}, {}) is None


class TestThreads:
    def test_names_may_hold_brackets_blanks_and_lines(self) -> None:
        files = {"task/7/stat": stat(7, "a) R 1 (b\n", 3, 2), "task/8/stat": stat(8, "DedicatedWorker", 0, 1)}
        found = parse_threads(7, files)
        assert found[7].name == "a) R 1 (b\n"
        assert found[7].main
        assert found[7].of_page
        assert found[7].cpu_ms == 1000 * 5 / os.sysconf("SC_CLK_TCK")
        assert not found[8].main
        assert found[8].of_page

    def test_the_scheduler_is_more_exact_than_ticks(self) -> None:
        files = {"task/7/stat": stat(7, "chromium", 3, 2), "task/7/schedstat": "51234567 8 9\n"}
        assert parse_threads(7, files)[7].cpu_ms == 51.234567

    @pytest.mark.parametrize("exact", ["", "x 1 2", "-5 1 2"])
    def test_ticks_are_taken_where_it_does_not(self, exact: str) -> None:
        files = {"task/7/stat": stat(7, "chromium", 3, 2), "task/7/schedstat": exact}
        assert parse_threads(7, files)[7].cpu_ms == 1000 * 5 / os.sysconf("SC_CLK_TCK")

    @given(st.dictionaries(st.text(), st.text()))
    @pytest.mark.slow
    def test_no_file_breaks_it(self, files: dict[str, str]) -> None:
        assert isinstance(parse_threads(1, files), dict)


STATUS = "Name:\tchromium\nVmHWM:\t  3000 kB\nVmRSS:\t  2000 kB\nRssAnon:\t  1200 kB\nRssFile:\t   700 kB\n"
ROLLUP = "00-ff r--p\nRss:   2040 kB\nPss:   1500 kB\nPrivate_Clean:  100 kB\nPrivate_Dirty:  900 kB\n"


class TestMemory:
    def test_everything_that_the_system_reports(self) -> None:
        found = parse_memory(STATUS, ROLLUP, 5.0, "warmup")
        assert found is not None
        assert (found.at_ms, found.stage) == (5.0, "warmup")
        assert (found.rss_kb, found.pss_kb, found.uss_kb) == (2040, 1500, 1000)
        assert (found.anonymous_kb, found.file_kb) == (1200, 700)

    def test_a_sandbox_leaves_the_resident_set(self) -> None:
        found = parse_memory(STATUS, "", 5.0, None)
        assert found is not None
        assert (found.rss_kb, found.pss_kb, found.uss_kb) == (2000, None, None)

    def test_no_report_is_no_reading(self) -> None:
        assert parse_memory("", "", 5.0, None) is None

    @given(st.text(), st.text())
    def test_no_text_breaks_it(self, status: str, rollup: str) -> None:
        parse_memory(status, rollup, 0.0, None)


COMPUTES = "import os; os.write(1, b'ready\\n')\nfor _ in range(10**9): sum(range(1000))"


def test_processes_that_compute_pages_are_found_below_their_browser() -> None:
    script = '"$0" -c "$1" & "$0" -c "$1" --type=renderer & "$0" -c "$1" --type=renderer --top-chrome-webui & wait'
    shell = subprocess.Popen(["bash", "-c", script, sys.executable, COMPUTES], stdout=PIPE, start_new_session=True)
    try:
        assert shell.stdout is not None
        assert [shell.stdout.readline() for _ in range(3)] == [b"ready\n"] * 3
        processes = page_process.processes_of(Host(), BrowserHandle("chrome", "1", "", (), pid=shell.pid))
        (pid,) = processes.running()
        before, peak = processes.threads(pid), processes.peak_rss_kb(pid)
        ends = time.monotonic() + 60
        while (found := at_work(before or {}, processes.threads(pid) or {})) is None or not found.threads:
            assert time.monotonic() < ends
            time.sleep(0.1)
        reading = processes.memory(pid, 0.0, None)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    assert (found.threads, found.alive) == (1, 1)
    assert reading is not None
    assert peak is not None
    assert reading.rss_kb > 1000


class Host:
    info = target_info()


class Phone:
    """Its shell answers from a folder that stands for `/proc`."""

    info = target_info(kind="android")

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.asked: list[str] = []

    def shell(self, argv: list[str], *, timeout: float) -> ShellResult:
        assert timeout < 60
        self.asked.append(argv[-1])
        return ShellResult(self.answer, b"", 0 if self.answer else 2)


def test_a_phone_is_read_by_its_shell() -> None:
    answer = f"/proc/7/task/7/stat:{stat(7, 'chrome', 10, 0)}/proc/7/task/9/stat:{stat(9, 'DedicatedWorker', 10, 0)}"
    phone = Phone(answer.encode())
    threads = page_process.processes_of(phone, BROWSER).threads(7)
    assert phone.asked == ["grep -sH '' /proc/7/task/*/stat /proc/7/task/*/schedstat"]
    assert threads is not None
    assert [thread.of_page for thread in threads.values()] == [True, True]


def test_a_phone_that_denies_access_has_no_values() -> None:
    processes = page_process.processes_of(Phone(), BROWSER)
    assert processes.threads(7) is None
    assert processes.memory(7, 0.0, None) is None
    assert processes.peak_rss_kb(7) is None
    assert processes.running() == {}


MEMINFO = """Applications Memory Usage (in Kilobytes):

** MEMINFO in pid 7 [com.android.chrome:sandboxed_process0] **
           Graphics:    20480                          20480
       Private Other:    1234
           TOTAL PSS:   123456            TOTAL RSS:   234567       TOTAL SWAP PSS:       12
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (MEMINFO, (123456, 234567, 20480)),
        ("App Summary\n             TOTAL:   4321       TOTAL SWAP PSS:  0\n", (4321, None, None)),
        ("No process found for: 7\n", (None, None, None)),
        ("", (None, None, None)),
    ],
)
def test_a_phone_s_own_service_reports_what_its_shell_may_not_read(
    text: str, told: tuple[int | None, int | None, int | None]
) -> None:
    phone = Phone(text.encode())
    found = page_process.processes_of(phone, BROWSER).dumped(7)
    assert (found.pss_kb, found.rss_kb, found.graphics_kb) == told
    assert phone.asked == ["7"]


def test_files_of_many_lines_come_whole_from_a_phone() -> None:
    lines = "".join(f"/proc/7/status:{line}\n" for line in STATUS.splitlines())
    reading = page_process.processes_of(Phone(lines.encode()), BROWSER).memory(7, 1.0, "warmup")
    assert reading is not None
    assert reading.rss_kb == 2000


def test_our_own_threads_are_seen() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        found = page_process.processes_of(Host(), BROWSER).threads(os.getpid())
        assert found is not None
        assert len(found) >= 2
        assert [tid for tid, one in found.items() if one.main] == [os.getpid()]
    finally:
        done.set()
        thread.join()


def test_a_process_that_has_ended_has_no_values() -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    pid = int(ended.stdout)
    assert not Path(f"/proc/{pid}").exists()
    assert page_process.processes_of(Host(), BROWSER).threads(pid) is None


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (
            "           TOTAL PSS:    81234            TOTAL RSS:   190000\n            Graphics:     5120",
            (81234, 190000, 5120),
        ),
        ("        TOTAL:    81234       TOTAL SWAP PSS:        0\n         Graphics:        0", (81234, None, 0)),
        (
            "           TOTAL PSS:        0            TOTAL RSS:        0\n         Graphics:        0",
            (None, None, None),
        ),
        ("        TOTAL:        0       TOTAL SWAP PSS:        0", (None, None, None)),
        ("No process found for: 4711", (None, None, None)),
        ("*** SERVICE 'meminfo' DUMP TIMEOUT (10000ms) EXPIRED ***", (None, None, None)),
    ],
)
def test_a_process_without_memory_is_one_that_could_not_be_looked_into(text, known):
    found = page_process.parse_meminfo(text)
    assert (found.pss_kb, found.rss_kb, found.graphics_kb) == known
