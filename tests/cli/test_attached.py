"""Phones that cannot be used are attached: they are named with what to do, and no stand-in takes their place."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.targets.android import description, discovery
from mobilebench.virtual import phones
from tests.cli.test_app import invoke
from tests.pinning import Pinned

DRY = ("run", "--serial", "all", "--dry-run", "--engine", "tflite", "--model", "bert_small")


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The phones that adb lists; a test fills them in."""
    states: dict[str, str] = {}
    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(description, "read", lambda shell: description.describe(shell.serial, {}))
    return states


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many virtual phones each `virtual up` would have started."""
    counts: list[int] = []

    def up(count: int, *_: object, **__: object) -> list[object]:
        counts.append(count)
        return []

    monkeypatch.setattr(phones, "up", up)
    return counts


@pytest.mark.parametrize("state", ["unauthorized", "offline", "no permissions (missing udev rules?)", "recovery"])
def test_an_unusable_phone_is_a_phone(attached: dict[str, str], started: list[int], state: str, pinned: Pinned) -> None:
    attached["R58M"] = state
    code, out, err = invoke("virtual", "up", "--count", "2", "--unless-phone", "--names")
    assert (code, out, started) == (0, "", [])
    pinned(err)


def test_a_usable_phone_needs_no_words(attached: dict[str, str], started: list[int]) -> None:
    attached |= {"R58M": "device", "R58N": "unauthorized"}
    assert invoke("virtual", "up", "--unless-phone", "--names") == (0, "", "")
    assert started == []


def test_without_a_phone_virtual_ones_are_started(
    attached: dict[str, str], started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke("virtual", "up", "--count", "2", "--unless-phone")[0] == 0
    attached["127.0.0.1:16500"] = "offline"
    monkeypatch.setattr(phones, "list_phones", lambda: [SimpleNamespace(serial="127.0.0.1:16500", running=False)])
    assert invoke("virtual", "up", "--count", "1", "--unless-phone")[0] == 0
    assert started == [2, 1], "a virtual phone that is down is no phone"


def test_a_dry_run_names_what_is_left_out(attached: dict[str, str]) -> None:
    attached["R58M"] = "unauthorized"
    code, out, err = invoke(*DRY)
    assert code == 0, err
    assert "Phone R58M is left out: it is unauthorized. Unlock the phone" in " ".join(out.split())
    code, out, _ = invoke(*DRY, "--json")
    assert code == 0
    (missed,) = json.loads(out)["left_out"]
    assert (missed["target"], missed["state"]) == ("R58M", "unauthorized")
    assert "allow USB debugging" in missed["hint"]


def test_a_selection_that_leaves_nothing_still_names_it(attached: dict[str, str], pinned: Pinned) -> None:
    attached["R58M"] = "offline"
    code, _, err = invoke("run", "--serial", "all", "--dry-run", "--engine", "tflite", "--backend", "webgl")
    assert code == ExitCode.NOTHING_TO_MEASURE
    pinned(err)


def test_devices_says_what_to_do(attached: dict[str, str]) -> None:
    attached |= {"R58M": "sideload", "R58N": "device"}
    code, out, err = invoke("devices")
    assert code == 0, err
    assert "R58M: it is sideload. " in out
    assert "R58N: battery not known: " in out
