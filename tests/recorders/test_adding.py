"""Adding a recorder takes one module and one registration.

A throw-away recorder, of the target or of the page, flows through plan, run, store, verdict, analysis, export and
description.
"""

from __future__ import annotations

import json
import threading

import pytest
from typer.testing import CliRunner

from mobilebench.analysis.summary import summarise
from mobilebench.cli.app import app
from mobilebench.cli.plan_table import plan_table
from mobilebench.core.records import Proof, Series
from mobilebench.engines import page_recorders
from mobilebench.engines.base import BlockResult, why_unsupported
from mobilebench.engines.page_process import RecordedPage
from mobilebench.recorders import registry
from mobilebench.recorders.base import Declaration, Quantity, Recorded
from mobilebench.recorders.in_engine import EngineRecorder
from mobilebench.recorders.sampler import Sampler
from mobilebench.results import export
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.suite import Selection, plan
from mobilebench.suite.schema import Suite
from mobilebench.suite.vocabulary import Vocabulary
from mobilebench.verdicts.rules import judge
from tests.pinning import Pinned

from ..results.making import host, phone
from ..session.fakes import SUITE, FakeEngine, Seen, World


class FrameRecorder:
    """Counts made-up frames, of this computer alone."""

    declaration = Declaration(
        name="frames",
        title="Frames",
        description="Frames that a page drew.",
        cost="during the block",
        quantities=(Quantity("drawn", "frames", "Frames drawn"),),
        sampled=True,
    )

    def __init__(self, interval_s):
        self._interval_s = interval_s
        self._drawn = 0
        self.enough = threading.Event()

    def validate(self, target, block, engine):
        return None if target.kind == "host" else "frames of phones cannot be counted"

    def start(self, subject):
        self._drawn = 0
        self._sampler = Sampler(self._count, self._interval_s, "frames")
        self._sampler.start()

    def stop(self, subject, *, complete=True):
        self._sampler.stop()

    def result(self):
        times = [number * 50.0 for number in range(self._drawn)]
        values = [float(number) for number in range(self._drawn)]
        name = self.declaration.name
        return Recorded([Series(recorder=name, name="drawn", unit="frames", times_ms=times, values=values)])

    def _count(self, ended):
        self._drawn += 1
        if self._drawn == 3:
            self.enough.set()


@pytest.fixture
def frames(monkeypatch):
    made = []

    def make(interval_s):
        made.append(FrameRecorder(interval_s))
        return made[-1]

    monkeypatch.setitem(registry.READERS, "frames", make)
    return made


class Interrupts:
    """Counts made-up interrupts of one block, which takes time: it has blocks of its own, and takes no interval."""

    declaration = Declaration(
        name="interrupts",
        title="Interrupts",
        description="Interrupts while a block is measured.",
        cost="during the block",
        quantities=(Quantity("seen", "interrupts", "Interrupts"),),
    )

    def __init__(self, interval_s):
        assert interval_s is None
        self._seen = None

    def validate(self, target, block, engine):
        return None

    def start(self, subject):
        self._seen = None

    def stop(self, subject, *, complete=True):
        self._seen = 7.0 if complete else None

    def result(self):
        name = self.declaration.name
        return Recorded([Series(recorder=name, name="seen", unit="interrupts", times_ms=[1.0], values=[self._seen])])


def test_a_recorder_for_own_blocks_takes_one_module_and_one_registration(monkeypatch, tmp_path):
    monkeypatch.setitem(registry.READERS, "interrupts", Interrupts)  # the registration
    world = World(engine=FakeEngine(), attached=[host()], readers={"interrupts": Interrupts})
    words = Vocabulary({"fake": world.engine}, ["m"], ("fp32",))
    without = plan(SUITE, [host()], words=words)
    planned = plan(SUITE, [host()], Selection(record=(registry.request("interrupts"),)), words=words)
    assert [block.pass_ for block in without.blocks] == ["timing", "timing"]
    assert [block.pass_ for block in planned.blocks] == ["timing", "timing", "recording"]
    columns, rows = plan_table(planned)
    assert dict(zip(columns, rows[0], strict=True))["recording"] == 1

    store = Store.open(tmp_path)
    request = RunRequest(plan=planned, targets=planned.targets, command=())
    found = run(request, store, on_event=Seen(), cancel=threading.Event(), dependencies=world.dependencies())
    blocks = store.load(found.run_id).blocks
    assert [(block.planned.pass_, [one.values for one in block.series]) for block in blocks] == [
        ("timing", []),
        ("timing", []),
        ("recording", [[7.0]]),
    ]
    described = json.loads(CliRunner().invoke(app, ["describe", "recorders", "--json"]).stdout)
    assert "interrupts" in [one["recorder"] for one in described]


