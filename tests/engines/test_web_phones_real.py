"""Pages in the browsers of a phone: their first questions, their builds, and Firefox. Each phone is a virtual one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from mobilebench import targets
from mobilebench.browsers import builds
from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule, Measurement
from mobilebench.engines import web
from mobilebench.engines.web_engines import TFJS
from mobilebench.models import obtain
from mobilebench.models.registry import facts
from mobilebench.targets.android import first_run
from mobilebench.targets.android.browsers import CHROME_FLAGS_FILE
from mobilebench.targets.android.device_changes import JAR_ASIDE, RESTORE_FILE
from mobilebench.targets.android.first_run import JAR
from mobilebench.targets.base import Target
from mobilebench.verdicts.rules import judge
from mobilebench.virtual import phones, sandbox
from tests.conftest import Declare
from tests.engines.web_cases import planned, web_case
from tests.targets.conftest import BUNDLED_ADB, own_adb

from .measuring import measured_by

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.build]

NAME = "asker"
TINY = "mlp_4x256"
ABOUT_TIME = {"clock-too-coarse", "download-times-differ", "other-load"}
"""Doubts that a busy computer may cause."""

MINE = "_ --mine \\377"


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        yield phones.up(names=[NAME])[0].serial
        web.close()


@pytest.fixture(autouse=True)
def as_it_was(serial: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test finds flags of somebody's own, and has to leave the phone as it found it."""
    monkeypatch.setenv(builds.VARIABLE, "")
    phones.change_state(NAME, {"browser.first_run": False, "browser.others": ""})
    with targets.open_target(targets.select(serial)[0]) as phone:
        run(phone, f"printf '{MINE}' > {CHROME_FLAGS_FILE}; chmod 640 {CHROME_FLAGS_FILE}; rm -f {JAR}")
        before = looks(phone)
    yield
    with targets.open_target(targets.select(serial)[0]) as phone:
        assert looks(phone) == before


def run(phone: Target, script: str) -> str:
    return phone.shell(["sh", "-c", script], timeout=20).stdout.decode(errors="replace")


def looks(phone: Target) -> str:
    """What must not change; the phone's own restore file and pushed files are looked at from outside."""
    files = "cd /data/local/tmp; for f in *; do [ -d $f ] || echo $f $(md5sum < $f) $(stat -c %a $f); done"
    running = "dumpsys window | grep mCurrentFocus; ps -e -o args | grep '[w]etest'"
    return run(phone, f"{files}; settings list global; settings get global debug_app; {running}")


def measure(phone: Target, browser: str) -> Measurement:
    case = replace(web_case("tfjs", "wasm", "simd", model=TINY, browser=browser), target=phone.info.id)
    assert TFJS.supports(phone.info, case) is None
    files = obtain.ensure(TINY)
    block = planned(case)
    measurement = measured_by(TFJS, phone, block, files, cancel=Event()).measurement
    verdict = judge(block, measurement, phone.info, facts(files.manifest))
    assert set(verdict.codes) - ABOUT_TIME == set(), verdict.sentences
    return measurement


def test_first_questions_are_answered_and_noted_and_the_block_is_measured(serial: str) -> None:
    phones.change_state(NAME, {"browser.first_run": True})
    with targets.open_target(targets.select(serial)[0]) as phone:
        asked = measure(phone, "chrome")
        assert "wetest" not in run(phone, "ps -e -o args")
        again = measure(phone, "chrome")
    for proof in (asked.proof, again.proof):
        assert proof.notes[-2:] == [
            "first-run screen FirstRunActivity was answered with “Use without an account”",
            "first-run screen GrantPermissionsActivity was answered with “Deny”",
        ]
    assert not phones.state_of(NAME).browser.first_run


def test_a_user_s_own_server_file_is_put_aside_and_back(serial: str) -> None:
    phones.change_state(NAME, {"browser.first_run": True})
    with targets.open_target(targets.select(serial)[0]) as phone:
        run(phone, f"echo theirs > {JAR}")
    with targets.open_target(targets.select(serial)[0]) as phone, phone.browser("chrome") as browser:
        assert len(browser.notes) == 2
        assert run(phone, f"cat {JAR}; rm {JAR}") == "theirs\n"


