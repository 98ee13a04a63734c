"""The phones that a host offers: what a killed run left on them is undone before a job begins."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mobilebench import targets
from mobilebench.core.records import TargetInfo
from mobilebench.rack.phones import AttachedPhones
from mobilebench.targets.android.device import PhoneStatus

from .making import phone

SERIAL = "R58M"


class Attached:
    """A phone that adb shows when a test says so, and on which a killed run left something."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.appears = threading.Event()
        self.happened: list[str] = []
        monkeypatch.setattr(targets, "watch", self._watch)
        monkeypatch.setattr(targets, "phone_statuses", lambda infos: {SERIAL: PhoneStatus(None, True)})
        monkeypatch.setattr(targets, "restore", lambda info: self.happened.append("restored"))

    def _watch(self, stop: threading.Event) -> Iterator[list[TargetInfo]]:
        self.appears.wait(60)
        if not stop.is_set():
            yield [phone(SERIAL)]
        stop.wait()


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> Attached:
    return Attached(monkeypatch)


@pytest.fixture
def phones(attached: Attached) -> Iterator[AttachedPhones]:
    made = AttachedPhones()
    made.start(lambda: None)
    yield made
    attached.appears.set()
    made.stop()


def test_a_job_that_is_known_before_its_phone_is_seen_waits_for_both(
    attached: Attached, phones: AttachedPhones
) -> None:
    def job() -> None:
        phones.wait_restored(SERIAL, threading.Event())
        attached.happened.append("begun")

    waiting = threading.Thread(target=job)
    waiting.start()
    waiting.join(0.1)
    attached.appears.set()
    waiting.join(60)
    assert attached.happened == ["restored", "begun"]


def test_a_cancelled_job_waits_for_no_phone(phones: AttachedPhones) -> None:
    cancel = threading.Event()
    cancel.set()
    phones.wait_restored(SERIAL, cancel)
    phones.wait_restored("another", cancel)
