"""Phones that are selected by what the rack file or they themselves say of them."""

from __future__ import annotations

import pytest

from mobilebench import targets
from mobilebench.core.errors import BadInput
from mobilebench.core.records import TargetInfo
from mobilebench.targets import rack, selection
from mobilebench.targets.rack import Rack, RackPhone
from tests.pinning import Pinned

from ..results.making import phone

LAB = Rack(
    phones=(
        RackPhone(serial="A", name="left", labels=("fast", "usb3"), group="one"),
        RackPhone(serial="B", name="right", labels=("fast",), group="one"),
        RackPhone(serial="C", labels=("old",)),
        RackPhone(serial="GONE", name="gone", labels=("lent",), group="two"),
    )
)


@pytest.fixture(autouse=True)
def attached(monkeypatch: pytest.MonkeyPatch) -> list[TargetInfo]:
    """Four phones, of which one is offline, and this computer."""
    found = [
        phone("host", kind="host"),
        phone("A", name="Pixel 8", soc="Tensor G3", profile="tensor-g3"),
        phone("B", name="Pixel 8", soc="Tensor G3", profile="tensor-g3"),
        phone("C", name="Odd, the phone", soc="virtual: x", virtual=True, profile="kirin-990", profile_soc="Kirin 990"),
        phone("D", state="offline"),
    ]
    monkeypatch.setattr(targets, "discover", lambda preferred=(): found)
    monkeypatch.setattr(targets, "_named", lambda names, need_ready: [one for one in found if one.id in names])
    monkeypatch.setattr(rack, "current", lambda: LAB)
    return found


def ids(serials: str) -> list[str]:
    return [info.id for info in targets.select(serials)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("name:left", ["A"]),
        ("name:right,name:left", ["B", "A"]),
        ("label:fast", ["A", "B"]),
        ("label:FAST", ["A", "B"]),
        ("label:usb3,label:fast", ["A", "B"]),
        ("group:one", ["A", "B"]),
        ("soc:tensor-g3", ["A", "B"]),
        ("soc:Tensor G3", ["A", "B"]),
        ("soc:kirin-990", ["C"]),
        ('model:"Pixel 8"', ["A", "B"]),
        ("model:Pixel 8", ["A", "B"]),
        ('model:"Odd, the phone"', ["C"]),
        ("label:old,host,label:usb3", ["C", "host", "A"]),
        ("A,label:fast", ["A", "B"]),
    ],
)
def test_words_select_phones_in_their_order(words: str, found: list[str]) -> None:
    assert ids(words) == found


@pytest.mark.parametrize(
    "words", ["label:none", "label:lent", "name:gone", "name:nobody", "group:two", "soc:a18", "model:iPhone", "label:"]
)
def test_a_word_that_selects_nothing_lists_what_there_is(words: str, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        targets.select(words)


def test_without_phones_or_rack_the_reason_is_that(attached: list[TargetInfo], pinned: Pinned) -> None:
    del attached[1:]
    with pinned.raises(BadInput):
        targets.select("label:fast")
    attached.append(phone("D", state="offline"))
    with pinned.raises(BadInput):
        targets.select("soc:tensor-g3")


def test_one_that_is_named_has_to_be_ready_and_others_are_returned_with_their_state(
    attached: list[TargetInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Rack(phones=(RackPhone(serial="D", name="down", labels=("fast",)), RackPhone(serial="A", labels=("fast",))))
    monkeypatch.setattr(rack, "current", lambda: lab)
    assert [(info.id, info.state) for info in targets.select("label:fast")] == [("A", "device"), ("D", "offline")]
    with pytest.raises(BadInput, match="D cannot be measured"):
        targets.select("name:down")
    assert [info.id for info in targets.select("name:down", need_ready=False)] == ["D"]


def test_a_phone_that_is_attached_twice_is_selected_once(attached: list[TargetInfo]) -> None:
    attached.append(phone("10.0.0.1:5555", state="the same phone as A", facts={"ro.serialno": "A"}))
    assert ids("name:left") == ["A"]


def test_serials_with_colons_are_serials() -> None:
    assert selection.parse("127.0.0.1:16500") is None
    assert selection.parse("all") is None
    assert selection.parse("adb-R5._adb-tls-connect._tcp") is None


def test_what_can_be_completed(attached: list[TargetInfo]) -> None:
    found = selection.available(attached[1:], LAB)
    assert {"name:left", "label:fast", "group:one", "soc:tensor-g3", "model:Pixel 8"} <= set(found)
    assert "name:gone" not in found
