"""Errors as a person reads them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from mobilebench.core.errors import BadInput, BlockFailed, Killed, Problem, as_sentence, first_problem, with_fault


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


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    size: int = 1

    @field_validator("name")
    @classmethod
    def _lower(cls, value: str) -> str:
        if value != value.lower():
            raise ValueError("it must be in small letters")
        return value


class _Document(BaseModel):
    groups: list[_Group]


def problem(document: Any) -> Problem:
    with pytest.raises(ValidationError) as caught:
        _Document.model_validate(document)
    return first_problem(caught.value)


def test_a_missing_key_is_named_with_its_place() -> None:
    assert problem({"groups": [{"name": "a"}, {"size": 2}]}).sentence() == "groups.1.name: is missing"


def test_an_unknown_key_comes_before_the_missing_one_that_it_may_be() -> None:
    found = problem({"groups": [{"nmae": "a"}]})
    assert (found.kind, found.path) == ("extra_forbidden", ("groups", 0, "nmae"))
    assert found.text == "there is no such key"


def test_a_validator_speaks_for_itself() -> None:
    found = problem({"groups": [{"name": "A"}]})
    assert (found.text, found.value) == ("it must be in small letters", "A")


def test_the_document_itself_can_be_wrong() -> None:
    assert problem(7).place("the file") == "the file"


@pytest.mark.parametrize(
    ("clause", "sentence"),
    [
        ("there is no model x", "There is no model x."),
        ("left: another page is shown", "Left: another page is shown."),
        ("https://example.org/ in chrome", "https://example.org/ in chrome."),
        ("speedometer:/clone in chrome", "speedometer:/clone in chrome."),
    ],
)
def test_a_clause_becomes_a_sentence_and_an_address_stays(clause: str, sentence: str) -> None:
    assert as_sentence(clause) == sentence
