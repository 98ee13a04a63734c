"""`mobilebench devices` and `mobilebench restore`, and what other commands say about phones that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from mobilebench import targets
from mobilebench.core.errors import BadInput, ExitCode, TargetLost
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import description, discovery
from mobilebench.targets.android.device import PhoneStatus
from mobilebench.targets.android.device_changes import Recovered
from mobilebench.virtual import phones
from mobilebench.virtual.state import State
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned

DRY_RUN = "run --serial all --dry-run --engine tflite --model bert_small"
RESTORED = Recovered(put_back=("the setting global a is 1", "x.y is ended"))
Outcomes = dict[str, Recovered | Exception]


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Serial to state of the phones that adb lists; a test fills them in."""
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    states: dict[str, str] = {}
    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(description, "read", lambda shell: description.describe(shell.serial, {}))
    return states


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> dict[str, PhoneStatus]:
    """Serial to what is known of the phone's runs; a test fills them in."""
    known: dict[str, PhoneStatus] = {}
    monkeypatch.setattr(targets, "phone_statuses", lambda _: known)
    return known


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many virtual phones each `virtual up` would have started."""
    counts: list[int] = []

    def up(count: int, *_: object, **__: object) -> list[object]:
        counts.append(count)
        return []

    monkeypatch.setattr(phones, "up", up)
    return counts


@pytest.fixture
def outcomes(attached: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Outcomes:
    """Serial to the outcome of restoring that phone; a test fills them in, and attaches the phones."""
    by_serial: Outcomes = {}

    def restore(info: TargetInfo) -> Recovered:
        outcome = by_serial[info.id]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(targets, "restore", restore)
    return by_serial


@pytest.mark.parametrize("state", ["unauthorized", "offline", "no permissions (missing udev rules?)", "recovery"])
def test_an_unusable_phone_is_a_phone(attached: dict[str, str], started: list[int], state: str, pinned: Pinned) -> None:
    attached["R58M"] = state
    code, out, err = mobilebench("virtual up --count 2 --unless-phone --names")
    assert (code, out, started) == (0, "", [])
    pinned(err.replace(discovery.clause(state), "CLAUSE").replace(discovery.remedy("R58M", state), "REMEDY"))


def test_a_usable_phone_needs_no_message(attached: dict[str, str], started: list[int]) -> None:
    attached |= {"R58M": "device", "R58N": "unauthorized"}
    assert mobilebench("virtual up --unless-phone --names") == (0, "", "")
    assert started == []


def test_a_virtual_phone_that_was_left_hot_by_hand_is_named_with_what_to_do(
    attached: dict[str, str], started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    attached["127.0.0.1:16500"] = "device"
    left = SimpleNamespace(serial="127.0.0.1:16500", name="phone-1", running=True)
    monkeypatch.setattr(phones, "list_phones", lambda: [left])
    monkeypatch.setattr(phones, "state_of", lambda _: State(fixed=("thermal.skin",)))
    code, _, err = mobilebench("virtual up --unless-phone --names")
    assert (code, started) == (0, [])
    assert "`mobilebench virtual set phone-1 thermal.skin=null`" in err
    monkeypatch.setattr(phones, "state_of", lambda _: State())
    assert mobilebench("virtual up --unless-phone --names").err == ""


def test_without_a_phone_virtual_ones_are_started(
    attached: dict[str, str], started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mobilebench("virtual up --count 2 --unless-phone").code == 0
    attached["127.0.0.1:16500"] = "offline"
    monkeypatch.setattr(phones, "list_phones", lambda: [SimpleNamespace(serial="127.0.0.1:16500", running=False)])
    assert mobilebench("virtual up --count 1 --unless-phone").code == 0
    assert started == [2, 1], "a virtual phone that is down is no phone"


def test_a_dry_run_lists_phones_that_are_left_out(attached: dict[str, str]) -> None:
    attached["R58M"] = "unauthorized"
    code, out, err = mobilebench(DRY_RUN)
    assert code == 0, err
    remedy = discovery.remedy("R58M", "unauthorized")
    assert out.splitlines()[-1].startswith("Phone R58M is left out: ")
    assert out.splitlines()[-1].endswith(remedy)
    code, out, _ = mobilebench(f"{DRY_RUN} --json")
    assert code == 0
    assert json.loads(out)["left_out"] == [{"target": "R58M", "state": "unauthorized", "hint": remedy}]


def test_a_selection_that_leaves_nothing_also_lists_them(attached: dict[str, str]) -> None:
    attached["R58M"] = "offline"
    code, _, err = mobilebench("run --serial all --dry-run --engine tflite --backend webgl")
    assert code == ExitCode.NOTHING_TO_MEASURE
    assert discovery.remedy("R58M", "offline") in err.splitlines()[0]


def test_devices_says_what_to_do_and_what_is_unknown(
    attached: dict[str, str], statuses: dict[str, PhoneStatus]
) -> None:
    attached |= {"R58M": "sideload", "R58N": "device"}
    code, out, err = mobilebench("devices")
    assert code == 0, err
    assert statuses == {}
    remarks = [line for line in out.splitlines() if line.startswith(("R58M: ", "R58N: "))]
    assert remarks[0].endswith(discovery.remedy("R58M", "sideload"))
    assert any(remark.startswith("R58N: battery is not known: ") for remark in remarks)


def test_devices_says_which_phones_are_being_measured_or_need_a_restore(
    attached: dict[str, str], statuses: dict[str, PhoneStatus], pinned: Pinned
) -> None:
    attached |= dict.fromkeys("ABC", "device")
    statuses |= {"A": PhoneStatus("pid 7 (run x)", False), "B": PhoneStatus(None, True), "C": PhoneStatus(None, False)}
    pinned(
        "\n".join(
            line for line in mobilebench("devices").out.splitlines() if line[1:].startswith((": it", ": a killed"))
        )
    )
    listed = {info["id"]: info for info in json.loads(mobilebench("devices --json").out)}
    assert (listed["A"]["measured_by"], listed["A"]["restore_due"]) == ("pid 7 (run x)", False)
    assert (listed["B"]["measured_by"], listed["B"]["restore_due"]) == (None, True)
    assert (listed["host"]["measured_by"], listed["host"]["restore_due"]) == (None, False)


def test_restore_lists_everything_that_it_put_back(
    attached: dict[str, str], outcomes: Outcomes, pinned: Pinned
) -> None:
    attached |= {"A": "device", "B": "device", "AWAY": "offline"}
    outcomes |= {"A": RESTORED, "B": Recovered()}
    code, out, err = mobilebench("restore")
    assert code == 0
    pinned(out)
    pinned(err)


def test_restore_takes_serials(attached: dict[str, str], outcomes: Outcomes) -> None:
    attached |= {"A": "device", "B": "device"}
    outcomes |= {"A": TargetLost("it must not be restored"), "B": RESTORED}
    code, out, _ = mobilebench("restore B --json")
    assert json.loads(out) == [
        {"serial": "B", "put_back": list(RESTORED.put_back), "left": [], "notices": [], "refused": None}
    ]
    assert code == 0


@pytest.mark.parametrize(
    ("outcome", "expected_code"),
    [
        (BadInput("Phone A is being measured by pid 7.", hint="Wait."), 2),
        (Recovered(left=("the setting cannot be changed.",)), 1),
        (TargetLost("A went away."), 1),
    ],
    ids=["measured", "left", "lost"],
)
def test_a_phone_that_cannot_be_restored_keeps_no_other_phone_waiting(
    attached: dict[str, str], outcomes: Outcomes, outcome: Recovered | Exception, expected_code: int, pinned: Pinned
) -> None:
    attached |= {"A": "device", "B": "device"}
    outcomes |= {"A": outcome, "B": RESTORED}
    code, out, err = mobilebench("restore")
    assert code == expected_code
    pinned(out)
    pinned(err)


def test_restore_prints_notices(attached: dict[str, str], outcomes: Outcomes) -> None:
    attached["A"] = "device"
    outcomes["A"] = Recovered(notices=("Its restore file was moved.",))
    assert mobilebench("restore") == (0, "A: Its restore file was moved.\n", "")


@pytest.mark.parametrize(("serial", "code"), [("host", 2), ("NOPE", 2), ("AWAY", 2), ("", 3)])
def test_restore_needs_a_phone_that_can_be_reached(attached: dict[str, str], serial: str, code: int) -> None:
    attached["AWAY"] = "offline"
    assert mobilebench(f"restore {serial}").code == code
