"""What a check is, what it finds, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mobilebench.core.records import TargetInfo
from mobilebench.recorders.reading import Void

State = Literal["ok", "degraded", "blocking", "unknown"]
"""`degraded`: results may be worse · `blocking`: nothing useful can be measured · `unknown`: it could not be read."""
Mending = Literal["screen", "leftovers"]
"""What `doctor --fix` can do about a finding (`mending.py`)."""


@dataclass(frozen=True)
class Finding:
    """The result of one check on one target."""

    state: State
    words: str
    """What was found, as a clause without full stop."""
    mend: str | None = None
    """How to mend it, if this case needs other words than the check's."""
    passes: bool = False
    """Whether it ends by itself after a while, such as heat."""


@dataclass(frozen=True)
class Examined:
    """A target's description and its answers, which the checks judge."""

    info: TargetInfo
    answers: Mapping[str, str | Void] = field(default_factory=dict)
    """Answer by name of its question (`questions.QUESTIONS` for phones, `host.read` for this computer)."""
    asked_between: tuple[float, float] = (0.0, 0.0)
    """This computer's clock (seconds since 1970) before and after the answers were read."""
    holder: str | None = None
    """Who measures the phone now, as the end of a sentence; nothing else was asked then."""

    def answer(self, name: str) -> str | Void:
        return self.answers.get(name, Void("it was not asked"))


@dataclass(frozen=True)
class Check:
    """One check: a small declaration, and the function that judges the target's answers."""

    name: str
    """Lower-case words with underscores, for programs."""
    what: str
    """What is right, as a clause."""
    why: str
    """Why it matters, as a sentence."""
    mend: str
    """How to mend it, as a sentence."""
    judge: Callable[[Examined], Finding]
    mending: Mending | None = None
    """What `doctor --fix` does about it."""


def ok(words: str) -> Finding:
    return Finding("ok", words)


def unknown(void: Void) -> Finding:
    return Finding("unknown", void.reason)
