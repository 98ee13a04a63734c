"""What was recorded while a page was used, in the store and in exports."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

from mobilebench.core.page_quality import Inferring, LeadIn, Mark, PageState, ScenarioResult
from mobilebench.core.records import Block, Run
from mobilebench.results import export
from mobilebench.results.store import Store

from ..scenarios.made import result, video
from .making import host, measured, planned, run_info

WAY: dict[str, Any] = {"engine": "tfjs", "backend": "wasm", "wasm_build": "simd", "browser": "chrome", "threads": 1}
BASELINE: dict[str, Any] = {**WAY, "engine": "page", "backend": "none", "wasm_build": None, "model": "none"}


def with_scenario(block: Block, used: ScenarioResult) -> Block:
    return block.model_copy(update={"scenario": used})


def blocks() -> list[Block]:
    inferring = Inferring(
        start_ms=[0.0, 8.0, 16.0],
        states=[PageState(at_ms=0, visible=True, focused=False)],
        scripts_sha256={"injected-inference.js": "0" * 64},
        left_behind={"workers": 2},
    )
    lead_in = LeadIn(before_ms=900, duration_ms=800, frames_ms=[16.0], marks=[Mark(name="setup", at_ms=3)])
    during = measured(planned(0, **WAY, scenario="https://example.org/a?b=c", duty=50, place="worker"))
    before = measured(planned(1, **BASELINE, scenario="video", duty=0), prediction_ms=[], warmup_ms=[], setup_ms={})
    return [
        with_scenario(during, result(inferring=inferring, lead_in=lead_in)),
        with_scenario(before, result(scenario="video", video=video())),
    ]


def test_a_block_with_a_scenario_comes_back_as_it_was_stored(tmp_path: Path, empty_store: Path) -> None:
    made = blocks()
    shutil.copy(empty_store, tmp_path)
    with Store.open(tmp_path) as store:
        store.create_run(run_info("r1", host()), [one.planned for one in made])
        for one in made:
            store.append("r1", one)
        found = store.load("r1")
    assert [one.scenario for one in found.blocks] == [one.scenario for one in made]
    assert [one.planned.case for one in found.blocks] == [one.planned.case for one in made]


def test_the_table_has_each_metric_of_each_block_with_a_scenario() -> None:
    made = [*blocks(), measured(planned(2))]
    rows = export.rows(Run(info=run_info(), planned=[one.planned for one in made], blocks=made), "page_quality")
    assert {row["block"] for row in rows} == {0, 1}
    shown = {(row["block"], row["metric"]): row for row in rows}
    frames = shown[1, "video_fps"]
    assert (frames["value"], frames["unit"], frames["direction"]) == (1.5, "frames/s", "higher is better")
    assert (frames["scenario"], frames["duty"], frames["place"], frames["reached_duty"]) == ("video", 0, None, None)
    assert math.isclose(shown[0, "fps"]["reached_duty"], (4.0 + 3.75) / 16 * 100)


def test_a_metric_without_a_value_has_a_reason() -> None:
    made = blocks()
    rows = export.rows(Run(info=run_info(), planned=[one.planned for one in made], blocks=made), "page_quality")
    without = [row for row in rows if row["value"] is None]
    assert {row["missing"] for row in without} >= {"not here"}
    assert all((row["value"] is None) == (row["missing"] is not None) for row in rows)
