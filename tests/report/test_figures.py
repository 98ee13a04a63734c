from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest

from mobilebench.analysis.summary import CaseSummary, summarise
from mobilebench.core.records import PlannedBlock, Run
from mobilebench.report.figures import timing
from tests.analysis import example
from tests.pinning import Pinned
from tests.report.sections.reading import described


def cases(*medians: float) -> list[CaseSummary]:
    """One native case for each median, with as many threads as its position."""
    plans, blocks = [], []
    for number, value in enumerate(medians, 1):
        of = example.case("host", "tflite", "xnnpack", threads=number)
        plans.append(PlannedBlock(index=number, round=1, case=of, rule=example.RULE))
        made = example.measurement(of, example.SHAPES["tflite", "xnnpack"], random.Random(number))
        blocks.append(example.measured(plans[-1], made.model_copy(update={"prediction_ms": [value]})))
    return list(summarise(Run(info=example.info([example.host()]), planned=plans, blocks=blocks)).targets[0].cases)


def points(svg: str) -> list[float]:
    return [float(x) for x in re.findall(r'cx="([\d.]+)%"', svg)]


def test_the_axis_is_logarithmic_only_when_the_spread_needs_it() -> None:
    near, far = timing.latency(cases(1, 15), None), timing.latency(cases(1, 25), None)
    assert near is not None
    assert far is not None
    assert ("logarithmic" in near.note, "logarithmic" in far.note) == (False, True)


def test_linear_positions_are_proportional() -> None:
    figure = timing.latency(cases(2, 8), None)
    assert figure is not None
    left, right = points(str(figure.svg))
    assert (right - 0.6) / (left - 0.6) == pytest.approx(4, rel=0.01)


def test_logarithmic_positions_are_equally_apart_for_equal_factors() -> None:
    figure = timing.latency(cases(1, 10, 100), None)
    assert figure is not None
    first, second, third = points(str(figure.svg))
    assert second - first == pytest.approx(third - second, abs=0.05)


@pytest.mark.parametrize("medians", [(0.0, 5.0), (0.004, 0.0041), (3.0,), (1e6, 2e6), (0.5, 9e5)])
def test_everything_stays_inside_the_picture(medians: tuple[float, ...]) -> None:
    figure = timing.latency(cases(*medians), None)
    assert figure is not None
    assert all(0 <= float(x) <= 100 for x in re.findall(r'(?:x|cx|x1|x2)="(-?[\d.]+)%"', str(figure.svg)))


def test_nothing_to_draw_is_no_picture() -> None:
    assert timing.latency([], None) is None
    assert timing.stages([], None) is None
    assert timing.sparkline([1.0]) == ""


def test_stacked_segments_add_up_to_the_total() -> None:
    figure = timing.stages(cases(6.0), None)
    assert figure is not None
    bars = re.findall(r'class="fill-[\w -]+" x="([\d.]+)%" y="\d+" width="([\d.]+)%"', str(figure.svg))
    assert len(bars) == 6
    for (x, width), (following, _) in pairwise(bars):
        assert float(x) + float(width) == pytest.approx(float(following), abs=0.02)


def test_pictures_say_in_words_what_they_show(pinned: Pinned) -> None:
    figure = timing.latency(cases(2, 8), "virtual: CPU")
    assert figure is not None
    pinned(described(figure.svg))
    assert '<text class="mark" x="0" y="14">virtual: CPU</text>' in str(figure.svg)


def test_flat_samples_are_a_line_in_the_middle() -> None:
    assert 'points="0.0,12.0 100.0,12.0"' in str(timing.sparkline([2.0, 2.0]))
