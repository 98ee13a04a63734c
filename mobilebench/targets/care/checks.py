"""The registry of checks. The tables of `docs/doctor.md` are `markdown()`."""

from __future__ import annotations

from collections.abc import Iterable

from mobilebench.targets.care import connection, developer, host, leftovers, power, screen, software
from mobilebench.targets.care.base import Check

OF_PHONES: tuple[Check, ...] = (
    *connection.CHECKS,
    *power.CHECKS,
    *screen.CHECKS,
    *developer.CHECKS,
    *software.CHECKS,
    *leftovers.CHECKS,
)
OF_HOST: tuple[Check, ...] = host.CHECKS
_MENDS = {"screen": "`--fix`", "leftovers": "`--fix`", None: ""}


def markdown(checks: Iterable[Check]) -> str:
    """A table of checks for the documentation."""
    head = ["| check | what is right | why it matters | how to mend it | by itself |", "|---|---|---|---|---|"]
    rows = (f"| `{one.name}` | {one.what} | {one.why} | {one.mend} | {_MENDS[one.mending]} |" for one in checks)
    return "".join(f"{line}\n" for line in [*head, *rows])
