"""Latencies from stored runs."""

from __future__ import annotations

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Verdict
from mobilebench.scenarios.accuracy import measured
from tests.analysis import test_explain as ladders

RUN = ladders.run_of(ladders.RUNGS)
KEYS = list(dict.fromkeys(one.case.key for one in RUN.planned))


def test_every_block_of_a_case_is_a_group() -> None:
    found = measured.latencies(RUN)
    assert [one.name for one in found] == sorted(KEYS)
    of_case = [one for one in RUN.blocks if one.planned.case.key == KEYS[0] and one.measurement]
    assert next(one for one in found if one.name == KEYS[0]).groups == tuple(
        tuple(one.measurement.prediction_ms) for one in of_case if one.measurement
    )
    assert [one.name for one in measured.latencies(RUN, [KEYS[1]])] == [KEYS[1]]


def test_invalid_blocks_do_not_count() -> None:
    blocks = [one.model_copy(update={"verdict": Verdict(status="valid")}) for one in RUN.blocks]
    first = next(place for place, one in enumerate(blocks) if one.planned.case.key == KEYS[0])
    blocks[first] = blocks[first].model_copy(update={"verdict": Verdict(status="invalid")})
    found = measured.latencies(RUN.model_copy(update={"blocks": blocks}), [KEYS[0]])
    assert len(found[0].groups) == len(measured.latencies(RUN, [KEYS[0]])[0].groups) - 1
    assert found[0].about.endswith("1 invalid left out")


def test_an_unknown_case_is_refused() -> None:
    with pytest.raises(BadInput, match="has no case host/none"):
        measured.latencies(RUN, ["host/none"])


def test_a_run_without_predictions_is_refused() -> None:
    empty = RUN.model_copy(update={"blocks": []})
    with pytest.raises(BadInput, match="no prediction that counts"):
        measured.latencies(empty)
    with pytest.raises(BadInput, match=f"Case {KEYS[0]} has no prediction"):
        measured.latencies(empty, [KEYS[0]])
