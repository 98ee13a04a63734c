"""Native engines in a process of mobilebench's app on phones: installing it, and running one block in it.

The runner is the same C source as the shell's, with the same arguments and the same answer (`docs/app.md`).
"""

from __future__ import annotations

from mobilebench.core import paths
from mobilebench.core.records import Case, TargetInfo


def why_not(target: TargetInfo, case: Case) -> str | None:
    """Why a native engine cannot run in the app on this target, as a clause; None when it can, or from a shell."""
    if not case.in_app:
        return None
    if target.kind != "android":
        return f"there is no context {case.context} on this computer: mobilebench's app runs on Android"
    if not paths.app().is_file():
        return "mobilebench's app is not built (run `make apk`)"
    return None
