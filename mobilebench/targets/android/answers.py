"""Recognise refusals by a phone's programs, which often exit with 0 and report the failure only in their text."""

from __future__ import annotations

import re

from mobilebench.core.errors import BlockFailed
from mobilebench.targets.base import ShellResult

ALLOW = (
    "Allow it in the phone's developer options: Xiaomi calls it “USB debugging (Security settings)”; "
    "on OnePlus, Oppo and Realme switch “Disable permission monitoring” on."
)
"""How to allow adb changes that Android permits but some manufacturers block."""

_FAILURE = re.compile(
    r"^(?:Exception occurred|Error(?: type \d+)?:|cmd: |Failed transaction|Failure calling|Security exception|"
    r"(?:Caused by: )?[\w.$]+(?:Exception|Error)(?::|$)|.*Can't find service).*$",
    re.MULTILINE,
)
_FORBIDDEN = re.compile(r"Security ?exception|permission denial|requires:? ?android\.permission", re.IGNORECASE)


class NotAllowed(BlockFailed):
    """The phone does not let adb do this."""


def failure(result: ShellResult) -> str | None:
    """The message of a failed command, even if it exited with 0; None if it succeeded."""
    stderr, stdout = (text.decode(errors="replace").strip() for text in (result.stderr, result.stdout))
    for text in (stderr, stdout):
        found = [line[0].strip() for line in _FAILURE.finditer(text)]
        if found:
            return next((line for line in found if _FORBIDDEN.search(line)), found[0])[:300]
    if result.exit_code != 0:
        return f"exit code {result.exit_code}: {(stderr or stdout or 'it said nothing')[:300]}"
    return None


def forbidden(result: ShellResult) -> str | None:
    """The message of a command that adb is not allowed to run; None if it succeeded or failed for another reason."""
    text = (result.stderr + b"\n" + result.stdout).decode(errors="replace")
    return failure(result) if _FORBIDDEN.search(text) else None


def worked(result: ShellResult, problem: str) -> bytes:
    """Return the standard output of a command that has to succeed.

    Raises:
        NotAllowed: the phone does not let adb do this.
        BlockFailed: the command failed for another reason.
    """
    words = failure(result)
    if words is None:
        return result.stdout
    if forbidden(result):
        raise NotAllowed(f"{problem}: {words}", hint=ALLOW)
    raise BlockFailed(f"{problem}: {words}")
