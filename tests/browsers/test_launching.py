"""How a browser is started: its screen, and how it or its page died."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mobilebench.browsers import launching
from mobilebench.core.errors import BlockFailed, Fault, Killed, Unsupported
from mobilebench.profiles import machine
from tests.pinning import Pinned

HEAP = "[8293:8293:1121/205713.873033:ERROR:v8_oom.cc:49] V8 javascript OOM (Reached heap limit).\n"


@pytest.fixture
def kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many processes the kernel has ended for want of memory."""
    file = tmp_path / "vmstat"
    monkeypatch.setattr(machine, "VMSTAT", file)

    def count(number: int) -> None:
        file.write_text(f"nr_free_pages 12\noom_kill {number}\nunevictable_pgs_culled 3\n")

    count(4)
    return count


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is to end is waited for, however long a busy machine takes to start it."""
    monkeypatch.setattr(launching, "_EXIT_SECONDS", 60)


def cut() -> BlockFailed:
    return BlockFailed("The connection to the browser was cut (EOFError).", fault="cut connection")


def killed() -> Killed:
    return Killed("The page's process was killed (signal 9).", subject="The page's process")


def crashed() -> BlockFailed:
    return BlockFailed("The page crashed.", fault="crash")


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv or ("sleep", "60"))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def told(
    process: subprocess.Popen[bytes], log: Path, error: BlockFailed, act: Callable[[], object] = str
) -> BlockFailed:
    with pytest.raises(BlockFailed) as raised, launching.explained_death("chromium", process, log):
        act()
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("script", "fault", "words"),
    [
        ("kill -9 $$", "crash", "cut (EOFError): chromium was killed (signal 9)."),
        ("kill -11 $$", "crash", "cut (EOFError): chromium was killed (signal 11). Its last message: [1] FATAL: GPU"),
        ("exit 3", "crash", "cut (EOFError): chromium ended (exit code 3). Its last message: [1] FATAL: GPU"),
    ],
)
def test_a_browser_that_ended_differs_from_a_cut_connection(
    tmp_path: Path, kills: Callable[[int], None], script: str, fault: Fault, words: str
) -> None:
    log = tmp_path / "stderr.txt"
    log.write_text("[1] FATAL: GPU process isn't usable. Goodbye.\nlast line\n")
    with running("sh", "-c", script) as process:
        error = told(process, log, cut())
    assert (error.fault, words in error.message) == (fault, True), error.message


def test_a_cut_connection_to_a_browser_that_lives_stays_one(
    tmp_path: Path, kills: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_EXIT_SECONDS", 0.05)
    error = cut()
    with running() as process:
        assert told(process, tmp_path / "none", error) is error


def test_a_process_that_the_kernel_killed_for_memory_is_reported(
    tmp_path: Path, kills: Callable[[int], None], pinned: Pinned
) -> None:
    with running() as process:
        page = told(process, tmp_path / "none", killed(), lambda: kills(6))
    assert page.fault == "killed for memory"
    pinned(page.message)
    with running("sh", "-c", "kill -9 $$") as process:
        browser = told(process, tmp_path / "none", cut(), lambda: kills(7))
    assert browser.fault == "killed for memory"
    pinned(browser.message)


def test_the_kernel_is_believed_only_of_what_was_killed(tmp_path: Path, kills: Callable[[int], None]) -> None:
    with running() as process:
        assert told(process, tmp_path / "none", killed()).fault == "crash"
        assert told(process, tmp_path / "none", crashed(), lambda: kills(9)).fault == "crash"
        late = BlockFailed("The page never answered.", fault="hang")
        assert told(process, tmp_path / "none", late, lambda: kills(12)) is late


def test_a_kernel_that_counts_nothing_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "VMSTAT", tmp_path / "nowhere")
    assert machine.count_memory_kills() is None
    with running() as process:
        assert told(process, tmp_path / "none", killed()).fault == "crash"


def test_a_page_whose_heap_was_full_is_found_in_the_log(
    tmp_path: Path, kills: Callable[[int], None], pinned: Pinned
) -> None:
    log = tmp_path / "stderr.txt"
    log.write_text(f"first line\n{HEAP}[1] crashpad: open /sys\n")
    with running() as process:
        error = told(process, log, crashed())
    assert error.fault == "killed for memory"
    pinned(error.message)


@pytest.mark.parametrize(("number", "after", "fault"), [(9, 4, "crash"), (9, 5, "killed for memory"), (11, 5, "crash")])
def test_a_silent_firefox_whose_page_died_is_found_in_the_log(
    tmp_path: Path, kills: Callable[[int], None], number: int, after: int, fault: Fault
) -> None:
    log = tmp_path / "stderr.txt"
    log.write_text(f"[Parent 6655, IPC I/O Parent] WARNING: process 6889 exited on signal {number}: file x.cc:161\n")
    late = BlockFailed("The page never answered within 5 s.", fault="hang")
    with running() as process:
        assert told(process, log, late, lambda: kills(after)).fault == fault


def test_a_full_disk_has_its_own_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "PROFILE_NEEDS_MB", 10**9)
    with pytest.raises(BlockFailed) as raised, launching.fresh_profile("chrome"):
        pass
    assert raised.value.fault == "no space"
    assert launching.no_space(OSError(28, "No space left on device")) == "no space"
    assert launching.no_space(OSError(13, "Permission denied")) is None


def test_a_browser_that_ended_as_it_started_may_have_been_killed() -> None:
    assert isinstance(launching.of_exit("it ended", "Chrome", -signal.SIGKILL), Killed)
    ended = launching.of_exit("it ended", "Chrome", 1)
    assert (ended.fault, isinstance(ended, Killed)) == ("crash", False)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where screens have their sockets in a test; its path is short, as that of a socket has to be."""
    with tempfile.TemporaryDirectory() as name:
        for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        monkeypatch.setattr(launching, "_SOCKETS", Path(name))
        yield Path(name)


