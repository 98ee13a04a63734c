"""`run` and `devices` with the scheduler of a rack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from mobilebench import suite
from mobilebench.cli import builds, examination, over_rack
from mobilebench.cli.progress import RunLines
from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.core.records import Run
from mobilebench.rack import certificates, client
from mobilebench.rack.clocks import ClockOffset
from mobilebench.rack.discovery import HOST_FACT
from mobilebench.rack.messages import (
    AddQuarantine,
    Answer,
    CheckResult,
    Examination,
    Examine,
    ExaminedPhone,
    LiftQuarantine,
    Quarantined,
    Question,
    Refused,
)
from mobilebench.session import events
from mobilebench.session.estimate import TimeLeft
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned
from tests.rack.double import Rack, lease, listed
from tests.results.making import phone, run_info
from tests.session.fakes import World

ADDRESS = "tls://lab:1"


@pytest.fixture
def rack(monkeypatch: pytest.MonkeyPatch) -> Rack:
    """A rack with two phones, to which every client is connected."""
    found = Rack(
        World(),
        [
            listed(phone("R58M", name="Pixel 8"), "lab-1", labels=("pixel",), name="left", lease=lease("bob")),
            listed(phone("127.0.0.1:1", state="offline"), "lab-2"),
        ],
    )
    found.address = client.parse_address(ADDRESS)  # type: ignore[attr-defined]

    @contextmanager
    def connect(address: object, credentials: object, *, patience_s: float) -> Iterator[Rack]:
        assert str(address) == ADDRESS
        yield found

    monkeypatch.setattr(certificates, "find", lambda role, folder: SimpleNamespace(name="ann"))
    monkeypatch.setattr(client, "RackClient", connect)
    monkeypatch.setattr(builds, "require_current", lambda *_: None)
    return found


def test_devices_lists_the_phones_of_all_hosts(rack: Rack, pinned: Pinned) -> None:
    code, out, _ = mobilebench(f"devices --rack {ADDRESS}")
    assert code == ExitCode.OK
    lines = [line.strip() for line in out.splitlines()]
    assert any(line.startswith("127.0.0.1:1@lab-2: it is offline. On host lab-2: ") for line in lines)
    words = " ".join(out.split())
    assert all(one in words for one in ("R58M", "lab-1", "left", "pixel", "Pixel 8"))


def test_a_phone_is_named_with_its_host_in_the_progress_of_a_run() -> None:
    there = {"facts": {HOST_FACT: "lab-1"}}
    targets = [phone("R58M", **there), phone("127.0.0.1:1@lab-1", **there), phone("HERE")]
    names = over_rack.names_of(targets)
    written = StringIO()
    lines = RunLines(Console(file=written, width=200), TimeLeft((), targets), names)
    lines(events.RunStarted(run_id="r", targets=tuple(one.id for one in targets), blocks=3, done=0))
    assert written.getvalue() == "Run r: 3 blocks on R58M@lab-1, 127.0.0.1:1@lab-1, HERE\n"


def test_devices_as_json_says_who_has_a_phone(rack: Rack) -> None:
    code, out, _ = mobilebench(f"devices --rack {ADDRESS} --json")
    assert code == ExitCode.OK
    first, second = json.loads(out)
    assert (first["id"], first["serial_on_host"], first["rack"]["host"]) == ("R58M", "R58M", "lab-1")
    assert first["rack"]["lease"]["owner"] == "bob"
    assert (second["id"], second["serial_on_host"], second["state"]) == ("127.0.0.1:1@lab-2", "127.0.0.1:1", "offline")
    assert second["rack"]["lease"] is None


def test_an_empty_rack_is_said(rack: Rack, pinned: Pinned) -> None:
    rack.phones = []
    pinned(mobilebench(f"devices --rack {ADDRESS}").out)


def test_phones_of_a_rack_are_not_watched(rack: Rack) -> None:
    assert mobilebench(f"devices --rack {ADDRESS} --watch").code == ExitCode.BAD_INPUT


def test_a_plan_is_made_for_the_phones_of_a_rack(rack: Rack, tmp_path: Path) -> None:
    line = f"run --rack {ADDRESS} --serial label:pixel --suite native --engine tflite --model mobilenet_v2 --dry-run"
    code, out, err = mobilebench(f"{line} --json --out {tmp_path}")
    assert code == ExitCode.OK, err
    assert {one["case"]["target"] for one in json.loads(out)["blocks"]} == {"R58M"}


@pytest.mark.parametrize("serial", ["label:slow", "host", "127.0.0.1:1", "lab-2/R58M"])
def test_what_the_rack_does_not_have_is_said(rack: Rack, serial: str, tmp_path: Path, pinned: Pinned) -> None:
    code, _, err = mobilebench(f"run --rack {ADDRESS} --serial {serial} --dry-run --out {tmp_path}")
    assert code == ExitCode.BAD_INPUT
    pinned(" ".join(err.split()))


@pytest.mark.parametrize(
    "refused",
    [
        Refused(code="away", reason="The rack at tls://lab:1 does not answer: connection refused."),
        Refused(code="version", reason="The rack has mobilebench 0.9, this computer 1.0.", hint="Upgrade the rack."),
    ],
)
def test_a_rack_that_does_not_answer_is_said(rack: Rack, refused: Refused, pinned: Pinned) -> None:
    def before(question: Question) -> Answer:
        return refused

    rack.before = before
    code, _, err = mobilebench(f"run --rack {ADDRESS} --serial all --dry-run")
    assert code == ExitCode.BAD_INPUT
    pinned(" ".join(err.split()))


@pytest.mark.parametrize("address", ["tls://", "tls://lab:x", "tls://lab/path"])
def test_an_address_has_to_be_one(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "find", lambda role, folder: SimpleNamespace(name="ann"))
    code, _, err = mobilebench(f"run --rack {address} --dry-run")
    assert code == ExitCode.BAD_INPUT
    assert "no address of a rack" in " ".join(err.split())


def test_without_a_certificate_it_says_which_file_is_missing(tmp_path: Path) -> None:
    code, _, err = mobilebench(f"devices --rack {ADDRESS} --rack-certificates {tmp_path}")
    assert code == ExitCode.BAD_INPUT
    assert "of a client in" in " ".join(err.split())


def begun(*command: str, on_rack: bool = True) -> Run:
    info = phone("R58M", facts={HOST_FACT: "lab-1"} if on_rack else {})
    return Run(info=run_info("r", info).model_copy(update={"command": list(command)}), planned=[], blocks=[])


def test_a_run_goes_on_over_its_rack(pinned: Pinned) -> None:
    assert over_rack.scheduler_of(begun("run", "--rack", ADDRESS), None) == ADDRESS
    assert over_rack.scheduler_of(begun("run", f"--rack={ADDRESS}"), "lab.yaml") == ADDRESS
    assert over_rack.scheduler_of(begun("run", "--rack", ADDRESS), "tls://moved:2") == "tls://moved:2"
    assert over_rack.scheduler_of(begun("run", on_rack=False), "lab.yaml") == "lab.yaml"
    assert over_rack.scheduler_of(begun("run", on_rack=False), None) is None
    with pinned.raises(BadInput):
        over_rack.scheduler_of(begun("run"), None)
    with pinned.raises(BadInput):
        over_rack.scheduler_of(begun("run", on_rack=False), ADDRESS)


def blocked(serial: str) -> ExaminedPhone:
    words = "4 MB are free"
    storage = CheckResult(check="storage", state="blocking", words=words, mend="Remove apps.")
    return ExaminedPhone(phone=serial, state="device", results=(storage,))


def examining(rack: Rack) -> None:
    """Let the hosts find every phone blocked."""

    def before(question: Question) -> Answer | None:
        return Examination(phones=tuple(map(blocked, question.phones))) if isinstance(question, Examine) else None

    rack.before = before


def test_a_phone_that_its_host_finds_blocked_is_refused_if_it_is_named(rack: Rack, tmp_path: Path) -> None:
    examining(rack)
    line = f"run --rack {ADDRESS} --suite native --engine tflite --model mobilenet_v2 --out {tmp_path} --serial"
    code, _, err = mobilebench(f"{line} R58M")
    assert code == ExitCode.BAD_INPUT
    words = " ".join(err.split())
    assert "R58M cannot be measured: the doctor finds it blocked (storage: 4 MB are free)" in words
    assert "`mobilebench doctor` on host lab-1 says more" in words
    code, _, err = mobilebench(f"{line} all")
    assert code == ExitCode.NOTHING_TO_MEASURE
    assert "On host lab-1: `mobilebench doctor --serial R58M` says how to mend it" in " ".join(err.split())
    assert {one.host for one in rack.of(Examine)} == {"lab-1"}


@pytest.mark.parametrize(("blocked_too", "state"), [(True, "device"), (False, "blocked (storage: 4 MB are free)")])
def test_a_blocked_phone_of_a_rack_is_measured_if_that_is_asked_for(rack: Rack, blocked_too: bool, state: str) -> None:
    examining(rack)
    with over_rack.connected(ADDRESS, None) as over:
        assert over is not None
        chosen, _ = over.select("label:pixel")
        selection = suite.Selection(axes={"engine": ("tflite",), "model": ("bert_small",)})
        blocks = suite.plan(suite.load("native"), chosen, selection, 0).blocks
        (found,) = examination.examined(chosen, blocks, blocked_too=blocked_too, examine=over.examine)
    assert found.state == state
    assert [one.describe() for one in found.doctor or ()] == ["storage: 4 MB are free"]


def test_quarantine_of_a_racks_phones_is_kept_by_their_hosts(rack: Rack) -> None:
    kept: dict[str, str] = {}

    def before(question: Question) -> Answer | None:
        if isinstance(question, AddQuarantine):
            kept[question.phone] = f"quarantined until 2026-11-30 14:00 UTC: {question.reason}"
            assert question.seconds == pytest.approx(7200, abs=60)
        elif not isinstance(question, LiftQuarantine):
            return None
        words = kept[question.phone] if isinstance(question, AddQuarantine) else kept.pop(question.phone)
        rack.phones = [one.model_copy(update={"quarantined": kept.get(one.target.id)}) for one in rack.phones]
        return Quarantined(words=(words,))

    rack.before = before
    code, out, err = mobilebench(f'quarantine add label:pixel --for 2h --reason "its cable is loose" --rack {ADDRESS}')
    assert code == ExitCode.OK, err
    assert "Host lab-1 keeps it out of everybody's runs." in " ".join(out.split())
    code, out, _ = mobilebench(f"quarantine list --json --rack {ADDRESS}")
    assert [(one["serial"], one["host"]) for one in json.loads(out)] == [("R58M", "lab-1")]
    code, _, err = mobilebench(f"run --rack {ADDRESS} --serial R58M --dry-run")
    assert code == ExitCode.BAD_INPUT
    assert "its cable is loose" in err
    assert mobilebench(f"quarantine lift all --rack {ADDRESS}").code == ExitCode.OK
    assert kept == {}
    assert mobilebench(f"quarantine lift all --rack {ADDRESS}").code == ExitCode.BAD_INPUT
    assert mobilebench(f"quarantine list --all --rack {ADDRESS}").code == ExitCode.BAD_INPUT


def test_a_host_whose_clock_is_wrong_is_named(rack: Rack) -> None:
    rack.clock = ClockOffset(ahead_s=0.1, within_s=0.05)
    wrong = ClockOffset(ahead_s=3600.0, within_s=0.05)
    rack.phones = [one.model_copy(update={"clock": wrong}) for one in rack.phones[:1]] + rack.phones[1:]
    code, out, err = mobilebench(f"devices --rack {ADDRESS} --json")
    assert code == ExitCode.OK
    assert "The clock of host lab-1 is 1 h 0 min ahead of this computer's" in " ".join(err.split())
    assert "lab-2" not in err
    assert [one["rack"]["clock"] and round(one["rack"]["clock"]["ahead_s"], 1) for one in json.loads(out)] == [
        3600.1,
        None,
    ]
