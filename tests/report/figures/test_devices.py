from __future__ import annotations

from functools import cache

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Run
from mobilebench.report.figures.devices import device_spread, native_against_web
from tests.analysis import example, pages
from tests.report.figures import drawn


@cache
def run() -> Run:
    return example.example_run()


def test_each_pair_stands_at_its_native_and_its_web_time() -> None:
    figure = drawn.titled(run(), "Native against web")[0]
    points = drawn.rows(figure, "native", "web", "backend")
    assert len(points) == len(figure.data)
    (host,) = [one for one in summarise(run()).targets if not one.info.virtual]
    times = [case.stages["prediction"].value for case in host.cases if "prediction" in case.stages]
    for point in points:
        assert any(point["web"] == pytest.approx(time, rel=1e-4) for time in times)


def test_virtual_and_real_are_in_figures_of_their_own() -> None:
    found = drawn.titled(run(), "Native against web")
    assert [figure.title for figure in found] == [
        f"Native against web on {example.CPU}",
        f"Native against web on virtual: {example.CPU}",
    ]
    assert [figure.spec.get("title", {}).get("text") for figure in found] == [None, f"virtual: {example.CPU}"]


def test_without_a_pair_or_a_second_device_there_is_no_figure() -> None:
    alone = pages.run_of([(pages.WASM, pages.answer(pages.WASM))])
    assert drawn.titled(alone, "Native against web") == drawn.titled(alone, "Spread") == []
    assert native_against_web([], "a SoC", None) is device_spread([]) is None


def test_the_spread_has_quartiles_and_one_point_for_each_device() -> None:
    (figure,) = drawn.titled(run(), "Spread over devices")
    boxes = drawn.rows(figure, "q1", "q2", "q3")
    assert all(box["least"] <= box["q1"] <= box["q2"] <= box["q3"] <= box["most"] for box in boxes)
    assert len(drawn.rows(figure, "ms", "name")) == 2 * len(boxes)
