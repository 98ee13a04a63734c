"""Questions and answers travel as JSON text, and wrong ones are refused with a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.rack import messages

from .making import job, phone

TOKEN = "0123456789abcdef" * 2


def test_a_job_comes_back_as_it_was() -> None:
    question = messages.Submit(job_id="run-1.R58M", host="lab-1", job=job(), lease=TOKEN, digests=("a" * 64,))
    assert messages.name_of(question) == "mobilebench_submit"
    assert messages.read_question(messages.Submit, messages.to_text(question)) == question


def test_answers_are_told_apart() -> None:
    info = messages.RackPhoneInfo(
        target=phone(), key="k", host="lab-1", worker="tls://10.0.0.1:1", seen_at=datetime.now(UTC)
    )
    for answer in (
        messages.Phones(phones=(info,)),
        messages.Refused(reason="No."),
        messages.Events(lines=("{}",), next=1, finished=False),
    ):
        assert messages.read_answer(messages.to_text(answer)) == answer


@pytest.mark.parametrize(
    "wrong",
    [
        {"job_id": "../../etc/passwd"},
        {"job_id": ".hidden"},
        {"job_id": "a\n"},
        {"job_id": "a" * 121},
        {"after": -1},
        {"wait_s": 1e9},
        {"wait_s": "NaN"},
        {"more": 1},
    ],
)
def test_questions_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    text = json.dumps({"job_id": "a", "after": 0, **wrong})
    with pytest.raises(BadInput, match="The question Ask is not valid"):
        messages.read_question(messages.Ask, text)


@pytest.mark.parametrize("text", [b"{}", None, {"job_id": "a"}, "", "[]", "{"])
def test_only_json_text_of_an_object_is_read(text: object) -> None:
    with pytest.raises(BadInput):
        messages.read_question(messages.Ask, text)
    with pytest.raises(BadInput):
        messages.read_answer(text)


def test_the_text_of_people_is_one_short_line() -> None:
    asked = messages.Reserve(
        host="lab-1", phone="R58M", token=TOKEN, owner="Ada\x1b[31m\nLovelace", purpose="x" * 5000, seconds=60
    )
    assert asked.owner == "Ada [31m Lovelace"
    assert len(asked.purpose) == 200


def test_a_phones_key_is_safe_in_names() -> None:
    key = messages.phone_key(phone(facts={"boot_id": "1-2 pid:[3]", "ro.serialno": "a/b,c"}))
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%")


def test_every_question_has_an_operation() -> None:
    assert all(name.startswith("mobilebench_") for name in messages.OPERATIONS)
    assert len(set(messages.OPERATIONS.values())) == len(messages.OPERATIONS)
