"""Recorders within engines: which engine has which pass, what runners and pages are asked, and what a block holds."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.records import MEASUREMENT_SCHEMA, Measurement
from mobilebench.engines.page_messages import Job
from mobilebench.engines.registry import engines
from mobilebench.recorders import registry

KERNEL = {"name": "CONV_2D", "times_ms": [1.0]}
READINGS = {"readings": [{"at_ms": 1.0, "rss_kb": 9}]}
TRACE = {
    "name": "a.json.gz",
    "bytes": 1,
    "sha256": "0" * 64,
    "json_bytes": 1,
    "complete": True,
    "marks": [],
    "categories": [],
}
PARTS: dict[str, dict[str, Any]] = {
    "timing": {},
    "kernels": {"kernels": [KERNEL]},
    "memory": {"memory": READINGS},
    "trace": {"trace": TRACE},
}


def measurement(**parts: Any) -> Measurement:
    return Measurement.model_validate({"schema": MEASUREMENT_SCHEMA, "status": "ok", "engine": "tfjs", **parts})


def test_every_pass_of_engines_is_a_recorder_of_that_name() -> None:
    assert registry.passes() == ("timing", "kernels", "memory", "trace", "recording", "energy")
    assert [one.declaration.name for one in registry.IN_ENGINE.values()] == list(registry.IN_ENGINE)


def test_all_but_timing_have_blocks_of_their_own() -> None:
    own = [name for name, one in registry.IN_ENGINE.items() if one.declaration.own_blocks]
    assert own == ["kernels", "memory", "trace"]


@pytest.mark.parametrize(
    ("engine", "passes"),
    [
        ("sleep", ["timing", "memory"]),
        ("tflite", ["timing", "kernels", "memory"]),
        ("tensorflow", ["timing", "kernels", "memory"]),
        ("tfjs", ["timing", "kernels", "memory", "trace"]),
        ("litertjs", ["timing", "memory", "trace"]),
    ],
)
def test_which_passes_an_engine_has(engine: str, passes: list[str]) -> None:
    assert registry.passes_of(engines()[engine]) == passes


@pytest.mark.parametrize("name", list(PARTS))
def test_a_block_holds_what_its_pass_records(name: str) -> None:
    assert registry.missing(measurement(**PARTS[name]), name) is None
    for other, parts in PARTS.items():
        if other != name:
            assert registry.missing(measurement(**parts), name) is not None


def test_a_recording_pass_holds_stages_alone() -> None:
    assert registry.missing(measurement(), "recording") is None
    assert registry.missing(measurement(memory=READINGS), "recording") is not None


@pytest.mark.parametrize("name", list(PARTS))
def test_runners_are_asked_for_their_pass(name: str) -> None:
    assert registry.of_pass(name).runner_arguments() == ["--pass", name]


@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("name", list(PARTS))
def test_what_a_page_is_asked_are_fields_of_its_job(name: str, flags: bool) -> None:
    fields = registry.of_pass(name).job_fields(flags=flags)
    assert set(fields) <= set(Job.model_fields)
    assert fields == {"pass_": name, **({"eager_memory": flags} if name == "memory" else {})}
