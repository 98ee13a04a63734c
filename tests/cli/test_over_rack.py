"""`run` and `devices` with the scheduler of a rack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from mobilebench.cli import builds, over_rack
from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.core.records import Run
from mobilebench.rack import certificates, client
from mobilebench.rack.discovery import HOST_FACT
from mobilebench.rack.messages import Answer, Question, Refused
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
