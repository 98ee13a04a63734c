"""Blocks that watch: planned with the others, and told when an engine or a target cannot have them."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import Unsupported
from mobilebench.core.records import Conditions, Pass, PlannedBlock, Run, TargetInfo, TraceFile
from mobilebench.engines.base import why_unsupported
from mobilebench.results import traces
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.session.journal import FILE_NAME

from ..results.making import host
from .fakes import FakeEngine, Seen, World, plan

EVERY: tuple[Pass, ...] = ("timing", "timing", "kernels", "memory", "trace")
TRACE = {
    "name": "00004-m.json.gz",
    "bytes": 4,
    "sha256": "0" * 64,
    "json_bytes": 40,
    "complete": True,
    "marks": ["prediction", "setup", "warmup"],
    "categories": ["v8.wasm"],
}
READINGS = {"readings": [{"at_ms": 1.0, "rss_kb": 9}]}


@pytest.fixture
def folder(tmp_path: Path, empty_store: Path) -> Path:
    shutil.copy(empty_store, tmp_path)
    return tmp_path


def report(planned: PlannedBlock) -> dict[str, Any]:
    watched: dict[str, Any] = {
        "timing": {},
        "kernels": {"kernels": [{"name": "CONV_2D", "times_ms": [1.0]}]},
        "memory": {"memory": READINGS},
        "trace": {"trace": TRACE},
    }[planned.pass_]
    return {"pass": planned.pass_, **watched}


def measured(folder: Path, engine: FakeEngine, **case: str) -> Run:
    """A run with one case in two rounds of timing, and every other pass."""
    one = plan(host(), rounds=1).blocks[0]
    blocks = [
        one.model_copy(update={"index": number, "round": number, "pass_": name, "case": replace(one.case, **case)})
        for number, name in enumerate(EVERY)
    ]
    asked = replace(plan(host()), blocks=tuple(blocks))
    with Store.open(folder) as store:
        request = RunRequest(plan=asked, targets=(host(),))
        run(request, store, on_event=Seen(), cancel=threading.Event(), dependencies=World(engine=engine).dependencies())
        return store.load("last")


def test_every_pass_is_measured_judged_and_stored_as_what_it_is(folder: Path) -> None:
    found = measured(folder, FakeEngine(kind="web", report=report)).blocks
    assert [block.planned.pass_ for block in found] == list(EVERY)
    assert [block.measurement.pass_ for block in found if block.measurement] == list(EVERY)
    assert {block.verdict.status for block in found if block.verdict} == {"valid"}
    assert found[2].measurement and [kernel.name for kernel in found[2].measurement.kernels] == ["CONV_2D"]
    assert found[3].measurement and found[3].measurement.memory
    assert found[4].measurement and found[4].measurement.trace == TraceFile.model_validate(TRACE)


def test_a_trace_is_left_in_the_run_s_own_folder_and_found_again_there(folder: Path) -> None:
    stored = measured(folder, FakeEngine(kind="web", report=report))
    own = folder / "runs" / stored.info.id
    [kept] = traces.stored(stored, own)
    assert (kept.planned.index, kept.path, kept.is_there) == (4, own / "traces" / "00004-m.json.gz", True)
    assert [file.name for file in kept.path.parent.iterdir()] == ["00004-m.json.gz"]
    kept.path.write_bytes(b"12")
    assert not kept.is_there


def test_the_journal_tells_the_pass(folder: Path) -> None:
    stored = measured(folder, FakeEngine(report=report))
    lines = (folder / "runs" / stored.info.id / FILE_NAME).read_text().splitlines()
    begun = [line for line in map(json.loads, lines) if line["kind"] == "BlockStarted"]
    assert [line["planned"]["pass"] for line in begun] == list(EVERY)


def test_an_engine_without_these_passes_says_so_and_is_timed_all_the_same(folder: Path) -> None:
    found = measured(folder, FakeEngine(report=report, why_no_kernels="it computes nothing")).blocks
    assert [(block.outcome, block.reason) for block in found] == [
        ("measured", None),
        ("measured", None),
        ("unsupported", "engine fake has no kernels pass: it computes nothing"),
        ("measured", None),
        (
            "unsupported",
            "engine fake has no trace pass: only browsers record traces, and this engine runs without one",
        ),
    ]


def test_what_cannot_be_timed_is_not_tried_again_to_be_watched(folder: Path) -> None:
    def refuse(planned: PlannedBlock, cancel: threading.Event) -> None:
        raise Unsupported("no such operator")

    engine = FakeEngine(behave=refuse)
    found = measured(folder, engine).blocks
    assert {(block.outcome, block.reason) for block in found} == {("unsupported", "no such operator")}
    assert engine.measured == [0]


def test_a_profiler_that_is_missing_takes_nothing_from_the_other_passes(folder: Path) -> None:
    def refuse(planned: PlannedBlock, cancel: threading.Event) -> None:
        if planned.pass_ == "kernels":
            raise Unsupported("this library has no profiler")

    found = measured(folder, FakeEngine(kind="web", behave=refuse, report=report)).blocks
    assert [block.outcome for block in found] == ["measured", "measured", "unsupported", "measured", "measured"]


@pytest.mark.parametrize(
    ("case", "conditions", "says"),
    [
        ({"affinity": "big"}, {}, "the cores of fake cannot be chosen"),
        ({"link": "4g", "browser": "firefox"}, {}, "Firefox cannot emulate the network 4g"),
        ({}, {"priority": 5}, "the priority of fake cannot be set"),
        ({}, {"model_access": "mapped"}, "the model of fake cannot be mapped"),
    ],
)
def test_what_a_page_cannot_do_is_said_and_not_left_out(
    case: dict[str, str], conditions: dict[str, Any], says: str
) -> None:
    one = plan(host(), rounds=1).blocks[0]
    asked = one.model_copy(update={"case": replace(one.case, **case), "conditions": Conditions(**conditions)})
    target: TargetInfo = host()
    assert says in (why_unsupported(FakeEngine(kind="web"), target, asked) or "")  # type: ignore[arg-type]
    native = why_unsupported(FakeEngine(kind="native"), target, asked)  # type: ignore[arg-type]
    assert native == ("fake downloads nothing, so there is no link 4g" if "link" in case else None)
    assert why_unsupported(FakeEngine(kind="web"), target, one) is None  # type: ignore[arg-type]
