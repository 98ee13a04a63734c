"""Why a browser on a phone ended, as several releases of Android report it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core.errors import BlockFailed, Killed, TargetLost
from mobilebench.targets.android import exit_info
from tests.pinning import Pinned
from tests.targets.fakes import FakeShell

CHROME = "com.android.chrome"
PAGE = f"{CHROME}:sandboxed_process0:org.chromium.content.app.SandboxedProcessService0:1"
NOW = "2026-11-21 12:00:30"
ASK = f"date '+%Y-%m-%d %H:%M:%S'; dumpsys activity exit-info {CHROME}"
BY_LINE = """\
        ApplicationExitInfo #{number}:
          timestamp={at}.123
          pid=4711
          realUid=99001
          process={process}
          reason={reason} (LOW_MEMORY)
          status=0
          description=null
"""
"""The format of Android 11; later releases put several fields into one line."""
IN_LINES = """\
        ApplicationExitInfo #{number}:
          timestamp={at}.123 pid=4711 realUid=99001 packageUid=10123 definingUid=10123 user=0
          process={process} reason={reason} (LOW_MEMORY) subreason=0 (UNKNOWN) status=0
          importance=100 pss=0.00 rss=180MB description=reason=3 process=x state=empty trace=null
"""
FORMATS = pytest.mark.parametrize("form", [BY_LINE, IN_LINES], ids=["android-11", "later"])


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exit_info, "_PAUSE_SECONDS", 0)


def dumped(form: str, *entries: tuple[str, int, str]) -> str:
    entries = [
        form.format(process=name, reason=why, at=at, number=number) for number, (name, why, at) in enumerate(entries)
    ]
    head = "ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)\nLast Timestamp: 2026-11-20 01:02:03.004\n"
    return f"{NOW}\n{head}{''.join(entries)}"


def killed() -> Killed:
    return Killed("The page's process was killed (signal 9).", subject="The page's process")


def cut() -> BlockFailed:
    return BlockFailed("The connection to the browser was cut (ConnectionClosedError).", fault="cut connection")


def failing(error: BlockFailed, *answers: object) -> BlockFailed:
    with (
        FakeShell(*((ASK, answer) for answer in answers)) as shell,
        pytest.raises(BlockFailed) as raised,
        exit_info.with_exit_reason(shell, CHROME),
    ):
        raise error
    return raised.value


@FORMATS
def test_a_page_that_android_killed_for_memory_is_told(form: str, pinned: Pinned) -> None:
    error = failing(killed(), dumped(form, (PAGE, 3, "2026-11-21 12:00:29"), (CHROME, 10, "2026-11-20 08:00:00")))
    assert error.fault == "killed for memory"
    pinned(error.message)


@FORMATS
def test_exits_before_the_block_are_ignored(form: str) -> None:
    old = dumped(form, (PAGE, 3, "2026-11-21 11:59:00"))
    error = killed()
    assert failing(error, old, old, old) is error
    assert error.fault == "crash"


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        (3, "killed for memory"),
        (5, "crash"),
        (10, "crash"),
        (99, "crash"),
    ],
)
def test_a_cut_connection_is_explained_by_the_browsers_exit(reason: int, fault: str, pinned: Pinned) -> None:
    error = failing(cut(), dumped(IN_LINES, (PAGE, 3, NOW), (CHROME, reason, NOW)))
    assert error.fault == fault
    pinned(error.message)


@pytest.mark.parametrize("answer", ["", NOW, "Bad activity command", TargetLost("gone"), BlockFailed("late")])
def test_a_phone_without_exit_records_leaves_the_failure_unchanged(answer: object) -> None:
    error = cut()
    asked = 1 if isinstance(answer, Exception) else 3
    assert failing(error, *[answer] * asked) is error


def test_other_failures_are_not_asked_about() -> None:
    error = BlockFailed("The page never answered.", fault="hang")
    assert failing(error) is error


def test_an_exit_that_is_recorded_late_is_asked_for_again() -> None:
    error = failing(cut(), NOW, dumped(IN_LINES, (CHROME, 5, NOW)))
    assert error.fault == "crash"


@given(
    st.text() | st.text().map(lambda text: f"{NOW}\n ApplicationExitInfo #0: timestamp={NOW} process=a reason={text}")
)
def test_no_text_breaks_the_parser(text: str) -> None:
    _, found = exit_info.parse(text)
    assert all(one.words for one in found)


def test_known_exit_reasons_have_a_text_and_unknown_ones_a_number():
    texts = [exit_info.Exit(CHROME, datetime.fromtimestamp(0, UTC), number).words for number in range(18)]
    assert len(set(texts)) == 18
    assert texts[17] == "reason 17"
    assert not any(text.startswith("reason") for text in texts[:17])
