"""Rules for native blocks in a process of mobilebench's app: that it ran there, and as it was asked to."""

from __future__ import annotations

from mobilebench.core.axes import APP_CONTEXTS
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings


def judge_app(evidence: Evidence, found: Findings) -> None:
    """Compare what Android says of the app's process with the context that was asked for."""
    asked, app = evidence.planned.context, evidence.proof.app
    if asked not in APP_CONTEXTS:
        return
    if app is None:
        found.unproven(Code.UNPROVEN_APP, "what Android says of the app's process")
        return
    if app.context != asked:
        found.add(Code.WRONG_CONTEXT, f"it ran as {app.context}, though {asked} was asked for")
    elif asked == "app-foreground" and app.visible is False:
        found.add(Code.APP_HIDDEN, "the app's activity was not visible at the end")
    elif asked == "app-foreground" and app.visible is None and not app.virtual:
        found.unproven(Code.UNPROVEN_APP, "whether the app's activity was visible")
    if app.low_memory:
        found.add(Code.APP_LOW_MEMORY, "Android said at the end that memory was low")
