"""The kinds of faults, where they are explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mobilebench.cli.virtual import cause_fault
from mobilebench.virtual.fault_kinds import FAULTS, Fault, option_of
from mobilebench.virtual.running_faults import _CAUSES
from mobilebench.virtual.state import State, value_of, with_value

GUIDE = (Path(__file__).parents[2] / "docs" / "virtual.md").read_text()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_each_is_caused_and_explained(fault: Fault) -> None:
    assert fault.name in _CAUSES or fault.name == "reboot"
    assert re.search(rf"^\s+{fault.name} ", cause_fault.__doc__ or "", re.MULTILINE)
    table = GUIDE[GUIDE.index("## Faults") :]
    assert re.search(rf"^\|.*`{fault.name}[ `]", table, re.MULTILINE)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_each_has_a_usual_kind_and_refuses_others(fault: Fault) -> None:
    assert option_of(fault, None) == (fault.options[0] if fault.options else None)
    with pytest.raises(ValueError, match=fault.name):
        option_of(fault, "no such kind")


def test_a_service_dies_in_the_given_way() -> None:
    assert option_of(FAULTS["service-dies"], "battery") == "battery:missing"
    assert option_of(FAULTS["service-dies"], "battery:hangs") == "battery:hangs"
    with pytest.raises(ValueError, match="battery:sleeps"):
        option_of(FAULTS["service-dies"], "battery:sleeps")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("battery.plugged", "none"),
        ("settings.global.mine", "1"),
        ("services.battery", "hangs"),
        ("fault", "offline"),
        ("screen.locked", True),
        ("properties.debug.mine", "1"),
    ],
)
def test_fields_are_read_as_they_are_set(field: str, value: object) -> None:
    assert value_of(with_value(State(), field, value), field) == value
    before = value_of(State(), field)
    assert with_value(with_value(State(), field, value), field, before) == State()
