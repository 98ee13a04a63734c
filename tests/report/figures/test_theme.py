"""The common look: colours are those of the page, and the most important rows are kept."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from mobilebench.analysis.summary import CaseSummary, summarise
from mobilebench.core.operators import TYPES
from mobilebench.core.records import PlannedBlock, Run
from mobilebench.report import html
from mobilebench.report.figures import theme
from mobilebench.report.figures.kernels import TYPE_COLOURS
from mobilebench.report.figures.memory import STAGE_COLOURS
from tests.analysis import example

STYLE = (Path(html.__file__).parent / "templates" / "report.css").read_text()


def test_every_colour_is_a_variable_of_the_page_with_the_same_value_in_light_mode() -> None:
    variables = dict(re.findall(r"--([\w-]+): light-dark\((#\w+),", STYLE))
    assert {name: variables.get(name) for name in theme.COLOURS} == theme.COLOURS
    assert len(set(theme.COLOURS.values())) == len(theme.COLOURS)


def test_every_operator_type_and_stage_has_a_colour() -> None:
    assert list(TYPE_COLOURS) == list(TYPES) or set(TYPE_COLOURS) == set(TYPES)
    assert {*TYPE_COLOURS.values(), *STAGE_COLOURS.values()} <= theme.COLOURS.keys()


def test_the_page_takes_variables_for_colours_but_leaves_data_alone() -> None:
    ink = theme.COLOURS["ink"]
    spec = {"mark": {"color": ink}, "data": {"values": [{"name": ink}]}, "range": [ink, "#123456"]}
    assert theme.for_page(spec) == {
        "mark": {"color": "var(--ink)"},
        "data": {"values": [{"name": ink}]},
        "range": ["var(--ink)", "#123456"],
    }


def test_values_are_rounded_printable_and_without_what_is_unknown() -> None:
    made = theme.values([{"a": 1 / 3, "b": None, "c": "x\u202ey", "d": 123456}])
    assert made == {"values": [{"a": 0.33333, "c": "x\ufffdy", "d": 123456}]}


def cases(native: int, web: int) -> list[CaseSummary]:
    found = [example.case("host", "tflite", "xnnpack", threads=n + 1) for n in range(native)]
    found += [example.case("host", "tfjs", "simd", threads=n + 1) for n in range(web)]
    plans, blocks = [], []
    for number, of in enumerate(found):
        plans.append(PlannedBlock(index=number, round=1, case=of, rule=example.RULE))
        shape = example.SHAPES[of.engine, "simd" if of.browser else "xnnpack"]
        blocks.append(example.measured(plans[-1], example.measurement(of, shape, random.Random(number))))
    return list(summarise(Run(info=example.info([example.host()]), planned=plans, blocks=blocks)).targets[0].cases)


@pytest.mark.parametrize(
    ("native", "web", "kept"),
    [(2, 3, (2, 3)), (30, 30, (8, 8)), (2, 40, (2, 14)), (40, 3, (13, 3)), (40, 0, (16, 0)), (0, 40, (0, 16))],
)
def test_both_sides_keep_their_most_important_rows(native: int, web: int, kept: tuple[int, int]) -> None:
    shown, note = theme.selected(cases(native, web))
    assert (sum(not case.web for case in shown), sum(case.web for case in shown)) == kept
    assert bool(note) == (native + web > theme.MOST_ROWS)


def test_a_long_address_keeps_its_beginning_and_its_end() -> None:
    assert theme.short_within("video in chrome") == "video in chrome"
    short = theme.short_within(f"https://example.org/{'a' * 200}/last in chrome")
    assert len(short) <= 60
    assert short.startswith("https://example.org/")
    assert short.endswith("/last in chrome")