def test_unknown_questions_fail_the_block_with_a_hint(serial: str, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.change_state(NAME, {"browser.first_run": True})
    monkeypatch.setattr(first_run, "BUTTONS", ".*:id/unheard_of")
    monkeypatch.setattr(first_run, "_PATIENCE_SECONDS", 1.0)
    with (
        targets.open_target(targets.select(serial)[0]) as phone,
        pytest.raises(BlockFailed, match=rf"Chrome on phone {serial} .* could not be dismissed") as raised,
        phone.browser("chrome"),
    ):
        pass
    assert "by hand" in str(raised.value.hint)


def test_what_a_killed_run_left_on_the_screen_is_ended_by_the_next_one(serial: str) -> None:
    phones.change_state(NAME, {"browser.first_run": True})
    code = (
        "import sys, time\n"
        "from mobilebench import targets\n"
        "from mobilebench.targets.android import first_run\n"
        "def stop(screen, front, package, subject):\n"
        "    screen.press('nothing')\n"
        "    print('connected', flush=True)\n"
        "    time.sleep(60)\n"
        "first_run.answer = stop\n"
        "with targets.open_target(targets.select(sys.argv[1])[0]) as phone, phone.browser('chrome'): pass\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code, serial], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "connected\n"
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        if other.stdout is not None:
            other.stdout.close()
    folder = paths.home() / "virtual" / NAME
    assert (folder / JAR.lstrip("/")).exists() and (folder / RESTORE_FILE.lstrip("/")).exists()
    with targets.open_target(targets.select(serial)[0]) as phone:
        assert run(phone, f"ls {JAR} {JAR_ASIDE} 2>/dev/null; ps -e -o args | grep '[w]etest'") == ""


def test_builds_of_one_phone_and_its_channels_take_turns(serial: str, declare: Declare) -> None:
    phones.change_state(NAME, {"browser.others": "com.chrome.beta"})
    declare(["chrome@flat=com.android.chrome '--js-flags=--no-opt --no-wasm-tier-up' --user-agent=Flat"])
    with targets.open_target(targets.select(serial)[0]) as phone:
        assert set(phone.info.browsers) == {"chrome", "chrome@beta", "chrome@flat"}
        for _ in range(2):
            found = {name: measure(phone, name).proof for name in ("chrome@flat", "chrome@beta", "chrome")}
            programs = {name: proof.browser_program for name, proof in found.items()}
            assert programs["chrome@flat"] == programs["chrome"] == "com.android.chrome"
            assert programs["chrome@beta"] == "com.chrome.beta"
            assert {name for name, proof in found.items() if proof.user_agent == "Flat"} == {"chrome@flat"}
            assert "--js-flags=--no-opt --no-wasm-tier-up" in found["chrome@flat"].flags


def test_firefox_is_measured(serial: str) -> None:
    phones.change_state(NAME, {"browser.others": "org.mozilla.firefox"})
    with targets.open_target(targets.select(serial)[0]) as phone:
        if sandbox.namespaces() == "none":
            assert "firefox" not in phone.info.browsers
            return
        first = measure(phone, "firefox").proof
        assert "Firefox/" in (first.user_agent or "")
        assert first.browser_program == "org.mozilla.firefox"
        assert "remote.prefs.recommended=false" in first.flags
        measure(phone, "firefox")


def test_a_page_that_is_too_slow_leaves_no_work_behind(serial: str) -> None:
    """Closing it is not enough: its browser's GPU process would go on with what was asked of it."""
    endless = BlockRule(min_predictions=1_000_000, max_predictions=1_000_000, time_limit_seconds=3)
    with targets.open_target(targets.select(serial)[0]) as phone:
        case = replace(web_case("tfjs", "webgl", "software", model=TINY), target=serial)
        files = obtain.ensure(TINY)
        with pytest.raises(Unsupported, match="did not end within 3 s"):
            measured_by(TFJS, phone, planned(case, endless), files, cancel=Event())
        assert run(phone, "ps -e -o args | grep '[t]ype=gpu-process'") == ""
        assert measure(phone, "chrome").prediction_ms
        assert run(phone, "ps -e -o args | grep '[t]ype=gpu-process'") != ""
