"""The Markdown renderer: rectangular tables, and no text of a device that is markup."""

from __future__ import annotations

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.report.markdown import escape
from tests.analysis import example
from tests.report import rendering
from tests.report.hostile import hostile_run


def test_markdown_shows_targets_results_gaps_and_marks() -> None:
    text = rendering.markdown(summarise(example.example_run()))
    first, _, sentence = text.split("\n\n")[:3]
    assert first == "# bert_small and mobilenet_v2 on example-pc, virtual Example Phone 8 and virtual Example Phone P"
    assert sentence.startswith("On example-pc, the fastest page takes ")
    assert "22 valid, 2 suspect" in text
    assert text.count("> **virtual**:") == 2
    assert "## Example Phone 8 (virtual)\n\n127.0.0.1:15555 · filed under virtual: " in text
    assert "### mobilenet_v2 fp32, batch 1 (virtual)" in text
    assert "| tfjs wasm simd-threads, 2 threads, chrome | " in text
    assert "unsupported: This computer has no GPU" in text
    assert "    mobilebench run --serial all --suite quick --seed 42" in text


def test_markdown_tables_are_rectangular_even_with_hostile_text() -> None:
    for run in (example.example_run(), hostile_run()):
        width = 0
        for line in rendering.markdown(summarise(run)).splitlines():
            edges = line.replace("\\\\", "").replace("\\|", "").count("|") if line.startswith("|") else 0
            assert width in (0, edges) or not edges
            width = edges


def test_markdown_escapes_what_a_device_says() -> None:
    text = "\n".join(
        line for line in rendering.markdown(summarise(hostile_run())).splitlines() if not line.startswith("    ")
    )
    assert "<script" not in text
    assert "](" not in text.replace("\\](", "")
    assert "@someone" not in text
    assert "https://" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("mobilenet_v2", "mobilenet_v2"),
        ("_x_", "\\_x\\_"),
        ("a\n\n# b", "a # b"),
        ("a|b", "a\\|b"),
        ("<b>", "&lt;b&gt;"),
        ("CPU @ 2 GHz", "CPU @ 2 GHz"),
    ],
)
def test_markdown_text(raw: str, escaped: str) -> None:
    assert escape(raw) == escaped
