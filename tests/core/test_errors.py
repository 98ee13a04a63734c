"""Errors as a person reads them."""

from __future__ import annotations

import pytest

from mobilebench.core.errors import BadInput, BlockFailed, Killed, with_fault


@pytest.mark.parametrize(
    ("message", "hint", "text"),
    [
        ("The file is gone.", "Make it again.", "The file is gone. Make it again."),
        ("the file is gone", "Make it again.", "the file is gone. Make it again."),
        ("Is it built?", "Run `make`.", "Is it built? Run `make`."),
        ("the file is gone", None, "the file is gone"),
    ],
)
def test_a_hint_follows_a_whole_sentence(message: str, hint: str | None, text: str) -> None:
    assert BadInput(message, hint=hint).text_with_hint == text


def test_a_fault_leads_its_reason() -> None:
    assert with_fault("hang", "The page gave no answer.") == "hang: The page gave no answer."
    assert with_fault(None, "The page gave no answer.") == "The page gave no answer."


def test_a_killed_process_becomes_one_that_was_killed_for_memory() -> None:
    killed = Killed("The runner was killed by signal 9.", subject="The runner", hint="Close other programs.")
    found = killed.for_memory("the kernel ended one process for that meanwhile")
    assert isinstance(found, BlockFailed)
    assert (killed.fault, found.fault, found.hint) == ("crash", "killed for memory", "Close other programs.")
    assert found.message.startswith("The runner was killed because memory ran out: ")
