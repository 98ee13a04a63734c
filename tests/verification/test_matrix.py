"""From raw differences to verdicts, and the ways in which a check that proves nothing is refused."""

from __future__ import annotations

import pytest

from mobilebench.models.manifest import AddedManifest, Behaviour
from mobilebench.verification import compare, matrix
from mobilebench.verification.records import Answered, ModelMatrix, OutputFacts, ReferenceFacts
from tests.pinning import Pinned
from tests.verification.answers import answered, cell, difference, manifest, summaries


def facts(**changes: object) -> ReferenceFacts:
    output = OutputFacts(name="logits", scale=3.0, least_change=0.4).model_copy(update=changes)
    return ReferenceFacts(engine="tensorflow", version="2", stamp="now", outputs=[output])


def from_answers(offset: float = 0.0, swap: dict[str, str] | None = None) -> Answered:
    wanted, given = summaries(), summaries(offset, swap)
    found = [one for name in wanted for one in compare.differences(name, wanted[name], given[name])]
    return answered(differences=found, told_apart=compare.told_apart(wanted, given))


def test_what_is_within_the_tolerance_passes_with_its_worst_numbers() -> None:
    row = matrix.judge(answered(), 1e-5)
    assert (row.verdict, row.reason, row.relative, row.told_apart) == ("pass", None, 3e-6, 0.4)


def test_one_wrong_sample_fails_with_its_difference_and_input(pinned: Pinned) -> None:
    row = matrix.judge(from_answers(offset=0.1), 1e-3)
    assert row.verdict == "FAIL"
    assert row.absolute == pytest.approx(0.1, rel=1e-5)
    pinned(row.reason or "")
    assert matrix.judge(from_answers(offset=0.1), 0.1).verdict == "pass"


def test_swapped_answers_fail() -> None:
    row = matrix.judge(from_answers(swap={"upper": "lower", "lower": "upper"}), 0.1)
    assert row.verdict == "FAIL"
    assert row.relative is not None
    assert row.relative > 0.3


def test_the_same_answer_to_every_input_fails() -> None:
    assert matrix.judge(from_answers(swap={"upper": "published", "lower": "published"}), 0.1).verdict == "FAIL"


def test_an_output_that_does_not_follow_its_input_cannot_pass(pinned: Pinned) -> None:
    row = matrix.judge(answered(told_apart={"logits": 1e-6}), 1e-5)
    assert row.verdict == "FAIL"
    pinned(row.reason or "")


def test_a_check_that_was_never_tried_on_another_input_cannot_pass() -> None:
    row = matrix.judge(answered(told_apart={}), 1e-5)
    assert (row.verdict, "try more inputs" in (row.reason or "")) == ("FAIL", True)


@pytest.mark.slow
def test_answers_of_a_random_model_are_neither_right_nor_wrong(pinned: Pinned) -> None:
    random = Behaviour(random=True)
    row = matrix.judge(from_answers(offset=5), 1e-3, random)
    assert (row.verdict, row.relative, row.told_apart) == ("unchecked", None, None)
    pinned(row.reason)
    assert matrix.can_fail([row]) == [
        "fp32: only by shapes and by values that are not finite, because the model gives another answer each time"
    ]
    passing = ModelMatrix(model="net", reference=None, complaints=[], notes=[], cells=[row])
    assert passing.passes
    problem = difference("published", None, problem="has 2 values that are not finite").model_copy(
        update={"compared": 0}
    )
    broken = matrix.judge(answered(differences=[problem]), 1e-3, random)
    assert (broken.verdict, broken.reason) == ("FAIL", "Output `logits` has 2 values that are not finite (published).")
    made = AddedManifest(**manifest().model_dump(), behaviour=random)
    assert matrix.worthless(facts(least_change=0.0), made) == []


def test_nothing_compared_is_no_agreement() -> None:
    assert matrix.judge(answered(differences=[]), 0.1).verdict == "FAIL"


def test_values_that_are_not_finite_fail_whatever_the_tolerance() -> None:
    row = matrix.judge(answered(differences=[difference("upper", None, "has 3 values that are not finite")]), 1.0)
    assert (row.verdict, row.reason) == ("FAIL", "Output `logits` has 3 values that are not finite (upper).")


def test_a_refusal_is_unsupported_and_a_breakdown_is_failed() -> None:
    refused = matrix.judge(answered(differences=[], refusal="no kernel for Erfc"), 0.1)
    broken = matrix.judge(answered(differences=[], failure="The page crashed."), 0.1)
    assert (refused.verdict, refused.reason) == ("unsupported", "no kernel for Erfc")
    assert (broken.verdict, broken.reason) == ("failed", "The page crashed.")


@pytest.mark.parametrize("complaint", ["Output `logits` of the definition is nearly constant.", "… is tiny."])
def test_a_model_with_constant_or_tiny_outputs_cannot_pass(complaint: str) -> None:
    found = matrix.worthless(facts(complaint=complaint), manifest())
    assert found == [complaint]
    whole = ModelMatrix(
        model="net", reference=facts(), complaints=found, notes=[], cells=[matrix.judge(answered(), 1e-3)]
    )
    assert not whole.passes
    assert whole.model_copy(update={"complaints": []}).passes


def test_outputs_have_to_change_by_more_than_the_tolerance(pinned: Pinned) -> None:
    assert matrix.worthless(facts(least_change=0.00126), manifest()) == []
    (complaint,) = matrix.worthless(facts(least_change=0.00124), manifest())
    pinned(complaint)


def test_whether_the_check_can_fail_is_said_for_every_precision() -> None:
    int8 = cell().model_copy(update={"precision": "int8"})
    rows = [
        matrix.judge(answered(), 1e-4),
        matrix.judge(answered(told_apart={"logits": 0.2, "boxes": 0.3}), 1e-4),
        matrix.judge(answered(cell=int8, told_apart={"logits": 0.05}), 0.1),
        matrix.unsupported(cell(), 1e-4, "no Chrome"),
    ]
    assert matrix.can_fail(rows) == [
        "fp32: yes, another input differs by 0.2 of the scale or more, tolerance 0.0001",
        "int8: NO, another input differs by 0.05 of the scale or more, tolerance 0.1",
    ]


def test_a_model_passes_when_nothing_fails() -> None:
    rows = [matrix.judge(answered(), 1e-3), matrix.unsupported(cell(), 1e-3, "no Chrome")]
    whole = ModelMatrix(model="net", reference=facts(), complaints=[], notes=[], cells=rows)
    assert whole.passes
    for wrong in (answered(failure="it crashed"), answered(differences=[difference("upper", 0.2)])):
        assert not whole.model_copy(update={"cells": [*rows, matrix.judge(wrong, 1e-3)]}).passes
