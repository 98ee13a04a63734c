"""What a trace pass has to hold to be believed."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.records import BlockRule, Case, Pass, PlannedBlock
from tests.pinning import Pinned

from .test_rules import PAGE, verdict

ALL = ["model_init", "prediction", "setup", "warmup"]
FILE = {"name": "00001-a.json.gz", "bytes": 4, "sha256": "0" * 64, "json_bytes": 40, "categories": ["v8.wasm"]}


def judged(trace: dict[str, Any] | None, pass_: Pass = "trace") -> tuple[str, list[str]]:
    case = Case(
        target="host", engine="tfjs", backend="wasm", wasm_build="simd-threads", threads=2, browser="chrome", model="m"
    )
    block = PlannedBlock(index=1, round=0, case=case, rule=BlockRule(), pass_=pass_)
    found = verdict(case, PAGE, planned=block, trace=trace, **{"pass": pass_})
    return found.status, found.sentences


def test_a_whole_trace_with_all_stages_is_valid() -> None:
    assert judged({**FILE, "complete": True, "marks": ALL}) == ("valid", [])


def test_none_is_invalid() -> None:
    assert judged(None) == ("invalid", ["no trace was recorded"])


def test_one_without_the_page_s_marks_is_invalid() -> None:
    status, reasons = judged({**FILE, "complete": True, "marks": ["setup"]})
    assert (status, reasons) == ("invalid", ["the page's marks of warmup and prediction are not in the trace"])


@pytest.mark.parametrize(
    ("marks", "lacks"),
    [(ALL, ""), (["setup", "warmup"], "; it lacks prediction"), (["setup"], "; it lacks warmup and prediction")],
)
def test_one_that_met_the_limit_is_suspect_and_says_what_it_lacks(marks: list[str], lacks: str) -> None:
    status, reasons = judged({**FILE, "complete": False, "marks": marks})
    assert status == "suspect"
    assert reasons == [f"the browser's buffer was full, and what came later is not in the trace{lacks}"]


def test_a_traced_block_is_no_timing(pinned: Pinned) -> None:
    status, reasons = judged({**FILE, "complete": True, "marks": ALL}, "timing")
    assert status == "invalid"
    pinned(reasons[0])
