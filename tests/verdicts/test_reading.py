"""Verdicts on stored runs: judged anew on reading, beside what was said when they were measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilebench.core.records import Block, ModelFacts, Reason, Run, Verdict
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.results.export import rows
from mobilebench.results.store import Store
from mobilebench.verdicts import rules
from mobilebench.verdicts.findings import Evidence, Findings
from mobilebench.verdicts.reading import describe_rules, judge_run, record_verdict, revisions
from tests.pinning import Pinned

from ..results.making import failed, host, measured, planned, run_info
from .test_rules import ANSWER, NATIVE

FACTS = ModelFacts(
    model="m",
    precision="fp32",
    batch=1,
    reference=[summarise("logits", ANSWER)],
    tolerance=1e-4,
    half_precision_tolerance=2e-2,
)
VALID = Verdict(status="valid", rules=rules.RULES_VERSION)


def block(index: int = 0, *, said: Verdict | None = VALID, off: float = 0.0, **proof: object) -> Block:
    """A measured native block whose answer is off by this much, and what was said of it at the time."""
    answer = summarise("logits", ANSWER + np.float32(off))
    made = measured(planned(index), output=[answer], proof=NATIVE | proof)
    return made.model_copy(update={"verdict": None, "recorded_verdict": said})


def read(*blocks: Block, models: tuple[ModelFacts, ...] = (FACTS,)) -> Run:
    plan = [one.planned for one in blocks]
    return judge_run(Run(info=run_info(), planned=plan, blocks=list(blocks), models=list(models)))


def verdict(run: Run) -> Verdict:
    found = run.blocks[0].verdict
    assert found is not None
    return found


def test_a_block_is_judged_by_the_rules_of_today_whatever_was_said_of_it(pinned: Pinned) -> None:
    run = read(block(said=Verdict(status="invalid", reasons=[Reason(code="old", sentence="old")], rules=0)))
    assert verdict(run) == VALID
    assert [(one.before.status, one.now.status) for one in revisions(run)] == [("invalid", "valid")]
    pinned(describe_rules(run)[1])


def test_a_run_that_reads_as_it_was_measured_has_no_revisions() -> None:
    run = read(block(), block(1))
    assert revisions(run) == []
    assert describe_rules(run) == [f"Verdicts by version {rules.RULES_VERSION} of the rules."]


def test_another_reason_of_the_same_status_is_a_revision_unless_it_had_no_code() -> None:
    coarse = {"clock_resolution_ms": 1.0}
    hot = Verdict(status="suspect", reasons=[Reason(code="hot", sentence="it was hot")], rules=0)
    (revision,) = revisions(read(block(said=hot, **coarse)))
    assert revision.describe() == "block 0 suspect → suspect (+clock-too-coarse, -hot)"
    assert (
        revisions(read(block(said=Verdict.model_validate({"status": "suspect", "reasons": ["hot"]}), **coarse))) == []
    )


def test_many_revisions_are_counted(pinned: Pinned) -> None:
    run = read(*(block(index, said=Verdict(status="suspect")) for index in range(7)))
    assert len(revisions(run)) == 7
    pinned(describe_rules(run)[1])


def test_the_reference_answer_of_the_store_decides() -> None:
    assert verdict(read(block(off=0.01))).codes == ["wrong-answer"]


@pytest.mark.parametrize(
    ("sentence", "code", "status"),
    [
        ("wrong answer: output `logits` differs by 0.01 of its scale", "wrong-answer", "invalid"),
        ("no output was reported, so the answer cannot be held against the reference", "output-missing", "invalid"),
        ("no reference answer: whether the output is right is not known", "no-reference", "suspect"),
        ("the model gives another answer each time: agreement cannot be checked", "random-model", "suspect"),
        ("proof is missing: a reference answer of the model", "unproven-answer", "suspect"),
        (
            "the model carries state from inference to inference: its first answer was compared",
            "stateful-model",
            "valid",
        ),
    ],
)
def test_of_a_run_without_reference_answers_what_was_said_of_them_is_repeated(
    sentence: str, code: str, status: str
) -> None:
    said = Verdict.model_validate({"status": status, "reasons": [sentence, "another sentence"]})
    found = verdict(read(block(said=said), models=()))
    assert (found.status, found.codes, found.sentences) == (status, [code], [sentence])


def test_a_recorded_code_about_the_answer_is_repeated_too() -> None:
    said = Verdict(status="invalid", reasons=[Reason(code="wrong-answer", sentence="wrong answer: x")], rules=0)
    assert verdict(read(block(said=said), models=())).codes == ["wrong-answer"]


def test_what_was_not_measured_has_no_verdict() -> None:
    run = read(failed(planned(0)))
    assert run.blocks[0].verdict is None
    assert revisions(run) == []


class TestARuleThatFails:
    @pytest.fixture(autouse=True)
    def failing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def judge_luck(evidence: Evidence, found: Findings) -> None:
            found.add(rules.Code.GROUPED_PREDICTIONS, "found before it failed")
            raise ZeroDivisionError("division by zero")

        monkeypatch.setattr(rules, "OF_EVERY_ENGINE", (judge_luck, *rules.OF_EVERY_ENGINE))

    def test_the_block_is_suspect_and_the_rule_is_named(self) -> None:
        found = verdict(read(block()))
        assert (found.status, found.codes) == ("suspect", ["rule-failed", "grouped-predictions"])
        assert found.sentences[0] == (
            "the rule about luck failed (ZeroDivisionError: division by zero), so its findings are not known"
        )

    def test_the_findings_of_the_other_rules_stay(self) -> None:
        found = verdict(read(block(off=0.01)))
        assert found.status == "invalid"
        assert found.codes == ["wrong-answer", "rule-failed", "grouped-predictions"]

    def test_the_measurement_is_stored_and_reads_well_once_the_rule_is_mended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        judged = record_verdict(block(said=None), host(), FACTS)
        with Store.open(tmp_path) as store:
            store.create_run(run_info(), [judged.planned], [FACTS])
            store.append(run_info().id, judged)
            monkeypatch.undo()
            run = store.load("last")
        assert run.blocks[0].measurement == judged.measurement
        assert verdict(run) == VALID
        (revision,) = revisions(run)
        assert revision.describe() == "block 0 suspect → valid (-rule-failed, -grouped-predictions)"


def test_an_export_names_the_rules_and_what_was_said_before() -> None:
    old = Verdict.model_validate({"status": "suspect", "reasons": ["hot"]})
    found = rows(read(block(said=old, off=0.01)))[0]
    assert (found["verdict"], found["verdict_codes"], found["rules"]) == (
        "invalid",
        "wrong-answer",
        rules.RULES_VERSION,
    )
    assert (found["recorded_verdict"], found["recorded_codes"], found["recorded_rules"]) == (
        "suspect",
        Reason.WITHOUT_CODE,
        None,
    )
