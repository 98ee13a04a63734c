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
    Reserve,
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


ANN, BOB = "a" * 32, "b" * 32


def reserve(serial: str, token: str) -> Reserve:
    return Reserve(host="lab-1", phone=serial, token=token, owner="ann", seconds=600)


def test_a_host_examines_the_phones_that_nobody_else_has(tmp_path: Path) -> None:
    infos = [phone(serial) for serial in ("used", "free", "mine", "theirs", "other")]
    seen: list[str] = []

    def doctor(examined: Sequence[TargetInfo]) -> list[Report]:
        seen.extend(info.id for info in examined)
        return [report(info, screen=Finding("degraded", "it is off")) for info in examined]

    host = Host("lab-1", tmp_path, FixedPhones(infos), SleepingExecutor(3600), doctor=doctor)
    try:
        ask(host, Submit(job_id="j", host="lab-1", job=job(infos[0]), owner="ann"))
        assert host._start(host._jobs["j"])
        ask(host, reserve("mine", ANN))
        ask(host, reserve("theirs", BOB))
        names = ("used", "free", "free", "mine", "theirs", "gone")
        answer = ask(host, Examine(host="lab-1", phones=names, leases={"mine": ANN, "theirs": ANN, "used": ANN}))
    finally:
        host.close()
    assert isinstance(answer, Examination)
    assert seen == ["free", "mine"]
    assert [(one.phone, one.state) for one in answer.phones] == [("free", "device"), ("mine", "device")]
    assert answer.phones[0].results == (CheckResult(check="screen", state="degraded", words="it is off"),)


def test_simulated_phones_have_no_doctor(tmp_path: Path) -> None:
    host = Host("lab-1", tmp_path, FixedPhones([phone("A")]), SleepingExecutor(0.001))
    try:
        assert isinstance(ask(host, Examine(host="lab-1", phones=("A",))), Refused)
    finally:
        host.close()


def test_what_is_not_examined_is_told_and_the_others_are() -> None:
    rack = Rack(World(), [listed(phone("A"), "lab-1"), listed(phone("B"), "lab-2"), listed(phone("C"), "lab-2")])
    rack.phones.append(listed(phone("D"), "lab-2"))

    def before(question: Question) -> Answer | None:
        if not isinstance(question, Examine):
            return None
        if question.host == "lab-1":
            return Refused(code="away", reason="Host lab-1 does not answer now.")
        assert question.leases == {"C": ANN}
        here = [one for one in question.phones if one != "D"]
        found = (report(phone(one), screen=Finding("degraded", "it is off")) for one in here)
        return Examination(phones=tuple(map(examined_phone, found)))

    rack.before = before
    told: list[str] = []
    phones = [(one.info, one) for one in targets_of(rack.phones)]
    reports = examine_all(rack, phones, told.append, lambda place: {"C": ANN}.get(place.serial))
    assert [(one.info.id, one.outcome()) for one in reports] == [("B", "degraded"), ("C", "degraded")]
    assert told == [
        "Not every phone of host lab-1 is examined by the doctor: Host lab-1 does not answer now.",
        "Not every phone of host lab-2 is examined by the doctor: D is in use.",
    ]
