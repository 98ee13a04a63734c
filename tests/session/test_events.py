"""Every event becomes JSON and comes back as it was."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.session import events

from ..results.making import START, blocks_of, measured, planned, planned_blocks

EXAMPLES: dict[str, Any] = {
    "target": "R58M",
    "targets": ("host", "R58M"),
    "planned": planned(3),
    "block": measured(planned(3)),
    "counts": {"valid": 2, "not measured": 1},
    "status": "interrupted",
    "fault": "hang",
    "loss": "offline",
    "asked": 3,
    "blocks": 4,
    "done": 1,
    "waited_ms": 0.25,
    "waited_s": 2.5,
    "left_s": 0.1,
    "rounds": 2,
    "added": (planned(3), planned(4)),
    "seconds": 12.5,
    "restarted": True,
    "repeated": False,
    "skipped_by": ("temperature=none",),
    "reasons": ("skin 41.2 °C, limit 38 °C",),
    "skipped": True,
    "lines": ("11-29 22:00:00.000  1  2 F libc: a “crash”", ""),
}


def kinds() -> list[type[events.Event]]:
    return events.Event.__subclasses__()


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_an_event_comes_back_as_it_was(kind: type[events.Event]) -> None:
    values = {one.name: EXAMPLES.get(one.name, f"a “{one.name}”\n") for one in fields(kind) if one.name != "at"}
    event = kind(at=START, **values)
    line = events.to_json(event)
    assert "\n" not in line
    assert events.from_json(line) == event


@settings(max_examples=25)
@given(data=st.data())
@pytest.mark.slow
def test_any_block_comes_back_as_it_was(data: st.DataObject) -> None:
    block = data.draw(blocks_of(data.draw(planned_blocks(0))))
    event = events.BlockFinished(target="host", block=block)
    assert events.from_json(events.to_json(event)) == event


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"kind": "Event"}', '{"kind": "GatePassed", "target": "x"}', "1"])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        events.from_json(line)


def test_the_journal_abridges_blocks() -> None:
    data = events.BlockFinished(target="host", block=measured(planned(0))).data()
    assert "measurement" not in json.dumps(data)
