"""What hides a browser on a phone's screen."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.errors import BlockFailed, Fault, TargetLost
from mobilebench.targets.android.front import hidden, obstruction, with_obstruction
from mobilebench.targets.base import ShellResult

CHROME = "com.android.chrome"
IN_FRONT = f"  mCurrentFocus=Window{{a1b2c3 u0 {CHROME}/com.google.android.apps.chrome.Main}}"
ANR = f"  mCurrentFocus=Window{{7e0c41c u0 Application Not Responding: {CHROME}}}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (IN_FRONT, None),
        ("", None),
        ("  mCurrentFocus=null", None),
        ("Can't find service: window", None),
        (f"    isStatusBarKeyguard=false\n    screenState=SCREEN_STATE_ON\n{IN_FRONT}", None),
        ("    mDreamingLockscreen=true mShowingLockscreen=false", "screen locked"),
        (f"    isKeyguardShowing=true\n{IN_FRONT}", "screen locked"),
        (f"    screenState=SCREEN_STATE_OFF\n{IN_FRONT}", "screen locked"),
        ("    notMDreamingLockscreen=true", None),
        (ANR, "system dialog"),
        (f"  mCurrentFocus=Window{{1 u0 Application Error: {CHROME}}}", "system dialog"),
        ("  mCurrentFocus=Window{1 u10 com.android.settings/com.android.settings.Usb}", "system dialog"),
        ("  mCurrentFocus=Window{1 com.android.chrome.other/.Main}", "system dialog"),
    ],
)
def test_the_window_in_front_is_recognised(text: str, fault: Fault | None) -> None:
    found = obstruction(text, CHROME)
    assert (found[0] if found else None) == fault


def test_a_name_from_the_phone_is_bounded() -> None:
    found = obstruction(f"mCurrentFocus=Window{{1 u0 {'x' * 199}}}", CHROME)
    assert found is not None
    assert len(found[1]) < 160


class Phone:
    serial = "A"

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer

    def script(self, text: str, *, timeout: float = 30) -> ShellResult:
        if isinstance(self.answer, Exception):
            raise self.answer
        return ShellResult(self.answer.encode(), b"", 0)


def failed(answer: str | Exception, fault: Fault | None, package: str | None = CHROME) -> BlockFailed:
    with pytest.raises(BlockFailed) as caught, with_obstruction(Phone(answer), package):
        raise BlockFailed("The page did not answer.", hint="Wait.", fault=fault)
    return caught.value


def test_a_page_that_was_hidden_did_not_hang() -> None:
    error = failed(ANR, "hang")
    assert error.fault == "system dialog"
    assert error.hint and "answer or close what it shows" in error.hint
    assert "Application Not Responding" in error.message


def test_another_fault_keeps_its_name_and_says_what_is_shown() -> None:
    error = failed(ANR, "crash")
    assert error.fault == "crash"
    assert "Application Not Responding" in error.message


@pytest.mark.parametrize("answer", [IN_FRONT, "", TargetLost("away"), BlockFailed("no answer", fault="hang")])
def test_without_an_obstruction_the_failure_stays_as_it_is(answer: Any) -> None:
    error = failed(answer, "hang")
    assert (error.message, error.fault) == ("The page did not answer.", "hang")
    assert failed(ANR, "hang", package=None).fault == "hang"


LOCKED = "isStatusBarKeyguard=true"


def test_a_page_that_was_hidden_does_not_count_if_something_is_in_front() -> None:
    error = hidden("A", Phone(LOCKED), CHROME)
    assert error and (error.fault, error.hint) == (
        "screen locked",
        "Unlock it, and set no lock screen with a secret while it is measured.",
    )
    assert hidden("A", Phone(IN_FRONT), CHROME) is None
    assert hidden("A", Phone(TargetLost("away")), CHROME) is None
    assert hidden("A", Phone(LOCKED), None) is None


def test_what_hid_a_page_is_said_once() -> None:
    error = hidden("A", Phone(LOCKED), CHROME)
    assert error is not None
    with pytest.raises(BlockFailed) as caught, with_obstruction(Phone(LOCKED), CHROME):
        raise error
    assert caught.value is error
