"""`mobilebench doctor`: outcomes, exit codes and what it prints, without phones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.errors import BlockFailed, ExitCode
from mobilebench.targets.care import questions
from tests.cli.command_line import mobilebench
from tests.targets.care.test_checks import GOOD

ESCAPE = "\x1b[31m"


pytestmark = pytest.mark.usefixtures("attached")


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


def test_a_phone_in_quarantine(attached: dict[str, str], answers: dict[str, str]) -> None:
    attached["R58M"] = "device"
    assert mobilebench("quarantine add R58M --for 2h --reason 'its cable is loose'").code == 0
    assert report("--serial R58M")["R58M"]["outcome"] == "quarantined"
    code, out, _ = mobilebench("doctor --serial R58M")
    assert code == ExitCode.CASES_FAILED
    assert "its cable is loose" in out and "mobilebench quarantine lift R58M" in out


def test_phones_are_selected_as_for_a_run(attached: dict[str, str], answers: dict[str, str], tmp_path: Path) -> None:
    attached |= {"R58M": "device", "R58N": "device"}
    rack = tmp_path / "lab.yaml"
    rack.write_text("phones: [{serial: R58M, name: left, labels: [fast], group: a}]")
    for selection in ("name:left", "label:fast", "group:a", "R58M"):
        assert report(f"--serial {selection} --rack {rack}").keys() == {"R58M"}
    assert report(f"--serial host,label:fast --rack {rack}").keys() == {"host", "R58M"}
    assert mobilebench(f"doctor --serial label:slow --rack {rack}").code == ExitCode.BAD_INPUT
