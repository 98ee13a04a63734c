"""What adb is asked so that it reaches a phone again."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import adb_protocol, discovery, reconnection

from ..results.making import phone

BOOT = {"boot_id": "one", "ro.serialno": "1"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests to the adb server."""
    requests: list[str] = []
    monkeypatch.setattr(adb_protocol, "query", lambda request, *_: requests.append(request) or "")
    return requests


@pytest.mark.parametrize(
    ("serial", "state", "request_"),
    [
        ("10.0.0.1:5555", "absent", "host:connect:10.0.0.1:5555"),
        ("[fe80::1]:5555", "absent", "host:connect:[fe80::1]:5555"),
        ("phone.example:5555", "absent", "host:connect:phone.example:5555"),
        ("R58M", "offline", "host-serial:R58M:reconnect"),
        ("10.0.0.1:5555", "offline", "host-serial:10.0.0.1:5555:reconnect"),
        ("R58M", "not answering", "host-serial:R58M:reconnect"),
        ("R58M", "connecting", "host-serial:R58M:reconnect"),
    ],
)
def test_adb_is_asked_where_that_can_help(asked: list[str], serial: str, state: str, request_: str) -> None:
    assert reconnection.reach_again(serial, state)
    assert asked == [request_]


@pytest.mark.parametrize(
    ("serial", "state"),
    [
        ("R58M", "absent"),
        ("adb-R5._adb-tls-connect._tcp", "absent"),
        ("R58M", "unauthorized"),
        ("R58M", "recovery"),
        ("10.0.0.1:5555", "out of reach"),
    ],
)
def test_nothing_is_asked_where_a_person_is_needed(asked: list[str], serial: str, state: str) -> None:
    assert not reconnection.reach_again(serial, state)
    assert asked == []


@pytest.mark.parametrize(
    "error", [TargetLost("away"), BlockFailed("hangs", fault="hang"), BadInput("no server"), OSError("broken")]
)
def test_a_failed_request_is_a_request(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def query(*_: Any) -> str:
        raise error

    monkeypatch.setattr(adb_protocol, "query", query)
    assert reconnection.reach_again("R58M", "offline")


@pytest.mark.parametrize(
    ("serial", "found"),
    [("R58M", "10.0.0.1:5555"), ("10.0.0.9:5555", "CABLE")],
)
def test_the_same_phone_is_found_on_the_other_kind_of_connection(
    monkeypatch: pytest.MonkeyPatch, serial: str, found: str
) -> None:
    states = {"10.0.0.1:5555": "device", "CABLE": "device", "OFF": "offline"}
    described: list[str] = []

    def phones(serials: dict[str, str]) -> list[Any]:
        described.extend(serials)
        return [phone(one, facts=BOOT) for one in serials]

    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(discovery, "phones", phones)
    assert reconnection.other_serial(phone(serial, facts=BOOT)) == found
    assert described == [found]
    assert reconnection.other_serial(phone(serial, facts={**BOOT, "boot_id": "two"})) is None
    assert reconnection.other_serial(phone(serial)) is None


def test_without_a_server_there_is_no_other_serial(monkeypatch: pytest.MonkeyPatch) -> None:
    def attached() -> dict[str, str]:
        raise BadInput("no server")

    monkeypatch.setattr(discovery, "attached", attached)
    assert reconnection.other_serial(phone("R58M", facts=BOOT)) is None
