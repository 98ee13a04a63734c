"""Runs in which pages are used while a model infers in them: on this computer, on a phone, and what is unsupported."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mobilebench import targets
from mobilebench.core.page_quality import Inferring, PresentedFrames, ScenarioResult, Void
from mobilebench.core.records import Block, Run, TargetInfo
from mobilebench.results import export
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.suite import loading
from mobilebench.suite.planning import Selection, plan
from mobilebench.virtual import phones
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [
    pytest.mark.browser,
    pytest.mark.build,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("closed_pages"),
]

TINY = "mlp_4x256"
SECONDS = 2


def measured(folder: Path, info: TargetInfo, **axes: tuple[Any, ...]) -> Run:
    """A run of suite `qoe` with a tiny model and one short block of each case."""
    usual: dict[str, tuple[Any, ...]] = {"engine": ("tfjs",), "backend": ("wasm",), "model": (TINY,), "threads": (2,)}
    selection = Selection({**usual, **axes}, blocks=1, seconds=f"{SECONDS}s")
    request = RunRequest(plan(loading.load("qoe"), (info,), selection), (info,))
    with Store.open(folder) as store:
        run(request, store, on_event=lambda _: None, cancel=Event())
        return store.load("last")


ABOUT_TIME = {
    "clock-too-coarse",
    "download-times-differ",
    "duty-missed",
    "inference-too-long",
    "no-duty",
    "other-load",
    "slowed-down",
}
"""Doubts that a busy computer may cause."""


def by_duty(found: Run) -> dict[int | None, Block]:
    return {block.planned.case.duty: block for block in found.blocks}


def used(block: Block) -> ScenarioResult:
    assert block.outcome == "measured", block.reason
    assert block.scenario is not None
    assert block.scenario.duration_ms > 990 * SECONDS
    return block.scenario


def require_inference(block: Block, runs_in: str) -> None:
    """What shows that the page inferred while it was used, with two threads and the right answer."""
    inferring, measurement, verdict = used(block).inferring, block.measurement, block.verdict
    assert isinstance(inferring, Inferring)
    assert measurement is not None
    assert verdict is not None
    assert len(inferring.start_ms) == len(measurement.prediction_ms) > 0
    assert inferring.start_ms == sorted(inferring.start_ms)
    assert measurement.setup_ms
    assert len(measurement.warmup_ms) == 1
    assert measurement.output
    assert measurement.proof.runs_in == runs_in
    assert measurement.proof.threads == 2
    assert measurement.proof.cross_origin_isolated
    assert any(file.name.endswith("threaded-simd.wasm") for file in measurement.proof.files)
    lead_in = used(block).lead_in
    assert lead_in is not None
    assert [mark.name for mark in lead_in.marks] == ["setup", "warmup", "ready"]
    moments = [0.0, *(mark.at_ms for mark in lead_in.marks), lead_in.duration_ms, lead_in.before_ms]
    assert moments == sorted(moments)
    assert set(verdict.codes) - ABOUT_TIME == set(), verdict.sentences


def test_a_video_is_watched_with_and_without_inference(tmp_path: Path) -> None:
    (info,) = targets.select("host")
    found = measured(tmp_path, info, scenario=("video",), duty=(0, 50), place=("main", "worker"))
    assert len(found.blocks) == 3
    (baseline,) = (block for block in found.blocks if block.planned.case.is_baseline)
    assert isinstance(used(baseline).inferring, Void)
    assert used(baseline).lead_in is None
    assert baseline.measurement is not None
    assert baseline.measurement.prediction_ms == []
    assert baseline.verdict is not None
    assert set(baseline.verdict.codes) - ABOUT_TIME == set(), baseline.verdict.sentences
    flags = {tuple(block.measurement.proof.flags) for block in found.blocks if block.measurement}
    assert len(flags) == 1, "the page is not drawn alike with and without inference"
    for block in found.blocks:
        presented = used(block).presented
        assert isinstance(presented, PresentedFrames), presented
        assert presented.displayed_ms
        assert not isinstance(used(block).video, Void)
        if block.planned.case.place:
            require_inference(block, {"main": "main thread", "worker": "worker"}[block.planned.case.place])
    rows = export.rows(found, "page_quality")
    assert {row["block"] for row in rows if row["metric"] == "video_fps" and row["value"] is not None} == {0, 1, 2}


def test_a_call_is_used_with_and_without_inference(tmp_path: Path) -> None:
    (info,) = targets.select("host")
    found = by_duty(measured(tmp_path, info, scenario=("call",), duty=(0, 50)))
    require_inference(found[50], "main thread")
    for block in found.values():
        assert not isinstance(used(block).video, Void)
        assert not isinstance(used(block).runs, Void)
        assert "the camera is “camera.mjpeg”" in used(block).notes


def test_firefox_measures_the_page_with_and_without_inference(tmp_path: Path) -> None:
    (info,) = targets.select("host")
    if "firefox" not in info.browsers:
        pytest.skip("there is no Firefox here")
    found = by_duty(measured(tmp_path, info, scenario=("typing",), duty=(0, 50), browser=("firefox",)))
    assert used(found[0]).frames_ms
    assert used(found[50]).inputs > 0
    require_inference(found[50], "main thread")


def test_a_page_of_the_user_with_a_strict_policy_and_one_that_goes_away(tmp_path: Path) -> None:
    (info,) = targets.select("host")
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    page, leaving = tmp_path / "strict.html", tmp_path / "leaving.html"
    page.write_text(f"<!doctype html>{policy}<p style='height: 300vh'>text")
    leaving.write_text("<!doctype html><p>text<script>onwheel = () => location.assign('strict.html')</script>")
    found = by_duty(measured(tmp_path / "strict", info, scenario=(str(page),)))
    require_inference(found[50], "main thread")
    assert used(found[0]).inputs > 0
    gone = measured(tmp_path / "leaving", info, scenario=(str(leaving),))
    assert [(block.outcome, (block.reason or "").partition(":")[0]) for block in gone.blocks] == [
        ("failed", "left")
    ] * 2


BUSY = """<!doctype html><p>text<script>
setInterval(() => { for (const end = performance.now() + 300; performance.now() < end;); }, 310);
</script>"""
"""A page whose own scripts take nearly all the time of its thread."""


def test_a_page_without_time_for_the_model_misses_its_duty(tmp_path: Path) -> None:
    (info,) = targets.select("host")
    page = tmp_path / "busy.html"
    page.write_text(BUSY)
    (block,) = measured(tmp_path / "results", info, scenario=(str(page),), duty=(75,)).blocks
    assert used(block).frames_ms
    assert block.verdict is not None
    assert "duty-missed" in block.verdict.codes, block.verdict.sentences


def test_inferences_that_are_too_long_for_the_time_are_told(tmp_path: Path) -> None:
    (info,) = targets.select("host")
    (block,) = measured(tmp_path, info, scenario=("video",), duty=(1,), model=("bert_small",)).blocks
    assert block.verdict is not None, block.reason
    assert "inference-too-long" in block.verdict.codes, block.verdict.sentences


@pytest.mark.adb
def test_a_text_is_typed_in_the_chrome_of_a_phone(tmp_path: Path) -> None:
    with own_adb(tmp_path / "home", BUNDLED_ADB):
        (info,) = targets.select(phones.up(names=["reader"])[0].serial)
        found = by_duty(measured(tmp_path / "results", info, scenario=("typing",)))
    require_inference(found[50], "main thread")
    for block in found.values():
        typing = used(block).typing
        assert not isinstance(typing, Void)
        assert typing.characters > 0
