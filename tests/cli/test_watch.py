"""`mobilebench devices --watch`, and the columns of the rack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from mobilebench import targets
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import description, discovery
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned

from ..results.making import phone

RACK = "phones: [{serial: A, name: left, labels: [fast, usb3], group: a}]"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[TargetInfo]]:
    """What each look shows; then the user presses Ctrl-C."""
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    shown: list[list[TargetInfo]] = []

    def watch(stop: Event) -> Iterator[list[TargetInfo]]:
        yield from shown
        raise KeyboardInterrupt

    monkeypatch.setattr(targets, "watch", watch)
    return shown


READY = phone("A", name="Pixel 8", soc="Tensor G3", os="Android 15")
LOOKS = [[], [phone("A", state="unauthorized")], [READY], [READY, phone("B", state="offline")], [READY]]


def test_each_change_is_a_line_and_ctrl_c_ends_it_cleanly(looks: list[list[TargetInfo]], pinned: Pinned) -> None:
    looks += LOOKS
    code, out, err = mobilebench("devices --watch")
    assert (code, err) == (0, "")
    pinned("\n".join(line.partition(" ")[2] for line in out.splitlines()))


def test_each_change_is_a_line_of_json(looks: list[list[TargetInfo]], tmp_path: Path) -> None:
    (tmp_path / "rack.yaml").write_text(RACK)
    looks += LOOKS
    code, out, _ = mobilebench("devices --watch --json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(line["serial"], line["state"]) for line in lines] == [
        ("A", "unauthorized"),
        ("A", "device"),
        ("B", "offline"),
        ("B", "absent"),
    ]
    assert (lines[1]["name"], lines[1]["model"]) == ("left", "Pixel 8")
    assert "model" not in lines[0]


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    states = {"A": "device", "B": "device"}
    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(description, "read", lambda shell: description.describe(shell.serial, {}))
    monkeypatch.setattr(targets, "phone_statuses", lambda _: {})
    return states


def test_devices_shows_what_the_rack_file_says(attached: dict[str, str], tmp_path: Path) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text(RACK)
    assert "labels" not in mobilebench("devices").out
    code, out, err = mobilebench(f"devices --rack {lab}")
    assert code == 0, err
    assert out.strip().split("\n", 1)[0].split()[:4] == ["serial", "name", "labels", "group"]
    assert "fast, usb3" in out
    listed = {one["id"]: one["rack"] for one in json.loads(mobilebench(f"devices --json --rack {lab}").out)}
    assert listed == {"host": None, "A": {"name": "left", "labels": ["fast", "usb3"], "group": "a"}, "B": None}


def test_run_and_restore_select_by_the_rack_file(attached: dict[str, str], tmp_path: Path) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text(RACK)
    code, _, err = mobilebench(f"restore name:right --rack {lab}")
    assert code == 2
    assert "left (1 phone)" in err
    code, _, err = mobilebench(f"run --serial label:slow --rack {lab} --dry-run")
    assert code == 2
    assert "fast (1 phone)" in err


def test_a_wrong_rack_file_is_an_error(attached: dict[str, str], tmp_path: Path) -> None:
    code, _, err = mobilebench(f"devices --rack {tmp_path / 'none.yaml'}")
    assert code == 2
    assert "cannot be read" in err


def test_the_list_of_adb_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only phones whose state has changed are described again."""
    described: list[dict[str, str]] = []
    states: list[dict[str, str]] = [{"A": "offline"}, {"A": "device"}, {"A": "device", "B": "device"}, {}]

    def phones(serials: dict[str, str]) -> list[TargetInfo]:
        described.append(serials)
        return [phone(serial, state=state) for serial, state in serials.items()]

    monkeypatch.setattr(discovery, "watch", lambda stop: iter(states))
    monkeypatch.setattr(discovery, "phones", phones)
    seen = [[(info.id, info.state) for info in infos] for infos in targets.watch(Event())]
    assert seen == [[("A", "offline")], [("A", "device")], [("A", "device"), ("B", "device")], []]
    assert described == [{"A": "offline"}, {"A": "device"}, {"B": "device"}, {}]
