"""The rule about conditions of a phone (`--conditions`) that were asked for and that the phone refused."""

from __future__ import annotations

from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings


def judge_conditions(evidence: Evidence, found: Findings) -> None:
    """Every condition that this phone has, and that was asked of it, has to hold; one that is required, but does not
    hold, has made the case unsupported before.
    """
    device = evidence.proof.device
    refused: dict[str, list[str]] = {}
    for one in device.conditions if device else ():
        if one.state == "refused":
            refused.setdefault(one.reason or "it gave no reason", []).append(one.name)
    for reason, names in refused.items():
        found.add(
            Code.CONDITION_REFUSED, f"it was measured without {', '.join(names)}, which the phone refused: {reason}"
        )
