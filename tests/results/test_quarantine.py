"""Phones in quarantine: how they are recognised, until when, and who is left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import TargetInfo
from mobilebench.results import quarantine
from mobilebench.results.store import Store
from tests.pinning import Pinned
from tests.results.making import host, phone

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)


def numbered(serial: str = "R58M", number: str = "N1", **changes: object) -> TargetInfo:
    return phone(serial, **{"facts": {"ro.serialno": number}, "name": "Galaxy", "manufacturer": "Samsung", **changes})


def undescribed(serial: str, state: str = "offline") -> TargetInfo:
    return phone(serial, name=serial, facts={}, state=state)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


def test_a_phone_is_left_out_until_the_time_has_come(store: Store) -> None:
    added = quarantine.add(store, numbered(), LATER, "its cable\n is loose.", now=NOW)
    assert quarantine.in_force(store, NOW) == [added]
    assert quarantine.in_force(store, LATER - timedelta(seconds=1)) == [added]
    assert quarantine.in_force(store, LATER) == []
    assert store.quarantines() == [added], "it stays in the store"
    (left_out,) = quarantine.marked([numbered()], [added])
    assert left_out.state == "quarantined until 2026-11-29 14:00 UTC: its cable is loose"
    assert left_out.model_copy(update={"state": "device"}) == numbered()


def test_it_survives_closing_the_store(store: Store, tmp_path: Path) -> None:
    until = LATER.astimezone(timezone(timedelta(hours=5)))
    added = quarantine.add(store, numbered(), until, "é “x”", now=NOW)
    store.close()
    with Store.open(tmp_path) as again:
        assert again.quarantines() == [added]


@pytest.mark.parametrize(
    ("added", "met", "concerned"),
    [
        (numbered(), numbered(), True),
        (numbered(), numbered("192.168.1.7:5555"), True),
        (numbered(), numbered(number="N2"), False),
        (numbered(), numbered(name="Pixel", number="N1"), False),
        (numbered(), undescribed("R58M"), True),
        (numbered(), undescribed("R58N"), False),
        (undescribed("R58M"), numbered(), True),
        (undescribed("R58M"), numbered("R58N"), False),
        (phone("emulator-5554", name="A", facts={"x": "y"}), phone("emulator-5554", name="B", facts={"x": "y"}), False),
        (phone("emulator-5554", name="A", facts={"x": "y"}), phone("emulator-5554", name="A", facts={"x": "y"}), True),
    ],
)
def test_which_phone_is_meant(store: Store, added: TargetInfo, met: TargetInfo, concerned: bool) -> None:
    one = quarantine.add(store, added, LATER, "why", now=NOW)
    assert (quarantine.of(met, [one]) is not None) == concerned


def test_only_ready_phones_get_the_state(store: Store) -> None:
    one = quarantine.add(store, numbered(), LATER, "why", now=NOW)
    others = [host(), undescribed("R58M"), numbered("R58N", "N2")]
    assert quarantine.marked(others, [one]) == others


def test_the_longest_counts_and_lifting_ends_all_of_a_phone(store: Store) -> None:
    quarantine.add(store, numbered(), LATER, "first", now=NOW)
    longest = quarantine.add(store, numbered("192.168.1.7:5555"), LATER + timedelta(days=1), "second", now=NOW)
    other = quarantine.add(store, numbered("R58N", "N2"), LATER, "third", now=NOW)
    assert quarantine.of(numbered(), quarantine.in_force(store, NOW)) == longest
    held = quarantine.in_force(store, NOW)
    assert [one.reason for one in quarantine.named("R58M", held)] == ["first", "second"]
    assert len(quarantine.end(store, quarantine.named("R58M", held), NOW)) == 2
    assert quarantine.in_force(store, NOW) == [other]
    assert [one.lifted_at for one in store.quarantines()] == [NOW, NOW, None]
    assert quarantine.end(store, [one for one in store.quarantines() if one != other], NOW) == []


def test_a_word_is_a_serial_or_a_number(store: Store) -> None:
    one = quarantine.add(store, numbered(), LATER, "why", now=NOW)
    assert [quarantine.named(word, [one]) for word in ("R5", "R58M", "N1")] == [[], [one], [one]]


def test_what_is_refused(store: Store, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        quarantine.add(store, host(), LATER, "why", now=NOW)
    with pinned.raises(BadInput):
        quarantine.add(store, numbered(), NOW, "why", now=NOW)
    with pinned.raises(BadInput):
        quarantine.add(store, numbered(), LATER, " \n", now=NOW)
    assert store.quarantines() == []


def test_a_hostile_reason_stays_short_and_on_one_line(store: Store) -> None:
    added = quarantine.add(store, numbered(), LATER, "x\r\ny" * 10_000, now=NOW)
    assert len(added.reason) <= 300 and "\n" not in added.reason
    assert store.quarantines() == [added]
