"""What the scheduler answers when hosts are away, share a phone, or have another version."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

import mobilebench
from mobilebench.core.errors import BadInput
from mobilebench.rack import desk as desks
from mobilebench.rack.choice import chosen
from mobilebench.rack.desk import Desk
from mobilebench.rack.job_list import JobList
from mobilebench.rack.messages import (
    PROTOCOL,
    Answer,
    Ask,
    Cancel,
    Events,
    Gone,
    Hello,
    ListPhones,
    Phones,
    Question,
    RackPhoneInfo,
    Refused,
    Welcome,
    name_of,
    phone_key,
    to_text,
)
from mobilebench.rack.versions import refuse_skew

from .making import phone

BOOT = {"boot_id": "11111111-2222-3333-4444-555555555555 pid:[1]", "ro.serialno": "R5"}


def offered(host: str, serial: str, **more: object) -> RackPhoneInfo:
    target = phone(serial, facts=more.pop("facts", {}))
    return RackPhoneInfo.model_validate(
        {
            "target": target,
            "key": phone_key(target),
            "host": host,
            "worker": "tls://192.0.2.1:1",
            "seen_at": datetime.now(UTC),
            **more,
        }
    )


class Hosts:
    """Two hosts that have phones; one of them may be away."""

    def __init__(self, phones: dict[str, tuple[RackPhoneInfo, ...]]) -> None:
        self.phones = phones
        self.away: set[str] = set()

    async def send(self, address: str, name: str, text: str) -> str:
        if address in self.away:
            raise OSError("away")
        return to_text(Phones(phones=self.phones[address]))

    async def place(self, host: str, serial: str, key: str, text: str) -> str:
        raise OSError("away")


def answers(hosts: Hosts, jobs: JobList, *questions: Question, away_after: int = 1000) -> list[Answer]:
    async def main() -> list[Answer]:
        desk = Desk(hosts, jobs)
        for host in hosts.phones:
            await desk.connected(host, host)
        found: list[Answer] = []
        for number, question in enumerate(questions):
            if number == away_after:
                hosts.away = set(hosts.phones)
            answer = await desk._reply(f"{name_of(question)} {to_text(question)}".encode(), greeted=True)
            assert isinstance(answer, Answer)
            found.append(answer)
        await desk.close()
        return found

    return asyncio.run(main())


@pytest.fixture
def jobs(tmp_path: Path) -> JobList:
    return JobList(tmp_path / "jobs.jsonl")


def test_a_phone_of_two_hosts_is_one_phone(jobs: JobList) -> None:
    hosts = Hosts({"a": (offered("a", "R5", facts=BOOT),), "b": (offered("b", "192.0.2.5:5555", facts=BOOT),)})
    (listed,) = answers(hosts, jobs, ListPhones())
    assert isinstance(listed, Phones)
    first, second = listed.phones
    assert (first.usable, second.usable) == (True, False)
    assert second.target.state == "the same phone as R5 on host a"


def test_phones_of_a_host_that_is_away_stay_listed(jobs: JobList) -> None:
    hosts = Hosts({"a": (offered("a", "R5"),)})
    before, after = answers(hosts, jobs, ListPhones(), ListPhones(), away_after=1)
    assert isinstance(before, Phones) and isinstance(after, Phones)
    assert before.phones[0].present
    assert after.phones == (before.phones[0].model_copy(update={"present": False}),)


def test_events_of_a_job_whose_host_is_away_come_later(jobs: JobList) -> None:
    jobs.add("j", "a")
    (answer,) = answers(Hosts({}), jobs, Ask(job_id="j", after=0))
    assert isinstance(answer, Refused) and answer.code == "away"


def test_events_of_a_job_that_nobody_knows_are_lost(jobs: JobList) -> None:
    lost, cancelled = answers(Hosts({}), jobs, Ask(job_id="j", after=3), Cancel(job_id="j", token="t"))
    assert lost == Events(lines=(), next=3, finished=True, missing_spool=True)
    assert cancelled == Gone(known=False)


def test_a_host_that_never_came_is_unknown_after_a_while(jobs: JobList, monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilebench.rack.messages import Missing

    question = Missing(host="x", digests=())
    (early,) = answers(Hosts({}), jobs, question)
    monkeypatch.setattr(desks, "_GRACE_S", -1.0)
    (late,) = answers(Hosts({}), jobs, question)
    assert isinstance(early, Refused) and early.code == "away"
    assert isinstance(late, Refused) and late.code == "unknown"


def test_the_list_of_jobs_outlives_the_scheduler(tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    jobs = JobList(file)
    for name in ("a", "b", "c"):
        jobs.add(name, f"host-{name}")
    jobs.remove("b")
    jobs.remove("nothing")
    jobs.close()
    with file.open("ab") as torn:
        torn.write(b'{"job_id": "d", "ho')
    again = JobList(file)
    assert again.all() == [("a", "host-a"), ("c", "host-c")]
    again.add("e", "host-e")
    assert JobList(file).host_of("e") == "host-e"


def test_the_same_version_is_welcome(jobs: JobList) -> None:
    (answer,) = answers(Hosts({}), jobs, Hello(version=mobilebench.__version__, protocol=PROTOCOL))
    assert isinstance(answer, Welcome)


@pytest.mark.parametrize(
    ("version", "protocol", "hint"),
    [
        ("0.0.1", PROTOCOL, "Upgrade host lab-1, so that all are equal."),
        ("999.0", PROTOCOL, "Upgrade the scheduler and its hosts, so that all are equal."),
        (mobilebench.__version__, PROTOCOL + 1, "Upgrade host lab-1, so that all are equal."),
        ("strange", PROTOCOL, "Upgrade the scheduler and its hosts, so that all are equal."),
    ],
)
def test_another_version_is_refused(version: str, protocol: int, hint: str) -> None:
    refused = refuse_skew("host lab-1", version, protocol)
    assert refused and refused.code == "version" and refused.hint == hint
    assert mobilebench.__version__ in refused.reason and version in refused.reason


def test_phones_are_chosen_by_what_their_hosts_say_of_them() -> None:
    every = (offered("a", "R5", labels=("fast",), name="left"), offered("b", "R5"), offered("b", "R6", group="g"))
    ids = {
        word: [f"{one.host}/{one.target.id}" for one in chosen(word, every)]
        for word in ("all", "R5", "b/R5", "host:b", "label:fast", "name:left", "group:g", "soc:SoC", "label:fast,R6")
    }
    assert ids == {
        "all": ["a/R5", "b/R5", "b/R6"],
        "R5": ["a/R5", "b/R5"],
        "b/R5": ["b/R5"],
        "host:b": ["b/R5", "b/R6"],
        "label:fast": ["a/R5"],
        "name:left": ["a/R5"],
        "group:g": ["b/R6"],
        "soc:SoC": ["a/R5", "b/R5", "b/R6"],
        "label:fast,R6": ["a/R5", "b/R6"],
    }
    for wrong in ("", "R7", "label:slow"):
        with pytest.raises(BadInput):
            chosen(wrong, every)
