"""Pictures as files, and inside the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mobilebench.report.figures import static, theme
from tests.report.hostile import EVERYTHING

pytestmark = pytest.mark.slow

SPEC = theme.chart(theme.row_texts([(EVERYTHING, "4.12 ms"), ("b", "5 ms")]), height=80, description="two rows")


@pytest.mark.parametrize(("form", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_each_format_is_written_without_network(form: static.Format, start: bytes) -> None:
    made = static.picture(SPEC, form)
    assert made.startswith(start)
    assert b"var(--" not in made


def test_hostile_names_stay_text() -> None:
    for made in (static.picture(SPEC, "svg").decode(), str(static.within_page(SPEC))):
        tags = {element.tag.split("}")[-1] for element in ElementTree.fromstring(made).iter()}
        assert tags <= {"svg", "g", "path", "line", "text", "rect"}
        assert "&lt;script" in made


def test_the_page_gets_its_own_colours_and_nothing_needless() -> None:
    made = str(static.within_page(SPEC))
    assert 'fill="var(--ink)"' in made
    assert not re.search(r"#[0-9a-f]{6}|aria-|class=|style=|font-family|xmlns", made)


def test_files_and_the_page_are_drawn_by_the_same_version_of_vega_lite() -> None:
    packages = json.loads((Path(__file__).parents[3] / "web" / "package.json").read_text())
    assert packages["dependencies"]["vega-lite"].startswith(f"{static.VEGA_LITE}.")


def test_the_specification_is_not_changed() -> None:
    static.within_page(SPEC)
    assert SPEC["width"] == "container"
