"""Parsers of what the doctor asks a phone: true answers of several Android versions, refusals, and hostile text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core.errors import BlockFailed, TargetLost
from mobilebench.recorders.reading import Void
from mobilebench.targets.base import ShellResult
from mobilebench.targets.care import questions
from mobilebench.targets.care.questions import GLOBAL, SYSTEM, Keyguard

BUSY = "cpu  4705 150 1120 16250 520 0 17 0 0 0\ncpu  4755 150 1170 16350 520 0 17 0 0 0"
KEYGUARD_7 = """\
    mDreamingLockscreen=true mDreamingSleepToken=null
    mShowingLockscreen=true mShowingDream=false mDreamingLockscreen=true
"""
KEYGUARD_14 = """\
      showing=false
      inputRestricted=false
      secure=true
      showingDream=true
"""


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (BUSY, 0.5),
        ("cpu  0 0 0 0\ncpu  10 0 0 30", 0.25),
        ("cpu  1 0 0 9 0 0 0 0 5 5\ncpu  1 0 0 19 0 0 0 0 99 99", 0.0),
        ("", None),
        (BUSY.splitlines()[0], None),
        (f"{BUSY.splitlines()[0]}\n" * 2, None),
        ("\n".join(reversed(BUSY.splitlines())), None),
        ("cpu  1 0 0 9\ncpu  5 0 0 3", None),
        ("cpu  nan 0 0 9\ncpu  inf 0 0 19", None),
        ("cpu  1 0 0 9\ncpu  1 0 0 99999999999999999999999", None),
        ("grep: /proc/stat: Permission denied\ngrep: /proc/stat: Permission denied", None),
    ],
)
def test_the_load_between_two_readings(text: str, share: float | None) -> None:
    found = questions.parse_busy(text)
    assert isinstance(found, Void) if share is None else found == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1795990282", 1795990282),
        ("1795990282\r", 1795990282),
        ("", None),
        ("+%s", None),
        ("-5", None),
        ("9" * 30, None),
    ],
)
def test_the_clock(text: str, seconds: int | None) -> None:
    found = questions.parse_clock(text)
    assert isinstance(found, Void) if seconds is None else found == seconds


HEAD = "Filesystem     1K-blocks    Used Available Use% Mounted on\n"
TOYBOX = f"{HEAD}/dev/block/dm-5 115249236 20131572 94986592  18% /data"
LONG_NAME = f"{HEAD}/dev/block/platform/very/long/name\n 1000 100 900 10% /data"


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [
        (TOYBOX, 97266.3),
        (LONG_NAME, 0.9216),
        ("df: /data/local/tmp: Permission denied", None),
        ("a 1 2 NaN 3% /data", None),
        ("", None),
    ],
)
def test_the_free_storage(text: str, megabytes: float | None) -> None:
    found = questions.parse_free_mb(text)
    assert isinstance(found, Void) if megabytes is None else found == pytest.approx(megabytes, rel=1e-4)


def test_settings_are_read_by_key() -> None:
    text = "low_power=1\r\nstay_on_while_plugged_in=7\nevil=1\nadb_enabled=1"
    found = questions.parse_settings(text, GLOBAL)
    assert found == {"low_power": "1", "stay_on_while_plugged_in": "7", "adb_enabled": "1"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "low_power",
        "java.lang.SecurityException: Permission denial: reading settings",
        "Can't find service: settings",
        "sh: settings: not found",
    ],
)
def test_settings_that_are_not_listed_are_not_taken_for_unset(text: str) -> None:
    assert isinstance(questions.parse_settings(text, SYSTEM), Void)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), ("0.5", 0.5), ("1.0", 1.0), ("nan", None), ("inf", None), ("1e9", None), ("", None), (None, None)],
)
def test_numbers_of_settings(text: str | None, number: float | None) -> None:
    assert questions.parse_number(text) == number


@pytest.mark.parametrize(
    ("text", "awake"),
    [
        ("  mWakefulness=Awake\n  mWakefulnessChanging=false", True),
        ("  mWakefulness=Asleep", False),
        ("  mWakefulness=Dozing", False),
        ("  mWakefulness=Awake\n    mWakefulness=Asleep", True),
        ("mWakefulness=", None),
        ("Permission Denial: can't dump PowerManager", None),
        ("", None),
    ],
)
def test_whether_a_phone_is_awake(text: str, awake: bool | None) -> None:
    found = questions.parse_awake(text)
    assert isinstance(found, Void) if awake is None else found is awake


@pytest.mark.parametrize(
    ("text", "keyguard"),
    [
        (KEYGUARD_7, Keyguard(True, None)),
        (KEYGUARD_14, Keyguard(False, True)),
        (KEYGUARD_14.replace("showing=false", "showing=true"), Keyguard(True, True)),
        ("showing=perhaps", None),
        ("mShowingDream=true", None),
        ("Can't find service: window", None),
    ],
)
def test_the_lock_screen(text: str, keyguard: Keyguard | None) -> None:
    found = questions.parse_keyguard(text)
    assert isinstance(found, Void) if keyguard is None else found == keyguard


MIUI = (
    "Exception occurred while executing 'put':\njava.lang.SecurityException: Permission denial: writing to settings "
    "requires:android.permission.WRITE_SECURE_SETTINGS"
)


def test_whether_settings_may_be_written() -> None:
    assert questions.parse_writing("written") is None
    refused = questions.parse_writing(MIUI)
    assert isinstance(refused, str) and "SecurityException" in refused
    assert isinstance(questions.parse_writing(f"{MIUI}\nwritten"), str), "Android 7 exits with 0"
    for text in ("not set", "", "cmd: Can't find service: settings", "Error: no such thing\nwritten"):
        assert isinstance(questions.parse_writing(text), Void), text


def test_leftovers_are_names_below_our_folder() -> None:
    home = "/data/local/tmp/mobilebench"
    assert questions.parse_leftovers(f"{home}/restore.json\n/etc/passwd\n{home}/scratch\n.") == [
        "restore.json",
        "scratch",
    ]
    assert questions.parse_leftovers(".") == []
    assert isinstance(questions.parse_leftovers(f"{home}/restore.json"), Void), "an answer that was cut off"


@given(st.text())
def test_no_text_breaks_a_parser(text: str) -> None:
    questions.parse_busy(text)
    questions.parse_clock(text)
    questions.parse_free_mb(text)
    questions.parse_settings(text, GLOBAL)
    questions.parse_awake(text)
    questions.parse_keyguard(text)
    questions.parse_writing(text)
    questions.parse_leftovers(text)


class Answering:
    """A phone's shell that answers with a text, or raises an error for scripts that contain certain words."""

    serial = "fake-1"

    def __init__(self, answer: str = "", hangs: str = "", error: Exception | None = None) -> None:
        self.answer, self.hangs, self.error = answer, hangs, error
        self.asked: list[str] = []

    def script(self, text: str, *, timeout: float = 30) -> ShellResult:
        self.asked.append(text)
        if self.error:
            raise self.error
        if self.hangs and self.hangs in text:
            raise BlockFailed("it did not end", fault="hang")
        return ShellResult(self.answer.encode(), b"", 0)


