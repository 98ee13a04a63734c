"""Conditions of phones in a session: each block stores what held, and what is required decides what is measured."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.core.errors import BlockFailed, ExitCode
from mobilebench.core.records import Conditions, DeviceCondition, DeviceConditions
from mobilebench.session import events
from tests.pinning import Pinned
from tests.results.making import host

from .fakes import FakeEngine, Sessions

PHONE = host().model_copy(update={"id": "R5CT1", "kind": "android", "machine": "R5CT1"})
SET = DeviceCondition(name="stay-awake", state="set")
REFUSED = DeviceCondition(name="brightness", state="refused", reason="no")


@pytest.fixture
def session(tmp_path: Path, empty_store: Path) -> Iterator[Sessions]:
    shutil.copy(empty_store, tmp_path)
    made = Sessions(tmp_path)
    yield made
    made.store.close()


def holding(*conditions: DeviceCondition):  # type: ignore[no-untyped-def]
    return lambda asked: DeviceConditions(asked=asked, conditions=list(conditions))


def test_each_block_stores_what_the_phone_held_and_a_refusal_is_told_once(session: Sessions, pinned: Pinned) -> None:
    session.world.holds = holding(SET, REFUSED)
    session.run(PHONE, rounds=3, conditions=Conditions(device="default"))
    stored = [block.measurement.proof.device for block in session.stored().blocks if block.measurement]
    assert stored == [DeviceConditions(asked="default", conditions=[SET, REFUSED])] * 3
    (notice,) = session.seen.of(events.TargetNoticed)
    pinned(notice.words)


def test_what_strict_requires_makes_every_case_unsupported(session: Sessions) -> None:
    session.world.holds = holding(SET, REFUSED)
    result = session.run(PHONE, models=("m", "n"), conditions=Conditions(device="strict"))
    assert {block.outcome for block in session.stored().blocks} == {"unsupported"}
    assert "brightness (refused: no)" in (session.stored().blocks[0].reason or "")
    assert session.world.engine.measured == []
    assert result.exit_code != ExitCode.OK


def test_what_an_engine_says_about_the_phone_is_dropped(session: Sessions) -> None:
    lie = {"asked": "strict", "regime": "fixed", "conditions": []}
    session.world.engine = FakeEngine(report=lambda block: {"proof": {"device": lie, "backend": "cpu", "threads": 2}})
    session.run()
    (first, _) = session.stored().blocks
    assert first.measurement and first.measurement.proof.device is None


def test_a_phone_whose_conditions_cannot_be_set_fails_the_block_and_the_next_one_is_tried(session: Sessions) -> None:
    def fails(asked: str) -> DeviceConditions:
        raise BlockFailed("no answer")

    session.world.holds = fails
    session.run(PHONE, conditions=Conditions(device="default"))
    assert [block.reason for block in session.stored().blocks] == ["no answer", "no answer"]
