"""Reads and sets settings and states by a phone's shell. Reading takes one command, however many there are."""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.core.errors import BlockFailed
from mobilebench.targets.android import state_controls
from mobilebench.targets.android.shell import Shell, failure
from mobilebench.targets.android.state_controls import Setting, State
from mobilebench.targets.base import ShellResult

SETTLE_SECONDS = 3.0
"""How long a state, such as the screen or a radio, may take to change."""
_POLL_SECONDS = 0.2
_LONGEST_VALUE = 100


@dataclass(frozen=True)
class Reading:
    """The present value of a setting or state."""

    value: str | None = None
    """None for a setting that is not set."""
    problem: str | None = None
    """Why it could not be read, as a clause."""
    told: bool = True
    """False if Android does not tell the value, so that `value` is assumed."""

    def differs(self, control: Setting | State) -> str | None:
        """Why the control does not have its value, as a clause; None if it has it, or if Android does not tell."""
        if self.problem is not None or not self.told or self.value == control.value:
            return self.problem
        now = "not set" if self.value is None else self.value[:_LONGEST_VALUE]
        return f"the phone did not change {control.title}, which is {now}"


def read_all(shell: Shell, controls: Sequence[Setting | State]) -> list[Reading]:
    """The present values of these controls.

    Raises:
        TargetLost: the phone went away.
        BlockFailed: the phone's answer does not have a part for each of them.
    """
    if not controls:
        return []
    mark = f"mobilebench-{secrets.token_hex(8)}"
    questions = [_question(control) or "true" for control in controls]
    output = shell.script("; ".join(f"{{ {question}; }} 2>&1; echo {mark} $?" for question in questions)).stdout
    parts = re.findall(rb"(.*?)" + mark.encode() + rb" (\d{1,3})\r?\n", output, re.DOTALL)
    if len(parts) != len(controls):
        raise BlockFailed(f"{shell.serial}: the phone did not show the values that are to be changed.")
    answers = [ShellResult(text, b"", int(code)) for text, code in parts]
    return [_reading(control, answer) for control, answer in zip(controls, answers, strict=True)]


def read_settled(shell: Shell, controls: Sequence[Setting | State]) -> list[Reading]:
    """As `read_all`, after states that take a moment to change had time for it."""
    patience = time.monotonic() + SETTLE_SECONDS
    while True:
        readings = read_all(shell, controls)
        both = zip(controls, readings, strict=True)
        late = any(isinstance(control, State) and reading.differs(control) for control, reading in both)
        if not late or time.monotonic() >= patience:
            return readings
        time.sleep(_POLL_SECONDS)


def put(shell: Shell, control: Setting | State) -> str | None:
    """Give a control its value; returns why the phone refused it, as a clause, or None."""
    if isinstance(control, Setting):
        command = f"settings put {control.namespace} {control.key} {shlex.quote(control.value)}"
    else:
        command = state_controls.set_command(control.name, control.value)
    return failure(shell.script(command))


def _question(control: Setting | State) -> str | None:
    if isinstance(control, State):
        return state_controls.question(control.name)
    return f"settings get {control.namespace} {control.key}"


def _reading(control: Setting | State, answer: ShellResult) -> Reading:
    if isinstance(control, State) and _question(control) is None:
        return Reading(state_controls.assumed(control.name), told=False)
    unread = f"{control.title} could not be read"
    if message := failure(answer):
        return Reading(problem=f"{unread}: {message}")
    try:
        text = answer.stdout.decode()
    except UnicodeDecodeError:
        return Reading(problem=unread)
    if isinstance(control, State):
        value = state_controls.meaning(control.name, text)
        return Reading(value, None if value else unread)
    if not text:
        return Reading(problem=f"{unread}: the phone gave no answer")
    text = text.removesuffix("\n").removesuffix("\r")
    return Reading(None if text == "null" else text)
