"""Phones of many hosts are targets with ids of their own, and `--serial` names them as it names those here."""

from __future__ import annotations

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import TargetInfo
from mobilebench.rack.discovery import HOST_FACT, RackTarget, RackTargets, named, select, targets_of
from mobilebench.rack.messages import RackPhoneInfo
from mobilebench.targets.android import identity
from tests.pinning import Pinned

from ..results.making import phone
from .double import lease, listed

WIFI = "192.168.1.20:5555"


def booted(serial: str, boot: str, **changes: object) -> TargetInfo:
    facts = {identity.BOOT: boot, identity.SERIAL_NUMBER: "R58M"}
    return phone(serial, **{"facts": facts, **changes})


def ids(phones: list[RackTarget]) -> list[str]:
    return [one.id for one in phones]


def test_a_hardware_serial_is_an_id_and_a_connection_gets_its_host() -> None:
    found = targets_of(
        [listed(phone("R58M"), "b"), listed(phone("127.0.0.1:16500"), "a"), listed(phone("emulator-5554"), "a")]
    )
    assert ids(found) == ["127.0.0.1:16500@a", "emulator-5554@a", "R58M"]
    assert [one.info.facts[HOST_FACT] for one in found] == ["a", "a", "b"]
    assert [one.serial for one in found] == ["127.0.0.1:16500", "emulator-5554", "R58M"]
    assert found[0].phone.target.id == "127.0.0.1:16500"


def test_two_phones_with_one_serial_are_told_apart_by_their_hosts() -> None:
    found = targets_of([listed(booted("CHEAP", "1"), "a"), listed(booted("CHEAP", "2"), "b")])
    assert ids(found) == ["CHEAP@a", "CHEAP@b"]
    assert [one.info.state for one in found] == ["device", "device"]


@pytest.mark.parametrize("by_cable", ["a", "b"])
def test_a_phone_that_two_hosts_see_is_one(by_cable: str) -> None:
    other = "b" if by_cable == "a" else "a"
    found = targets_of([listed(booted("R58M", "1"), by_cable), listed(booted(WIFI, "1"), other)])
    states = {one.id: one.info.state for one in found}
    assert states == {"R58M": "device", f"{WIFI}@{other}": "the same phone as R58M"}


def test_the_connection_under_which_a_phone_is_leased_is_kept() -> None:
    found = targets_of([listed(booted("R58M", "1"), "a"), listed(booted(WIFI, "1"), "b", lease=lease())])
    assert [one.id for one in found if one.info.state == "device"] == [f"{WIFI}@b"]


def test_an_id_of_before_is_kept() -> None:
    phones = [listed(phone("R58M"), "b")]
    assert ids(targets_of(phones, ["R58M@b"])) == ["R58M@b"]
    assert ids(targets_of(phones, ["R58M"])) == ["R58M"]


def test_phones_of_one_model_do_not_share_a_machine() -> None:
    same = {"machine": "Pixel 8"}
    found = targets_of([listed(phone("A", **same), "a"), listed(phone("B", **same), "b")])
    assert [one.info.machine for one in found] == ["Pixel 8 at A", "Pixel 8 at B"]
    assert found[0].phone.target.machine == "Pixel 8"
    virtual = {"machine": "x", "virtual": True}
    found = targets_of([listed(phone("A", **virtual), "a"), listed(phone("B", **virtual), "a")])
    assert [one.info.machine for one in found] == ["x", "x"]


def test_what_a_job_cannot_use_has_a_state_that_says_why() -> None:
    found = targets_of(
        [
            listed(phone("A"), present=False),
            listed(phone("B"), quarantined="quarantined until 2026-11-30 14:00 UTC: its cable is loose"),
            listed(phone("C"), quarantined="its cable is loose"),
            listed(phone("D", state="offline"), present=False),
        ]
    )
    assert [one.info.state for one in found] == [
        "absent",
        "quarantined until 2026-11-30 14:00 UTC: its cable is loose",
        "quarantined until it is lifted: its cable is loose",
        "offline",
    ]


def labelled() -> list[RackPhoneInfo]:
    return [
        listed(phone("A", profile="snapdragon-888"), "a", labels=("pixel", "fast"), name="left", group="x"),
        listed(phone("B", name="Pixel 8"), "a", labels=("pixel",), name="right"),
        listed(phone("C"), "b", name="left"),
        listed(phone("127.0.0.1:1", state="offline"), "b", labels=("pixel",)),
    ]


@pytest.mark.parametrize(
    ("words", "chosen", "one_by_one"),
    [
        ("all", ["127.0.0.1:1@b", "A", "B", "C"], []),
        ("A", ["A"], ["A"]),
        ("C@b,A", ["A", "C"], ["A", "C"]),
        ("b/C", ["C"], ["C"]),
        ("host:B", ["127.0.0.1:1@b", "C"], []),
        ("label:pixel", ["127.0.0.1:1@b", "A", "B"], []),
        ("label:fast,soc:snapdragon-888", ["A"], []),
        ('model:"Pixel 8"', ["B"], []),
        ("group:x,name:right", ["A", "B"], ["B"]),
    ],
)
def test_serials_name_phones_of_all_hosts(words: str, chosen: list[str], one_by_one: list[str]) -> None:
    found = select(words, targets_of(labelled()))
    assert sorted(ids(found)) == chosen
    assert sorted(named(words, found)) == one_by_one


@pytest.mark.parametrize("words", ["D", "label:slow", "name:left", "host", "", "127.0.0.1:1", "C@a", "host:c"])
def test_what_is_wrong_with_a_serial_is_said(words: str, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        select(words, targets_of(labelled()))


def test_targets_are_listed_anew_for_a_session() -> None:
    phones = [listed(phone("A"), "a")]
    targets = RackTargets(lambda: phones)
    (info,) = targets.discover(())
    assert info.id == "A"
    assert targets.known("A").host == "a"
    phones[:] = [listed(phone("A", state="offline"), "b")]
    (info,) = targets.discover(["A"])
    assert info.state == "offline"
    assert targets.known("A").host == "b"
    with pytest.raises(BadInput):
        targets.known("B")
