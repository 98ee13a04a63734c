"""Virtual phones of a host in a rack, measured by worker processes over the real adb."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.models import obtain
from mobilebench.rack.client import RackClient
from mobilebench.rack.messages import Accepted, Ask, Events, ListPhones, Phones, RackPhoneInfo, Submit
from mobilebench.session import events
from mobilebench.session.job import JobSpec
from mobilebench.virtual import phones
from tests.targets.conftest import BUNDLED_ADB, own_adb

from .processes import Rack

pytestmark = [pytest.mark.adb, pytest.mark.build]

RULE = BlockRule(min_predictions=5, max_predictions=5, max_seconds=1)
BLOCKS = 15


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        yield phones.up(names=["racked"])[0].serial


def listed(client: RackClient, wanted: Callable[[tuple[RackPhoneInfo, ...]], bool]) -> tuple[RackPhoneInfo, ...]:
    """The phones, once they are as wanted."""
    while not wanted(found := client.ask(ListPhones(), Phones).phones):
        client.ask(Ask(job_id="none", after=0), Events)
    return found


def test_a_phone_of_a_killed_host_is_measured_once_and_put_back(rack: Rack, serial: str) -> None:
    home = rack.folder / "host-1"
    home.mkdir()
    (home / "rack.yaml").write_text(f"phones: [{{serial: '{serial}', name: left, labels: [fast], group: a}}]\n")
    rack.start_scheduler()
    rack.start_worker(phones=None)
    with rack.client() as client:
        (phone,) = listed(client, lambda found: any(one.usable for one in found))
        assert (phone.target.id, phone.target.virtual) == (serial, True)
        assert (phone.name, phone.labels, phone.group) == ("left", ("fast",), "a")
        case = Case(target=serial, engine="sleep", backend="cpu", threads=1, model="bert_small")
        job = JobSpec(
            run_id="r",
            target=phone.target,
            blocks=tuple(PlannedBlock(index=n, round=n, case=case, rule=RULE) for n in range(BLOCKS)),
            models=(obtain.ensure("bert_small").manifest,),
            recorders=(),
            wait_seconds=60,
        )
        client.ask(Submit(job_id="j", host="host-1", job=job), Accepted)
        found: list[events.Event] = []
        killed = False
        while not (answer := client.ask(Ask(job_id="j", after=len(found), wait_s=30), Events)).finished:
            found += [events.from_json(line) for line in answer.lines]
            if not killed and any(isinstance(one, events.BlockFinished) for one in found):
                killed = True
                rack.workers["host-1"].end(signal.SIGKILL)
                rack.start_worker(phones=None)
        found += [events.from_json(line) for line in answer.lines]
    blocks = [one.block for one in found if isinstance(one, events.BlockFinished)]
    assert [(block.planned.index, block.outcome) for block in blocks] == [(n, "measured") for n in range(BLOCKS)], found
    assert killed


def test_phones_vanish_and_appear(rack: Rack, serial: str, tmp_path: Path) -> None:
    rack.start_scheduler()
    rack.start_worker(phones=None)
    with rack.client() as client:
        listed(client, lambda found: [one.target.id for one in found if one.usable] == [serial])
        other = phones.up(names=["second"])[0].serial
        listed(client, lambda found: {one.target.id for one in found if one.usable} == {serial, other})
        phones.down(["second"])
        listed(client, lambda found: [one.target.id for one in found if one.usable] == [serial])
