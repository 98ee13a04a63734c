"""A step in a process of its own: its result, its error, its end."""

from __future__ import annotations

import os
import signal

import pytest

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.models.forked_step import apart
from tests.pinning import Pinned


def test_a_result_comes_back_and_nothing_else_changes() -> None:
    seen: list[int] = []

    def step() -> list[int]:
        seen.append(os.getpid())
        return [*seen, 7]

    child, value = apart(step)
    assert value == 7
    assert child != os.getpid()
    assert seen == []


def test_an_error_comes_back_with_its_hint(pinned: Pinned) -> None:
    def step() -> None:
        raise BadInput("That was wrong.", hint="Do it right.")

    with pinned.raises(BadInput) as caught:
        apart(step)
    assert caught.value.hint == "Do it right."


def test_another_exception_is_told_by_its_first_line(capfd: pytest.CaptureFixture[str], pinned: Pinned) -> None:
    def step() -> None:
        raise ValueError("no such operation\nsecond line")

    with pinned.raises(MobilebenchError):
        apart(step)
    assert "Traceback" in capfd.readouterr().err


def test_a_killed_step_is_told(pinned: Pinned) -> None:
    with pinned.raises(MobilebenchError):
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL))
