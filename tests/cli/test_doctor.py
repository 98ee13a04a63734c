"""`mobilebench doctor`: outcomes, exit codes and what it prints, without phones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench import session, targets
from mobilebench.cli import doctor as cli_doctor
from mobilebench.cli import run
from mobilebench.core.errors import BadInput, BlockFailed, ExitCode
from mobilebench.results.store import FILE_NAME, Store
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.events import RunStarted
from mobilebench.targets.android import adb_protocol, description, discovery, lease
from mobilebench.targets.care import doctor, host, questions
from tests.cli.command_line import mobilebench
from tests.results.making import host as this_computer
from tests.results.making import phone, run_info
from tests.targets.care.test_checks import GOOD, GOOD_HOST

ESCAPE = "\x1b[31m"


@pytest.fixture(autouse=True)
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Serial to state of the phones that adb lists; a test fills them in."""
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    states: dict[str, str] = {}

    def read(shell):  # type: ignore[no-untyped-def]
        properties = "[ro.build.version.sdk]: [29]\n[ro.build.version.release]: [10]"
        info = description.describe(shell.serial, {"properties": properties})
        return info.model_copy(update={"browsers": {"chrome": "156.0"}, "unknown": {}})

    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(adb_protocol, "state", lambda serial: states.get(serial, "absent"))
    monkeypatch.setattr(description, "read", read)
    monkeypatch.setattr(host, "read", lambda: GOOD_HOST)
    return states


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What every phone answers; a test changes it."""
    found = {name: str(answer) for name, answer in GOOD.items()}

    class Free:
        holder = None

    monkeypatch.setattr(lease, "read_lock", lambda shell: Free)
    monkeypatch.setattr(questions, "ask", lambda shell: dict(found))
    monkeypatch.setattr(doctor.time, "time", lambda: float(GOOD["clock"]))  # type: ignore[arg-type]
    return found


def report(line: str) -> dict[str, dict[str, str]]:
    """The findings by target and check, and the outcome as `outcome`."""
    out = mobilebench(f"doctor --json {line}").out
    return {
        one["serial"]: {"outcome": one["outcome"], **{check["check"]: check["finding"] for check in one["checks"]}}
        for one in json.loads(out)
    }


def test_without_phones_this_computer_is_examined() -> None:
    code, out, _ = mobilebench("doctor")
    assert code == 0
    assert out.startswith("host") and ": ready\n" in out and "no phone" in out


def test_a_serial_that_is_not_attached() -> None:
    code, out, err = mobilebench("doctor --serial R58M")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert "R58M" in err


@pytest.mark.parametrize(
    ("name", "text", "outcome", "code"),
    [
        ("clock", GOOD["clock"], "ready", ExitCode.OK),
        ("power", "mWakefulness=Asleep", "degraded", ExitCode.SUSPECT),
        ("storage", "/dev/dm-5 1000 100 4000 18% /data", "blocked", ExitCode.CASES_FAILED),
        ("power", ESCAPE * 1000, "ready", ExitCode.OK),
    ],
)
def test_the_outcome_is_that_of_the_worst_finding(
    attached: dict[str, str], answers: dict[str, str], name: str, text: str, outcome: str, code: ExitCode
) -> None:
    attached["R58M"] = "device"
    answers[name] = text
    assert report("--serial R58M")["R58M"]["outcome"] == outcome
    ended = mobilebench("doctor --serial R58M")
    assert ended.code == code
    assert f"R58M: {outcome}\n" in ended.out
    assert "\x1b" not in ended.out


def test_a_fault_is_printed_with_its_reason_and_how_to_mend_it(
    attached: dict[str, str], answers: dict[str, str]
) -> None:
    attached["R58M"] = "device"
    answers["system"] = "accelerometer_rotation=1"
    out = mobilebench("doctor --serial R58M").out
    at = out.index("rotation ")
    assert "DEGRADED" in out[at : at + 40]
    assert "laid out and drawn anew" in out and "Switch automatic rotation off" in out
    assert "Charge it." not in out, "nothing is said about what is right"


def test_a_phone_that_cannot_be_used_is_blocked_and_the_others_are_examined(
    attached: dict[str, str], answers: dict[str, str]
) -> None:
    attached |= {"R58M": "unauthorized", "R58N": "device"}
    found = report("")
    assert {serial: one["outcome"] for serial, one in found.items()} == {
        "host": "ready",
        "R58M": "blocked",
        "R58N": "ready",
    }
    assert found["R58M"]["authorised"] == "blocking"


def test_a_phone_that_vanishes_meanwhile_is_blocked(
    attached: dict[str, str], answers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    attached |= {"R58M": "device", "R58N": "device"}

    def ask(shell):  # type: ignore[no-untyped-def]
        if shell.serial == "R58M":
            attached.pop("R58M", None)
            raise BlockFailed("The connection was cut.", fault="cut connection")
        return dict(answers)

    monkeypatch.setattr(questions, "ask", ask)
    found = report("--serial R58M,R58N")
    assert (found["R58M"]["outcome"], found["R58M"]["online"]) == ("blocked", "blocking")
    assert found["R58N"]["outcome"] == "ready"


def test_without_a_phone_no_store_is_opened_for_quarantines(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("not a store")
    assert cli_doctor.without_quarantined([this_computer()], tmp_path) == [this_computer()]
    with pytest.raises(BadInput):
        cli_doctor.without_quarantined([phone()], tmp_path)


def test_a_phone_in_quarantine(attached: dict[str, str], answers: dict[str, str]) -> None:
    attached["R58M"] = "device"
    assert mobilebench("quarantine add R58M --for 2h --reason 'its cable is loose'").code == 0
    assert report("--serial R58M")["R58M"]["outcome"] == "quarantined"
    code, out, _ = mobilebench("doctor --serial R58M")
    assert code == ExitCode.CASES_FAILED
    assert "its cable is loose" in out and "mobilebench quarantine lift R58M" in out


class TestBeforeARun:
    def test_one_line_says_what_is_degraded_on_a_phone(
        self, attached: dict[str, str], answers: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        attached |= {"R58M": "device", "R58N": "unauthorized"}
        answers["power"] = "mWakefulness=Asleep"
        answers["system"] = "accelerometer_rotation=1"
        faulty = cli_doctor.say_what_is_degraded(targets.discover())
        assert [one.info.id for one in faulty] == ["R58M"]
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith("R58M is degraded: screen: it is off; rotation: ")

    def test_nothing_is_said_of_a_good_phone(
        self, attached: dict[str, str], answers: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        attached["R58M"] = "device"
        cli_doctor.say_what_is_degraded(targets.discover())
        assert capsys.readouterr() == ("", "")

    def test_a_phone_in_quarantine_is_left_out_when_a_run_is_resumed(
        self, attached: dict[str, str], answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attached |= {"R58M": "device", "R58N": "device"}
        assert mobilebench("quarantine add R58M --for 2h --reason 'its cable is loose'").code == 0
        found: list[str] = []

        def resume(begun: object, store: object, *, dependencies: Dependencies, **_: object) -> None:
            found.extend(info.state for info in dependencies.discover({"R58M", "R58N"}))

        monkeypatch.setattr(session, "resume", resume)
        with Store.open(tmp_path) as store:
            store.create_run(run_info("20261121-120000-ab12", phone("R58M"), phone("R58N")), [])
            run._resume(store.load("last"), [], store, 0, retry_failed=False)
        assert [state.partition(" until ")[0] for state in found[1:]] == ["quarantined", "device"]

    def test_it_is_stored_with_the_run(self, attached: dict[str, str], answers: dict[str, str], tmp_path: Path) -> None:
        attached |= {"R58M": "device", "R58N": "device"}
        answers["power"] = "mWakefulness=Asleep"
        seen: list[object] = []
        with Store.open(tmp_path) as store:
            store.create_run(run_info("20261121-120000-ab12", phone("R58M"), phone("R58N")), [])
            reports = cli_doctor.say_what_is_degraded(targets.select("R58M"))
            started = RunStarted(run_id="20261121-120000-ab12", targets=("R58M",), blocks=1)
            cli_doctor.recorded(reports, store, seen.append)(started)
            (event,) = store.stored_events("last")
        assert seen == [started]
        assert (event.kind, event.target) == ("DoctorFound", "R58M")
        fault = {"check": "screen", "finding": "degraded", "words": "it is off"}
        assert event.data == {"outcome": "degraded", "faults": [fault]}
