"""Errors for users: one sentence, a next step, and the exit code for scripts; pydantic's errors in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic import ValidationError

Fault = Literal[
    "crash",
    "hang",
    "killed for memory",
    "out of memory",
    "lost context",
    "cut connection",
    "page error",
    "bad answer",
    "no space",
    "screen locked",
    "system dialog",
    "app updated",
]
"""Known kinds of failure of a block; other failures have only a sentence:

`crash`: a needed process (page, browser, runner) ended · `hang`: no answer in time · `killed for memory`: such a
process was ended because memory ran out, by the system or by itself · `out of memory`: page and engine still run, but
were refused memory · `lost context`: the browser took the WebGL context or WebGPU device away · `cut connection`: to
the browser or the phone, or from the browser to the pages · `page error`: the page or its engine reports what failed ·
`bad answer`: the answer of page, browser or runner is not valid · `no space`: a disk is full · `screen locked`,
`system dialog`: the page did not answer in time, or was hidden, and the phone's screen was locked or off, or showed
another window in front of it · `app updated`: the browser ended because the phone updated or changed its package.
"""

Loss = Literal[
    "absent",
    "offline",
    "unauthorised",
    "not Android",
    "no answer",
    "no adb server",
    "other serial",
    "other phone",
    "taken",
    "unstable",
    "no space",
]
"""Known kinds of the loss of a phone:

`absent`: adb no longer lists it (its cable, its battery, a restart) · `offline`: adb lists it, but its connection is
broken · `unauthorised`: the phone, or this computer, does not allow the connection · `not Android`: it shows its boot
loader, its recovery menu or an update · `no answer`: it is listed as ready and does not answer · `no adb server`: the
server ended and does not start again · `other serial`: it can only be reached under another serial, such as that of
its Wi-Fi · `other phone`: another phone has its serial now · `taken`: another run has it · `unstable`: it came back
each time, but went away in several blocks in a row · `no space`: its storage is full, so changes on it
could not be recorded.
"""


def with_fault(fault: Fault | None, reason: str) -> str:
    """A failure's reason, after the name of its fault, if there is one."""
    return f"{fault}: {reason}" if fault else reason


def as_sentence(clause: str) -> str:
    """A clause with a capital letter and a full stop: `there is no model x` becomes `There is no model x.`

    An address at its beginning keeps its letters.
    """
    first = clause if ":" in clause.partition(" ")[0][:-1] else f"{clause[0].upper()}{clause[1:]}"
    return f"{first.removesuffix('.')}."


def as_clause(sentence: str) -> str:
    """A sentence as part of another one: `There is no model x.` becomes `there is no model x`."""
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")


def with_hint(message: str, hint: str | None) -> str:
    """The message; if there is a hint, the message as a sentence, followed by the hint."""
    if not hint:
        return message
    return f"{message} {hint}" if message.endswith((".", "?", "!", "…")) else f"{message}. {hint}"


class ExitCode(IntEnum):
    """Exit codes of `mobilebench`."""

    OK = 0
    """Every case was measured and is valid, or is unsupported for a stated reason."""
    CASES_FAILED = 1
    """At least one case failed or is invalid; the others are stored."""
    BAD_INPUT = 2
    """An argument, a file or a device was not usable, or standard output could not be written; what was measured before
    that is stored."""
    NOTHING_TO_MEASURE = 3
    """No target, or no case that this selection and these targets can run."""
    SUSPECT = 4
    """Everything was measured, but at least one case is suspect."""
    SLOWER = 5
    """A case became slower by more than a limit of `compare --fail-if`."""
    WORSE = 6
    """`nightly`: something got worse than the baseline."""
    PHONES_SKIPPED = 7
    """`nightly`: nothing got worse, but a phone was skipped."""
    INCOMPLETE = 8
    """`nightly`: nothing that was measured got worse, but not everything was measured."""
    INTERNAL = 70
    """A defect in mobilebench itself (`--debug` shows the traceback)."""
    INTERRUPTED = 130
    """Ctrl-C, SIGTERM or SIGHUP; what was measured is stored and `--resume` goes on."""


class MobilebenchError(Exception):
    """A problem that a person can act on.

    Args:
        message: one clear sentence that says what was wrong, and on which device or in which file.
        hint: what to do next.
    """

    exit_code = ExitCode.CASES_FAILED
    run_can_be_resumed = False
    """Whether a run that this error ends can be resumed; the run then adds the command to the hint."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def text_with_hint(self) -> str:
        """The message and the hint, as one text."""
        return with_hint(self.message, self.hint)


class BadInput(MobilebenchError):
    """Something that the user gave cannot be used."""

    exit_code = ExitCode.BAD_INPUT


class NothingToMeasure(MobilebenchError):
    """The selection leaves no case, or there is no target."""

    exit_code = ExitCode.NOTHING_TO_MEASURE


class Unsupported(MobilebenchError):
    """A case that this target, engine or version cannot run: an outcome, not a failure."""


class BlockFailed(MobilebenchError):
    """One block could not be measured; the run goes on with the next one.

    Args:
        fault: the kind of failure, if it is a known one.
    """

    def __init__(self, message: str, *, hint: str | None = None, fault: Fault | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


class PageHidden(BlockFailed):
    """A page was hidden while it was measured; its fault names what hid it."""


class Killed(BlockFailed):
    """A process was ended from outside, or for an unknown reason: perhaps because memory ran out.

    Args:
        subject: which process, as the start of a sentence.
    """

    def __init__(self, message: str, *, subject: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, fault="crash")
        self.subject = subject

    def for_memory(self, evidence: str) -> BlockFailed:
        """The same error, with evidence that memory had run out."""
        return BlockFailed(
            f"{self.subject} was killed because memory ran out: {evidence}.", hint=self.hint, fault="killed for memory"
        )


class TargetLost(MobilebenchError):
    """The target went away (unplugged, offline, unauthorised): its remaining blocks cannot be measured now.

    Args:
        loss: the kind of loss, if it is a known one.
    """

    run_can_be_resumed = True

    def __init__(self, message: str, *, hint: str | None = None, loss: Loss | None = None) -> None:
        super().__init__(message, hint=hint)
        self.loss = loss


class TargetTaken(TargetLost):
    """Another run measures the target meanwhile, so waiting for it does not help."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, loss="taken")


_PLAIN_WORDS = {"extra_forbidden": "there is no such key", "missing": "is missing"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a document."""

    path: tuple[str | int, ...]
    """Keys and positions of the wrong value; empty for the document itself."""
    kind: str
    """Pydantic's name for the kind of error, such as `missing`."""
    text: str
    """What is wrong, such as `is missing` or `Input should be a valid string`, without a full stop."""
    value: Any
    """The value that is wrong; for a missing key, the mapping around it."""

    def place(self, whole: str = "the whole") -> str:
        """The path as `groups.0.models`, or `whole` when the problem is the document itself."""
        return ".".join(str(part) for part in self.path) or whole

    def sentence(self, whole: str = "the whole") -> str:
        """Place and text, such as `groups.0.models: is missing`."""
        return f"{self.place(whole)}: {self.text}"


def first_problem(error: ValidationError) -> Problem:
    """The first problem. An unknown key comes before all others, because it often is a missing key, misspelt."""
    found = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    text = _PLAIN_WORDS.get(found["type"], found["msg"].removeprefix("Value error, "))
    return Problem(tuple(found["loc"]), found["type"], text, found.get("input"))
