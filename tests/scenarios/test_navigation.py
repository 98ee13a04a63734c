"""Which document answered; what a page says of it is checked."""

from __future__ import annotations

import json

import pytest

from mobilebench.scenarios import navigation


def test_the_address_is_written_into_the_question_as_text() -> None:
    assert '("https://a/\\"quoted\\"")' in navigation.question('https://a/"quoted"')


def test_a_document_that_was_asked_for() -> None:
    found = navigation.answer(json.dumps(["https://a/", "https://a/", 200]))
    assert found == navigation.Answered("https://a/", "https://a/", 200)
    assert not found.redirected


def test_another_document() -> None:
    found = navigation.answer(json.dumps(["https://b/", "https://a/", 0]))
    assert found is not None
    assert found.redirected


@pytest.mark.parametrize("value", [None, 7, "", "{}", "[]", '["a", "b"]', '["a", "b", "200"]', '[1, "b", 200]'])
def test_what_names_no_document(value: object) -> None:
    assert navigation.answer(value) is None


def test_an_endless_address_is_cut() -> None:
    found = navigation.answer(json.dumps(["a" * 10**6, "b", 200]))
    assert found is not None
    assert len(found.address) <= 2000
