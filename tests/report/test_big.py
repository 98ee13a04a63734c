"""The report of a run as large as one of suite `paper` stays small, and does not grow with the raw samples."""

from __future__ import annotations

from functools import cache

import pytest

from mobilebench.analysis.summary import summarise
from tests.report import rendering
from tests.report.big import MODELS, big_run

LARGEST = 3_000_000
"""Bytes of the page for 700 cases."""


@cache
def page(samples: int) -> str:
    return rendering.html(summarise(big_run(cases=700, rounds=3, samples=samples)))


@pytest.mark.slow
def test_the_page_of_700_cases_is_small_and_has_every_model_and_proof() -> None:
    text = page(20)
    assert len(text.encode()) <= LARGEST
    assert all(f'data-facet="{model}"' in text for model in MODELS)
    assert text.count("data-body=") == len(MODELS)
    assert 'id="packed-proofs"' in text
    assert "<noscript>" in text


@pytest.mark.slow
def test_it_hardly_grows_with_the_samples() -> None:
    assert len(page(200)) < 2 * len(page(20))
