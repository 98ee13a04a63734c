"""Every kind of figure: its specification follows Vega-Lite's schema, and no text of a device is anything but data."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from mobilebench.core.records import Run
from mobilebench.report import document as doc
from mobilebench.report.figures import over_time, theme
from tests.analysis import example, pages, watching
from tests.report.figures import drawn
from tests.report.hostile import SCRIPT, hostile_run, planned_engine

EXPRESSION = "datum.constructor.constructor('window.entered = true')()"
HISTORY = over_time.history([over_time.Point(datetime(2026, 1, 2, tzinfo=UTC), 4.0, 3.0, 5.0)], "One case", "ms")
assert HISTORY
NIGHTS = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 21)]
CURVE = over_time.curve(
    [over_time.Point(at, 4.0 + (at.day > 10), 3.9, 5.2 if at.day > 1 else None) for at in NIGHTS],
    [over_time.Level(NIGHTS[0], NIGHTS[9], 4.0), over_time.Level(NIGHTS[10], NIGHTS[19], 5.0, 1)],
    [datetime(2026, 1, 22, tzinfo=UTC)],
    "Curve",
    SCRIPT,
)
assert CURVE


def hostile() -> Run:
    """Devices, engines and kernels whose names are markup or expressions."""
    run = planned_engine(hostile_run(), EXPRESSION)
    targets = [one.model_copy(update={"name": EXPRESSION, "soc": SCRIPT}) for one in run.info.targets]
    return run.model_copy(update={"info": run.info.model_copy(update={"targets": targets})})


def page_memory() -> Run:
    """A page whose engine reports memory after each kernel."""
    of = example.case("host", "tfjs", "simd")
    plan = watching.planned_pass(0, of, "memory")
    made = watching.page_memory_answer(of, random.Random(1))
    return Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, made)])


def every_kind() -> dict[str, doc.Figure]:
    found = {HISTORY.title: HISTORY, CURVE.title: CURVE}
    for run in (watching.watched_run(), pages.page_run(), page_memory(), hostile()):
        for figure in drawn.figures(run):
            key = "Native against web" if figure.title.startswith("Native") else figure.title
            found[f"{key} {len(found)}" if run.info.suite == SCRIPT else key] = figure
    return found


@pytest.mark.slow
def test_every_figure_follows_the_schema() -> None:
    import altair

    found = every_kind()
    assert {
        "Native against web", "Spread over devices", "All predictions", "Over time", "Prediction", "Stages", "Kernels",
        "Achieved GFLOP/s", "Kernels within their types", "Memory", "Memory, kernel by kernel", "One case", "Curve",
    } <= found.keys()  # fmt: skip
    for figure in found.values():
        altair.Chart.from_dict(figure.spec, validate=True)


@pytest.mark.slow
def test_texts_of_devices_are_only_data_and_descriptions() -> None:
    for figure in drawn.figures(hostile()):
        for path, text in drawn.texts(figure.spec):
            if "constructor" in text or "alert" in text:
                assert path in (("description",), ("title", "text")), (figure.title, path)
            if path[-1] in ("expr", "signal", "labelExpr", "filter", "calculate", "test"):
                assert text == "width - 90"


@pytest.mark.slow
def test_all_numbers_are_finite() -> None:
    def check(of: Any) -> None:
        if isinstance(of, dict):
            list(map(check, of.values()))
        elif isinstance(of, list):
            list(map(check, of))
        elif isinstance(of, float):
            assert math.isfinite(of)

    for figure in drawn.figures(watching.watched_run()):
        check(figure.spec)


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 700])
def test_figures_stay_small_for_few_and_for_many_cases(count: int) -> None:
    cases = [example.case("host", "tflite", "xnnpack", threads=number + 1) for number in range(count)]
    answers = [(case, pages.answer(case)) for case in cases]
    for figure in drawn.figures(pages.run_of(answers)):
        assert figure.spec.get("height", 0) <= theme.ROW * theme.MOST_ROWS
        assert len(str(figure.spec)) < 60_000
        assert len(figure.data) == count or figure.title == "Over time"
    (prediction,) = drawn.titled(pages.run_of(answers), "Prediction")
    assert ("of 700 cases" in prediction.note) == (count == 700)
