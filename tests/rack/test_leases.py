"""Leases: one user at a time, in the order of the queue, through restarts."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mobilebench.rack.leases import PATIENCE_S, USE_S, Leases, Place, described
from mobilebench.rack.messages import Queued, Refused, Reserved


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def place(owner: str = "ada", seconds: float = 3600.0, **more: object) -> Place:
    return Place.model_validate(
        {
            "token": secrets.token_hex(16),
            "owner": owner,
            "purpose": "p",
            "since": datetime.now(UTC),
            "seconds": seconds,
            **more,
        }
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(tmp_path: Path, clock: Clock) -> Leases:
    return Leases(tmp_path / "leases.json", clock=clock)


def test_the_second_one_waits(leases: Leases) -> None:
    ada, bob, eve = place("ada"), place("bob"), place("eve")
    assert isinstance(leases.reserve("x", ada), Reserved)
    assert isinstance(leases.reserve("y", place("bob")), Reserved)
    second, third = leases.reserve("x", bob), leases.reserve("x", eve)
    assert isinstance(second, Queued) and (second.position, second.lease.owner) == (1, "ada")
    assert isinstance(third, Queued) and third.position == 2
    assert [one.owner for one in leases.queue("x")] == ["bob", "eve"]
    assert leases.release("x", ada.token)
    assert isinstance(leases.look("x", bob.token), Reserved)
    third = leases.look("x", eve.token)
    assert isinstance(third, Queued) and third.position == 1
    assert not leases.release("x", ada.token)


def test_asking_again_changes_nothing(leases: Leases) -> None:
    ada, bob = place("ada"), place("bob")
    for _ in range(2):
        assert isinstance(leases.reserve("x", ada), Reserved)
    leases.reserve("x", bob)
    again = leases.reserve("x", bob)
    assert isinstance(again, Queued) and again.position == 1
    assert len(leases.queue("x")) == 1


def test_without_a_queue_it_is_refused_with_who_has_it(leases: Leases) -> None:
    leases.reserve("x", place("ada"))
    refused = leases.reserve("x", place("bob"), queue=False)
    assert isinstance(refused, Refused) and refused.code == "in use"
    assert "Phone x is in use by ada since 20" in refused.reason and "until 20" in refused.reason
    assert leases.queue("x") == ()
    assert described(leases.info("y")) == "free"


def test_a_lease_ends_unless_it_is_renewed(leases: Leases, clock: Clock) -> None:
    ada = place("ada", seconds=100)
    leases.reserve("x", ada)
    clock.now += 90
    renewed = leases.renew("x", ada.token, 50)
    assert isinstance(renewed, Reserved) and renewed.lease.left_s == 50
    clock.now += 49
    assert leases.info("x")
    clock.now += 1
    assert leases.info("x") is None
    assert isinstance(leases.renew("x", ada.token, 50), Refused)
    assert isinstance(leases.look("x", ada.token), Refused)


def test_a_place_that_nobody_asks_for_is_lost(leases: Leases, clock: Clock) -> None:
    ada, bob, eve = place("ada"), place("bob"), place("eve")
    for one in (ada, bob, eve):
        leases.reserve("x", one)
    clock.now += PATIENCE_S - 1
    leases.look("x", eve.token)
    clock.now += 2
    assert [one.owner for one in leases.queue("x")] == ["eve"]
    assert isinstance(leases.look("x", bob.token), Refused)


def test_a_lease_in_use_does_not_end(leases: Leases, clock: Clock) -> None:
    ada = place("ada", seconds=10)
    leases.reserve("x", ada)
    assert not leases.use("x", "0" * 32, "j")
    assert leases.use("x", ada.token, "j")
    assert not leases.use("x", ada.token, "other")
    clock.now += 1000
    info = leases.info("x")
    assert info and info.job_id == "j" and info.left_s == USE_S
    leases.end_use("x", ada.token)
    info = leases.info("x")
    assert info and info.job_id is None
    clock.now += USE_S
    assert leases.info("x") is None


def test_a_lease_that_is_given_back_while_a_job_uses_it_ends_with_the_job(leases: Leases) -> None:
    ada, bob = place("ada"), place("bob")
    leases.reserve("x", ada)
    leases.reserve("x", bob)
    assert leases.use("x", ada.token, "j")
    assert leases.release("x", ada.token)
    assert isinstance(leases.look("x", bob.token), Queued)
    assert leases.may_use("x", ada.token, "j")
    leases.end_use("x", ada.token)
    assert isinstance(leases.look("x", bob.token), Reserved)
    assert leases.use("x", bob.token, "k")
    assert leases.release("x", bob.token)
    leases.reserve("x", bob)  # wanted again: it no longer ends with the job
    leases.end_use("x", bob.token)
    assert isinstance(leases.look("x", bob.token), Reserved)


def test_what_a_job_took_for_itself_ends_with_it(leases: Leases) -> None:
    own = place("ada", job_id="j", own=True)
    leases.reserve("x", own)
    assert leases.token_of("x", "j") == own.token
    assert leases.use("x", own.token, "j")
    leases.end_use("x", own.token)
    assert leases.info("x") is None


def test_they_are_the_same_after_a_restart(leases: Leases, tmp_path: Path) -> None:
    ada, bob = place("ada"), place("bob")
    leases.reserve("x", ada)
    leases.reserve("x", bob)
    later = Clock()
    later.now = 5.0
    again = Leases(tmp_path / "leases.json", clock=later)
    info = again.info("x")
    assert info and info.owner == "ada" and info.left_s == pytest.approx(3600, abs=60)
    assert isinstance(again.look("x", ada.token), Reserved)
    assert isinstance(again.look("x", bob.token), Queued)
    assert (tmp_path / "leases.json").stat().st_mode & 0o777 == 0o600


def test_a_lease_that_ended_meanwhile_is_gone_and_one_far_ahead_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "leases.json"
    one = place().model_dump(mode="json")
    file.write_text(
        json.dumps(
            {
                "schema_": "mobilebench/leases/1",
                "leases": {"old": [one, "2020-01-01T00:00:00Z"], "far": [one, "2999-01-01T00:00:00Z"]},
            }
        )
    )
    leases = Leases(file)
    assert leases.info("old") is None
    info = leases.info("far")
    assert info and info.left_s <= 14 * 86400


def test_a_file_that_cannot_be_read_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "leases.json").write_text("{")
    leases = Leases(tmp_path / "leases.json")
    assert isinstance(leases.reserve("x", place()), Reserved)
    assert (tmp_path / "leases.json.unreadable").read_text() == "{"


def test_places_of_forgotten_jobs_are_dropped(leases: Leases) -> None:
    kept, gone = place("ada", job_id="j", own=True), place("bob", job_id="k", own=True)
    leases.reserve("x", gone)
    leases.reserve("x", kept)
    leases.reserve("y", place("eve"))
    leases.keep_jobs({"j"})
    assert isinstance(leases.look("x", kept.token), Reserved)
    assert leases.info("y")
