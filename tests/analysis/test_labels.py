from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.analysis.labels import duration, printable, ratio


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0"),
        (0.0412, "0.041"),
        (0.99949, "0.999"),
        (0.9996, "1.00"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (99.96, "100"),
        (4120.4, "4120"),
        (15900, "15\u202f900"),
    ],
)
def test_durations_keep_about_three_digits(ms: float, text: str) -> None:
    assert duration(ms) == text


@given(st.floats(min_value=0.01, max_value=1e6))
def test_a_duration_is_never_more_than_five_percent_off(ms: float) -> None:
    assert float(duration(ms).replace("\u202f", "")) == pytest.approx(ms, rel=0.05)


@pytest.mark.parametrize(("value", "text"), [(0.8449, "0.84×"), (3.1249, "3.12×"), (31.24, "31.2×"), (312.4, "312×")])
def test_ratios(value: float, text: str) -> None:
    assert ratio(value) == text


def test_control_and_direction_characters_are_shown() -> None:
    assert printable("a\x1b[31mb\u202ec\nd\u200be") == "a\ufffd[31mb\ufffdc / d\ufffde"
