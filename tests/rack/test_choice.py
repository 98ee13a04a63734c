"""Which phones of a rack a person's words mean."""

from __future__ import annotations

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.rack.choice import chosen
from mobilebench.rack.messages import RackPhoneInfo
from tests.rack.double import listed
from tests.rack.making import phone

PHONES = (
    listed(phone("127.0.0.1:16500"), "lab-1", labels=("fast",), name="left"),
    listed(phone("127.0.0.1:16500"), "lab-2"),
    listed(phone("R58M"), "lab-2", labels=("fast",)),
)


def places(phones: list[RackPhoneInfo]) -> list[str]:
    return [f"{one.target.id} on {one.host}" for one in phones]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("all", [0, 1, 2]),
        ("127.0.0.1:16500", [0, 1]),
        ("127.0.0.1:16500@lab-1", [0]),
        ("lab-2/127.0.0.1:16500", [1]),
        ("host:lab-2", [1, 2]),
        ("label:fast", [0, 2]),
        ("name:left,R58M", [0, 2]),
    ],
)
def test_words_choose_phones(words: str, meant: list[int]) -> None:
    assert places(chosen(words, PHONES)) == places([PHONES[one] for one in meant])


@pytest.mark.parametrize("words", ["127.0.0.1:16500@lab-3", "nothing", ""])
def test_words_that_fit_no_phone_are_refused(words: str) -> None:
    with pytest.raises(BadInput):
        chosen(words, PHONES)
