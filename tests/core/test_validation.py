"""The first problem in a document, in plain words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from mobilebench.core.validation import Problem, first_problem


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
