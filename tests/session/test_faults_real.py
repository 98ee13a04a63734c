"""One run in which real browsers are crashed, frozen, robbed of their GPU and cut off, between other blocks."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from rich.console import Console

from mobilebench.analysis.summary import summarise
from mobilebench.browsers import builds
from mobilebench.browsers.launching import RunningBrowser
from mobilebench.core.errors import ExitCode, Fault
from mobilebench.core.records import BlockRule, PlannedBlock
from mobilebench.engines import page_sampling, web
from mobilebench.engines.base import BlockResult, PreparedCase
from mobilebench.engines.registry import engines
from mobilebench.report.compose import result_table
from mobilebench.results import export
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, resume, run
from mobilebench.session.dependencies import Dependencies
from mobilebench.suite import Plan
from mobilebench.targets.host import describe
from tests.browsers.processes import group, kill_pages, pages_in, wait_until
from tests.browsers.relay import Cable, relay
from tests.browsers.sabotage import crash_gpu
from tests.engines.web_cases import SHORT, web_case
from tests.session.fakes import SUITE, Seen

pytestmark = [pytest.mark.browser, pytest.mark.build]

TINY = "mlp_4x256"
LONG = BlockRule(min_predictions=1, max_predictions=100_000, max_seconds=1)
BLOCKS: list[tuple[str, str, Fault | None]] = [
    ("wasm", "simd", None),
    ("wasm", "simd", "crash"),
    ("wasm", "simd", "hang"),
    ("wasm", "simd", None),
    ("webgl", "software", "lost context"),
    ("wasm", "simd", "cut connection"),
    ("wasm", "simd", None),
]
"""Backend, what is chosen of it, and what happens to the browser when the first inference has ended."""


@dataclasses.dataclass
class Saboteur:
    """Does to the browser of the block in hand what is planned for it, each time that it is tried."""

    block: int = 0
    started: list[tuple[RunningBrowser, Cable]] = dataclasses.field(default_factory=list)

    def act(self) -> None:
        running, cable = self.started[-1]
        match BLOCKS[self.block][2]:
            case "crash":
                kill_pages(running.pid)
            case "hang":
                for pid in pages_in(running.pid):
                    os.kill(pid, signal.SIGSTOP)
            case "lost context":
                crash_gpu(running.address)
            case "cut connection":
                cable.cut()

    def engine(self, name: str) -> Any:
        """The real one, which does not wait for long."""
        saboteur = self
        real = dataclasses.replace(engines()[name], setup_patience_s=60)

        class Watched:
            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def measure(self, prepared: PreparedCase, **options: Any) -> BlockResult:
                saboteur.block = prepared.block.index
                hangs = BLOCKS[saboteur.block][2] == "hang"
                engine = dataclasses.replace(real, setup_patience_s=3) if hangs else real
                return engine.measure(prepared, **options)

        return Watched()


@pytest.fixture
def saboteur(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    """Its browsers are reached by a cable that can be cut."""
    made = Saboteur()
    launch, look = builds.launch, page_sampling.PageProcessSampler.paused

    @contextmanager
    def launching(*arguments: Any, **options: Any) -> Iterator[RunningBrowser]:
        with launch(*arguments, **options) as running, relay(running.address) as cable:
            made.started.append((running, cable))
            yield dataclasses.replace(running, address=cable.address)

    def looking(watch: page_sampling.PageProcessSampler, moment: str) -> None:
        look(watch, moment)
        if moment == "warmup":
            made.act()

    monkeypatch.setattr(builds, "launch", launching)
    monkeypatch.setattr(page_sampling.PageProcessSampler, "paused", looking)
    monkeypatch.setattr(web, "PREDICTION_PATIENCE_S", 0)
    return made


def blocks() -> Iterator[PlannedBlock]:
    for index, (backend, choice, fault) in enumerate(BLOCKS):
        case = web_case("tfjs", backend, choice, model=TINY)
        yield PlannedBlock(index=index, round=index, case=case, rule=LONG if fault else SHORT)


def shown(thing: Any) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(thing)
    return captured.get()


def test_every_fault_is_named_in_the_store_and_the_run_goes_on(saboteur: Saboteur, tmp_path: Path) -> None:
    here = describe()
    dependencies = Dependencies(engine=saboteur.engine)
    request = RunRequest(Plan(suite=SUITE, targets=(here,), seed=0, blocks=tuple(blocks())), (here,))
    with Store.open(tmp_path) as store:
        result = run(request, store, on_event=Seen(), cancel=Event(), dependencies=dependencies)
        done = store.load("last")
        retries = [event["fault"] for event in store.events("last") if event["kind"] == "BlockRetried"]
        again = resume(store.load("last"), store, on_event=Seen(), cancel=Event(), dependencies=dependencies)

    expected = [fault for _, _, fault in BLOCKS]
    assert [block.fault for block in done.blocks] == expected, [block.reason for block in done.blocks]
    assert [block.outcome for block in done.blocks] == ["failed" if fault else "measured" for fault in expected]
    assert all(block.reason for block in done.blocks if block.outcome == "failed")
    assert retries == [fault for fault in expected if fault]
    assert (done.info.status, result.exit_code) == ("finished", ExitCode.CASES_FAILED)
    assert again.counts == result.counts
    assert len(saboteur.started) == len(BLOCKS) + len(retries)

    told = {row["block"]: row["fault"] for row in export.rows(done)}
    assert told == dict(enumerate(expected))
    text = shown(result_table(summarise(done)))
    for fault in filter(None, expected):
        assert f"{fault}: " in text
    wait_until(lambda: not any(group(running.pid) for running, _ in saboteur.started))
    web.close()
