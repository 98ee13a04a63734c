"""The doctor of each host examines its phones, and its findings reach the client as records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from mobilebench.core.errors import BadInput
from mobilebench.core.records import TargetInfo
from mobilebench.rack.discovery import targets_of
from mobilebench.rack.examining import examine_all, examined_phone, report_of
from mobilebench.rack.host import Host
from mobilebench.rack.messages import (
    Answer,
    CheckResult,
    Examination,
    Examine,
    ExaminedPhone,
    Question,
    Refused,
    Submit,
    read_answer,
    to_text,
)
from mobilebench.rack.phones import FixedPhones
from mobilebench.rack.simulated import SleepingExecutor
from mobilebench.targets.care import checks
from mobilebench.targets.care.base import Finding
from mobilebench.targets.care.doctor import Report

from ..session.fakes import World
from .double import Rack, listed
from .making import job, phone

BY_NAME = {check.name: check for check in checks.OF_PHONES}


def report(info: TargetInfo, **findings: Finding) -> Report:
    return Report(info, tuple((BY_NAME[name], found) for name, found in findings.items()))


def ask(host: Host, question: Question) -> Answer:
    return read_answer(asyncio.run(host.answer(type(question).__name__, to_text(question))))


def test_a_report_is_the_same_at_the_client() -> None:
    found = report(
        phone(),
        storage=Finding("blocking", "4 MB are free", "Remove apps."),
        battery_temperature=Finding("blocking", "it has 46 °C", passes=True),
        screen=Finding("ok", "it is on"),
    )
    answer = read_answer(to_text(Examination(phones=(examined_phone(found),))))
    assert isinstance(answer, Examination)
    assert report_of(answer.phones[0], phone()) == found


def test_only_known_checks_and_short_words_are_taken() -> None:
    with pytest.raises(BadInput):
        report_of(
            ExaminedPhone(
                phone="R58M", state="device", results=(CheckResult(check="luck", state="ok", words="it has some"),)
            ),
            phone(),
        )
    with pytest.raises(ValidationError):
        CheckResult(check="../storage", state="ok", words="x")
    assert len(CheckResult(check="storage", state="ok", words="a\n" * 4000).words) == 400


def test_a_host_examines_the_phones_that_no_job_uses(tmp_path: Path) -> None:
    infos = [phone("A"), phone("B"), phone("C")]
    seen: list[str] = []

    def doctor(examined: Sequence[TargetInfo]) -> list[Report]:
        seen.extend(info.id for info in examined)
        return [report(info, screen=Finding("degraded", "it is off")) for info in examined]

    host = Host("lab-1", tmp_path, FixedPhones(infos), SleepingExecutor(3600), doctor=doctor)
    try:
        ask(host, Submit(job_id="j", host="lab-1", job=job(infos[0]), owner="ann"))
        asyncio.run(asyncio.wait_for(_started(host), 60))
        answer = ask(host, Examine(host="lab-1", phones=("A", "B", "B", "gone")))
    finally:
        host.close()
    assert isinstance(answer, Examination)
    assert seen == ["B"]
    assert [(one.phone, one.state) for one in answer.phones] == [("B", "device")]
    assert answer.phones[0].results == (CheckResult(check="screen", state="degraded", words="it is off"),)


async def _started(host: Host) -> None:
    while not host._start(host._jobs["j"]):
        await asyncio.sleep(0)


def test_a_host_without_a_doctor_examines_nothing(tmp_path: Path) -> None:
    host = Host("lab-1", tmp_path, FixedPhones([phone("A")]), SleepingExecutor(0.001))
    try:
        assert ask(host, Examine(host="lab-1", phones=("A",))) == Examination(phones=())
    finally:
        host.close()


def test_a_host_that_does_not_answer_is_told_and_the_others_examine() -> None:
    rack = Rack(World(), [listed(phone("A"), "lab-1"), listed(phone("B"), "lab-2"), listed(phone("C"), "lab-2")])

    def before(question: Question) -> Answer | None:
        if not isinstance(question, Examine):
            return None
        if question.host == "lab-1":
            return Refused(code="away", reason="Host lab-1 does not answer now.")
        found = (report(phone(one), screen=Finding("degraded", "it is off")) for one in question.phones)
        return Examination(phones=tuple(map(examined_phone, found)))

    rack.before = before
    told: list[str] = []
    phones = [(one.info, one) for one in targets_of(rack.phones)]
    reports = examine_all(rack, phones, told.append)
    assert [(one.info.id, one.outcome()) for one in reports] == [("B", "degraded"), ("C", "degraded")]
    assert told == ["The phones of host lab-1 are not examined by the doctor: Host lab-1 does not answer now."]
