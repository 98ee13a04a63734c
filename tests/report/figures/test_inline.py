from __future__ import annotations

from mobilebench.report.figures.inline import sparkline


def test_one_sample_is_no_picture() -> None:
    assert sparkline([1.0]) == ""


def test_flat_samples_are_a_line_in_the_middle() -> None:
    assert 'points="0.0,12.0 100.0,12.0"' in str(sparkline([2.0, 2.0]))