def test_a_throw_away_recorder_is_planned_run_stored_exported_and_described(frames, tmp_path, pinned: Pinned):
    world = World(engine=FakeEngine(), attached=[host(), phone()], readers={"frames": registry.READERS["frames"]})
    world.engine.behave = lambda planned, cancel: planned.conditions.record and frames[-1].enough.wait(30)
    suite = SUITE.model_copy(
        update={"groups": [SUITE.groups[0].model_copy(update={"targets": ["host", "android"]})], "blocks": 1}
    )
    planned = plan(
        suite,
        [host(), phone()],
        Selection(record=(registry.request("frames@50ms"),)),
        words=Vocabulary({"fake": world.engine}, ["m"], ("fp32",)),
    )
    assert [block.pass_ for block in planned.blocks] == ["timing", "timing", "recording", "recording"]

    store = Store.open(tmp_path)
    request = RunRequest(plan=planned, targets=planned.targets, command=())
    found = run(request, store, on_event=Seen(), cancel=threading.Event(), dependencies=world.dependencies())
    stored = store.load(found.run_id)
    sampled = {block.planned.case.target: block for block in stored.blocks if block.planned.pass_ == "recording"}
    assert sampled["host"].outcome == "measured"
    assert sampled["host"].measurement.pass_ == "recording"
    assert sampled["R58M"].outcome == "unsupported"
    pinned(sampled["R58M"].reason)

    rows = [row for row in export.rows(stored, "series") if row["pass"] == "recording"]
    assert [(row["recorder"], row["name"], row["value"]) for row in rows][:3] == [
        ("frames", "drawn", 0.0),
        ("frames", "drawn", 1.0),
        ("frames", "drawn", 2.0),
    ]

    described = CliRunner().invoke(app, ["describe", "recorders", "--json"])
    assert {
        "recorder": "frames",
        "title": "Frames",
        "stores": ["drawn (frames)"],
        "costs time": "during the block",
        "at an interval": "yes",
        "description": "Frames that a page drew.",
    } in json.loads(described.stdout)


class PageFrames:
    """Counts the frames that a page draws, by asking its browser."""

    def start(self, subject):
        self._seen = [subject.page.page.frames()]

    def paused(self, stage):
        pass

    def stop(self, subject, *, complete=True):
        if complete:
            self._seen.append(subject.page.page.frames())

    def result(self):
        series = Series(recorder="frames", name="drawn", unit="frames", times_ms=[0.0, 9.0], values=self._seen)
        return Recorded([series])


def _frames_missing(measurement):
    return "no frame was drawn" if "no frames" in measurement.proof.notes else None


PAGE_FRAMES = EngineRecorder(
    "frames",
    Declaration(
        name="frames",
        title="Frames",
        description="Frames that a page drew.",
        cost="during the block",
        quantities=(Quantity("drawn", "frames", "Frames drawn"),),
    ),
    why_no_pass=lambda engine: None if engine.kind == "web" else "it runs without a page",
    why_missing=_frames_missing,
    page_side=PageFrames,
)


class DrawingPage:
    """A page that draws 60 frames between two questions."""

    capabilities = frozenset()

    def __init__(self):
        self._drawn = 0.0

    def frames(self):
        self._drawn += 60.0
        return self._drawn

    def call(self, method, params=None, *, timeout=15.0):
        return {}


class NoProcesses:
    here = False

    def running(self):
        return {}


class PageEngine(FakeEngine):
    """Measures a made-up page, which is recorded as real pages are."""

    def measure(self, prepared, *, cancel, traces):
        page = RecordedPage(DrawingPage(), NoProcesses(), prepared.block, folder=traces)
        with page_recorders.recording(prepared.target, page) as recorded:
            result = super().measure(prepared, cancel=cancel, traces=traces)
        return BlockResult(recorded.completed(result.measurement), result.spent_ms, recorded.series)


def test_a_recorder_of_pages_takes_one_module_and_one_registration(monkeypatch, tmp_path):
    monkeypatch.setitem(registry.IN_ENGINE, "frames", PAGE_FRAMES)  # the registration
    engine = PageEngine(kind="web", report=lambda block: {"pass": block.pass_})
    world = World(engine=engine, attached=[host()])
    words = Vocabulary({"fake": engine}, ["m"], ("fp32",))
    suite = Suite.model_validate({**SUITE.model_dump(mode="json", exclude_none=True), "passes": ["timing", "frames"]})
    planned = plan(suite, [host()], words=words)
    assert [block.pass_ for block in planned.blocks] == ["timing", "timing", "frames"]
    columns, rows = plan_table(planned)
    assert dict(zip(columns, rows[0], strict=True))["frames"] == 1

    store = Store.open(tmp_path)
    request = RunRequest(plan=planned, targets=planned.targets, command=())
    found = run(request, store, on_event=Seen(), cancel=threading.Event(), dependencies=world.dependencies())
    stored = store.load(found.run_id)
    assert [(block.planned.pass_, block.outcome) for block in stored.blocks] == [
        ("timing", "measured"),
        ("timing", "measured"),
        ("frames", "measured"),
    ]
    *timed, framed = stored.blocks
    assert [block.series for block in timed] == [[], []]
    assert [one.values for one in framed.series] == [[60.0, 120.0]]
    assert [row["value"] for row in export.rows(stored, "series") if row["pass"] == "frames"] == [60.0, 120.0]
    assert summarise(stored).watched["frames"]["suspect"] == 1

    without = framed.measurement.model_copy(update={"proof": Proof(notes=["no frames"])})
    verdict = judge(framed.planned, without, host(), None)
    assert "record-missing" in [reason.code for reason in verdict.reasons]

    described = json.loads(CliRunner().invoke(app, ["describe", "recorders", "--json"]).stdout)
    assert [one["stores"] for one in described if one["recorder"] == "frames"] == [["drawn (frames)"]]


def test_a_native_engine_has_no_pass_of_pages(monkeypatch, pinned: Pinned):
    monkeypatch.setitem(registry.IN_ENGINE, "frames", PAGE_FRAMES)
    engine = FakeEngine()
    words = Vocabulary({"fake": engine}, ["m"], ("fp32",))
    planned = plan(SUITE, [host()], Selection(passes=("frames",)), words=words)
    pinned(why_unsupported(engine, host(), planned.blocks[0]))
    assert registry.passes_of(engine) == ["timing", "kernels", "memory"]
