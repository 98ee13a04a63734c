"""Grouping of targets by facts, with virtual targets apart."""

from __future__ import annotations

import pytest

from mobilebench.analysis.grouping import GROUPINGS, UNKNOWN, gpu_vendor, group_targets
from mobilebench.analysis.summary import summarise
from mobilebench.core.errors import BadInput
from tests.analysis.phones import phones_run
from tests.pinning import Pinned


def groups(by: str) -> list[tuple[str, bool, list[str]]]:
    found = group_targets(summarise(phones_run()).targets, by)
    return [(one.name, one.virtual, [target.info.id for target in one.targets]) for one in found]


def test_phones_of_one_soc_are_together_and_virtual_ones_never_with_them() -> None:
    assert groups("soc") == [
        ("Example CPU E-1000 @ 2.50GHz", False, ["host"]),
        ("Snapdragon 8 Gen 2", False, ["A1", "A2"]),
        ("Tensor G3", False, ["B1"]),
        ("virtual: Example CPU E-1000 @ 2.50GHz", True, ["127.0.0.1:15555"]),
    ]


@pytest.mark.parametrize(
    ("by", "host", "snapdragon", "tensor"),
    [
        ("isa", "x86_64", "arm64-v8a", "arm64-v8a"),
        ("vendor", UNKNOWN, "Qualcomm", "Google"),
        ("gpu_vendor", "software", "Qualcomm", "Arm"),
        ("kind", "host", "android", "android"),
    ],
)
def test_facts_come_from_the_target_and_its_profile(by: str, host: str, snapdragon: str, tensor: str) -> None:
    found = {member: name for name, _, members in groups(by) for member in members}
    assert (found["host"], found["A1"], found["B1"]) == (host, snapdragon, tensor)
    assert found["127.0.0.1:15555"].startswith("virtual: ")


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_target_is_in_one_group_of_one_kind(by: str) -> None:
    found = group_targets(summarise(phones_run()).targets, by)
    assert sorted(target.info.id for one in found for target in one.targets) == [
        "127.0.0.1:15555",
        "A1",
        "A2",
        "B1",
        "host",
    ]
    assert all(target.info.virtual == one.virtual for one in found for target in one.targets)


def test_an_unknown_fact_is_bad_input(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        groups("colour")


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("Adreno (TM) 740", "Qualcomm"),
        ("Mali-G715", "Arm"),
        ("ANGLE (Google, Vulkan 1.3 (SwiftShader Device))", "software"),
        ("Something else", None),
    ],
)
def test_the_vendor_of_a_gpu_by_its_name(name: str, vendor: str | None) -> None:
    assert gpu_vendor(name) == vendor
