"""The verdict on an attempt that was stopped: whatever was measured until then is no measurement of the block."""

from __future__ import annotations

from mobilebench.core.records import Stopped, Verdict
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Findings
from mobilebench.verdicts.rules import RULES_VERSION


def judge_stopped(attempt: Stopped) -> Verdict:
    """The verdict of this version's rules on a stopped attempt: `invalid`, with the temperature that stopped it."""
    found = Findings()
    found.add(Code.STOPPED_HOT, f"it was stopped because the target became too hot: {attempt.describe()}")
    return found.verdict(RULES_VERSION)
