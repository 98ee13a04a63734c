"""What the benchmark of the app's core makes of its numbers, and that it measures both ways."""

from __future__ import annotations

import pytest

from benchmarks import app_core
from benchmarks.ratios import Ratio


def test_only_rows_through_jni_can_break_the_promise() -> None:
    slow, fine = Ratio(1.21, 1.15, 1.3, 12), Ratio(1.02, 0.99, 1.04, 12)
    assert app_core.verdict({("resnet50", "java"): slow, ("resnet50", "jni"): fine}).startswith("Promise kept")
    broken = app_core.verdict({("resnet50", "jni"): slow, ("bert_small", "jni"): fine})
    assert broken.startswith("Promise broken by resnet50 (median ratio 1.210")
    assert "bert_small" not in broken


@pytest.mark.build
@pytest.mark.alone
def test_it_measures_core_and_program_in_turn(capsys: pytest.CaptureFixture[str]) -> None:
    assert app_core.main(["--pairs", "2", "--predictions", "5", "--models", "bert_small"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:4]] == [["| bert_small", "jni"], ["| bert_small", "java"]]
    assert lines[-1].startswith("Promise")