def test_everything_is_asked_in_one_command() -> None:
    shell = Answering("@mobilebench clock\n17\n@mobilebench power\nmWakefulness=Awake\n")
    found = questions.ask(shell)
    assert len(shell.asked) == 1
    assert (found["clock"], found["power"]) == ("17", "mWakefulness=Awake")
    assert found.keys() == questions.QUESTIONS.keys()
    assert isinstance(found["battery"], Void)


def test_a_service_that_hangs_leaves_only_its_own_answer_unknown() -> None:
    shell = Answering("5", hangs="dumpsys thermalservice")
    found = questions.ask(shell)
    assert len(shell.asked) == 1 + len(questions.QUESTIONS)
    assert [name for name, answer in found.items() if isinstance(answer, Void)] == ["thermal"]


def test_a_cut_connection_leaves_all_unknown_and_a_lost_phone_is_lost() -> None:
    found = questions.ask(Answering(error=BlockFailed("The connection was cut.", fault="cut connection")))
    assert all(isinstance(answer, Void) for answer in found.values())
    with pytest.raises(TargetLost):
        questions.ask(Answering(error=TargetLost("it went away")))


def test_a_huge_answer_is_cut() -> None:
    found = questions.ask(Answering("@mobilebench power\n" + "x" * 10_000_000))
    answer = found["power"]
    assert isinstance(answer, str) and len(answer) <= 1 << 16