@contextmanager
def listening(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield


def test_neither_variable_is_set(pinned: Pinned) -> None:
    assert launching.why_no_screen() == "there is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    with pinned.raises(Unsupported) as raised:
        launching.require_screen("Firefox")
    assert raised.value.hint is not None
    assert "xvfb-run" in raised.value.hint


@pytest.mark.parametrize("named", [":417", "unix:417", ":417.0"])
def test_a_display_answers_or_not(folder: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("DISPLAY", named)
    assert launching.why_no_screen() == f"the screen that is named does not answer (DISPLAY is {named})"
    with listening(folder / "X417"):
        assert launching.why_no_screen() is None
        launching.require_screen("Chrome")


def test_a_display_behind_a_port_answers_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(launching, "_FIRST_PORT", server.getsockname()[1] - 10)
        monkeypatch.setenv("DISPLAY", "127.0.0.1:10.0")
        assert launching.why_no_screen() is None
    assert launching.why_no_screen() is not None


@pytest.mark.parametrize("named", ["nonsense", ":", ":-1", "127.0.0.1:99999", ":99999", "\u2028:1", "x:1"])
def test_what_names_no_screen_breaks_nothing(monkeypatch: pytest.MonkeyPatch, named: str, pinned: Pinned) -> None:
    monkeypatch.setenv("DISPLAY", named)
    pinned(launching.why_no_screen() or "")


def test_one_of_two_screens_is_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":417")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert launching.why_no_screen() == (
        "the screen that is named does not answer (DISPLAY is :417, WAYLAND_DISPLAY is wayland-0)"
    )
    with listening(folder / "wayland-0"):
        assert launching.why_no_screen() is None
    monkeypatch.setenv("WAYLAND_DISPLAY", str(folder / "elsewhere"))
    with listening(folder / "elsewhere"):
        assert launching.why_no_screen() is None
