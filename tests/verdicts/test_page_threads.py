"""Threads of a page, held against those that were asked for: by processor time, not by what the engine says."""

from __future__ import annotations

import pytest

from mobilebench.core.records import BlockRule, Case, PlannedBlock, Proof
from mobilebench.verdicts.findings import Evidence, Findings
from mobilebench.verdicts.web import judge_page_threads

from ..results.making import host, measurement
from .levels import doubtful, wrong


def judged(threads: int, backend: str = "wasm", *, at_work: int | None, alive: int | None = None) -> Findings:
    case = Case(
        target="host",
        engine="tfjs",
        backend=backend,
        wasm_build="simd-threads",
        threads=threads,
        browser="chrome",
        model="m",
    )
    found = Findings()
    planned = PlannedBlock(index=0, round=0, case=case, rule=BlockRule())
    proof = Proof(threads=threads, threads_at_work=at_work, threads_alive=alive)
    judge_page_threads(Evidence(planned, measurement(proof=proof), host()), found)
    return found


@pytest.mark.parametrize(("threads", "alive"), [(1, 1), (2, 2), (2, 9), (4, 9)])
def test_as_many_as_were_asked_for_are_nothing_to_tell(threads: int, alive: int) -> None:
    assert judged(threads, at_work=threads, alive=alive) == Findings()


def test_without_their_processor_time_threads_are_unproven() -> None:
    found = judged(2, at_work=None)
    assert wrong(found) == []
    assert doubtful(found) == ["threads unproven: the system does not tell the processor time of the page's threads"]


def test_one_thread_needs_no_proof() -> None:
    assert judged(1, at_work=None) == Findings()


def test_threads_that_fell_to_one_are_wrong_whatever_the_engine_says() -> None:
    assert wrong(judged(4, at_work=1, alive=1)) == [
        "1 of 4 threads of the page used processor time: there were no more"
    ]


def test_threads_without_work_are_doubtful() -> None:
    found = judged(4, at_work=1, alive=4)
    assert wrong(found) == []
    assert doubtful(found) == ["4 threads of the page were there, but only 1 used processor time"]


def test_more_threads_than_were_asked_for_are_wrong() -> None:
    assert wrong(judged(1, at_work=2, alive=9)) == ["2 threads of the page, not 1, used processor time"]


def test_a_gpu_has_no_threads_of_the_page() -> None:
    assert judged(1, "webgl", at_work=3, alive=3) == Findings()
