"""One run on a virtual phone whose page blocks meet what happens to phones in use: locks, dialogs, an update."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mobilebench import targets
from mobilebench.core.errors import ExitCode, Fault
from mobilebench.core.records import BlockRule, PlannedBlock
from mobilebench.engines import page_sampling
from mobilebench.engines.base import BlockResult, PreparedCase
from mobilebench.engines.registry import engines
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, events, run
from mobilebench.session.dependencies import Dependencies
from mobilebench.suite import Plan
from mobilebench.virtual import faults, phones
from tests.browsers.processes import wait_until
from tests.engines.web_cases import web_case
from tests.session.fakes import SUITE, Seen
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [
    pytest.mark.adb,
    pytest.mark.browser,
    pytest.mark.build,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("closed_pages"),
]

NAME = "in-use"
RULE = BlockRule(min_predictions=5, max_predictions=10, max_seconds=5)


@dataclasses.dataclass(frozen=True)
class Happening:
    """What happens while a block is measured for the first time, and what becomes of the block."""

    fault: str | None = None
    option: str | None = None
    hides: bool = False
    """Whether the page is hidden by it."""
    stays: bool = False
    """Whether it is still so at the second attempt."""
    hangs: bool = False
    """Whether the browser does not answer any more."""
    retried: Fault | None = None
    failed: Fault | None = None
    says: str = ""
    """Part of the reason for the second attempt."""


UNLOCK, ANSWER = "Unlock it", "answer or close what it shows"
HAPPENINGS = (
    Happening(),
    Happening("lock", "swipe", hides=True, retried="screen locked", says=UNLOCK),
    Happening("lock", "secret", hides=True, stays=True, retried="screen locked", failed="screen locked", says=UNLOCK),
    Happening("dialog", "anr", hangs=True, retried="system dialog", says="Application Not Responding"),
    Happening("dialog", "crash", hangs=True, retried="system dialog", says="Application Error"),
    Happening("dialog", "update", hides=True, retried="system dialog", says=ANSWER),
    Happening("dialog", "usb"),
    Happening("chrome-update", retried="app updated", says="Switch automatic updates of apps off"),
    Happening(),
)


class Person:
    """Does to the phone what is planned for the block in hand, once, at the end of its first inference."""

    def __init__(self) -> None:
        self.block = 0
        self.done: set[int] = set()
        self._again = False

    @property
    def hangs(self) -> bool:
        """Whether the browser of the attempt in hand does not answer any more."""
        return self.block in self.done and not self._again and HAPPENINGS[self.block].hangs

    def begin(self, block: int) -> None:
        """Begin an attempt of a block."""
        self.block, self._again = block, block in self.done

    def act(self, page: Any) -> None:
        happening = HAPPENINGS[self.block]
        again = self.block in self.done
        if happening.fault is None or (again and not happening.stays):
            return
        if not again:
            faults.apply(NAME, happening.fault, option=happening.option)
            self.done.add(self.block)
        if happening.hides:
            wait_until(lambda: page.evaluate("document.visibilityState", timeout=60) == "hidden", 60)

    def engine(self, name: str) -> Any:
        """The real one, which tells which block it measures."""
        person, real = self, engines()[name]

        class Watched:
            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def measure(self, prepared: PreparedCase, **options: Any) -> BlockResult:
                person.begin(prepared.block.index)
                return real.measure(prepared, **options)

        return Watched()


class Impatient:
    """A page that is given up soon once its browser hangs."""

    def __init__(self, page: Any, person: Person) -> None:
        self._page = page
        self._person = person

    def evaluate(self, script: str, *, timeout: float, what: str) -> Any:
        return self._page.evaluate(script, timeout=2 if self._person.hangs else timeout, what=what)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Person:
    made = Person()
    look, answer_of = page_sampling.PageProcessSampler.paused, page_sampling.answer_of

    def looking(watch: page_sampling.PageProcessSampler, moment: str) -> None:
        look(watch, moment)
        if moment == "warmup":
            made.act(watch._recorded.page)

    def impatient(page: Any, job: str, looks: Callable[[str], None], **limits: Any) -> Any:
        return answer_of(Impatient(page, made), job, looks, **limits)  # type: ignore[arg-type]

    monkeypatch.setattr(page_sampling.PageProcessSampler, "paused", looking)
    monkeypatch.setattr(page_sampling, "answer_of", impatient)
    return made


class Unlocking(Seen):
    """Ends the phone's faults after each block, as its owner would."""

    def __call__(self, event: events.Event) -> None:
        super().__call__(event)
        if isinstance(event, events.BlockFinished):
            faults.clear(NAME)


def test_what_happens_on_a_phones_screen_is_named_and_the_block_measured_again(person: Person, tmp_path: Path) -> None:
    with own_adb(tmp_path / "home", BUNDLED_ADB):
        (info,) = targets.select(phones.up(names=[NAME])[0].serial)
        case = dataclasses.replace(web_case("tfjs", "wasm", "simd", model="mlp_4x256"), target=info.id)
        blocks = tuple(PlannedBlock(index=n, round=n, case=case, rule=RULE) for n in range(len(HAPPENINGS)))
        request = RunRequest(Plan(suite=SUITE, targets=(info,), seed=0, blocks=blocks), (info,))
        seen = Unlocking()
        with Store.open(tmp_path / "results") as store:
            result = run(request, store, on_event=seen, cancel=Event(), dependencies=Dependencies(engine=person.engine))
            done = store.load("last")

    assert person.done == {n for n, one in enumerate(HAPPENINGS) if one.fault}
    retries = {event.planned.index: event for event in seen.of(events.BlockRetried)}
    assert {n: event.fault for n, event in retries.items()} == {
        n: one.retried for n, one in enumerate(HAPPENINGS) if one.retried
    }, [event.reason for event in retries.values()]
    for n, one in enumerate(HAPPENINGS):
        assert n not in retries or one.says in retries[n].reason
    assert [block.fault for block in done.blocks] == [one.failed for one in HAPPENINGS], [b.reason for b in done.blocks]
    assert [block.outcome for block in done.blocks] == ["failed" if one.failed else "measured" for one in HAPPENINGS]
    assert "screen is" in (done.blocks[2].reason or "") and UNLOCK in (done.blocks[2].reason or "")
    assert [b.measurement.proof.visible for b in done.blocks if b.measurement] == [True] * (len(HAPPENINGS) - 1)
    assert seen.of(events.Defect) == seen.of(events.TargetLost) == []
    assert (done.info.status, result.exit_code) == ("finished", ExitCode.CASES_FAILED)
