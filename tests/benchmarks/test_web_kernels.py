"""What the benchmark of kernels in pages makes of its numbers."""

from __future__ import annotations

import pytest

from benchmarks import web_kernels
from benchmarks.ratios import Ratio
from mobilebench.core.records import Kernel, Measurement
from tests.pinning import Pinned


@pytest.mark.parametrize(("share", "kept"), [(1.0, True), (0.9, True), (1.1, True), (0.89, False), (1.12, False)])
def test_kernels_are_to_be_within_a_tenth_of_the_whole(share: float, kept: bool) -> None:
    assert web_kernels.kept(share) is kept
    line = web_kernels.row("bert_small", "tfjs", 2.5, share, Ratio(1.02, 1.0, 1.1, 8))
    assert ("**no**" in line) is not kept


def test_what_is_missing_is_said_as_a_whole_and_for_each_kernel(pinned: Pinned) -> None:
    seen = Measurement(
        schema="mobilebench/measurement/1",
        status="ok",
        engine="tfjs",
        prediction_ms=[10.0, 12.0, 20.0],
        kernels=[Kernel(name="Add", times_ms=[3.0, 4.0, 5.0]), Kernel(name="Mean", times_ms=[5.0, 6.0, 7.0])],
    )
    told = web_kernels.what_is_missing("bert_small", "tfjs", [seen])
    pinned(told)
