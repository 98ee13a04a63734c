"""Which targets `--serial` names, and the errors if none of them can be used."""

from __future__ import annotations

import pytest

from mobilebench import targets
from mobilebench.browsers import chrome
from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import adb_protocol, description, discovery, states
from tests.pinning import Pinned


@pytest.fixture(autouse=True)
def attached(monkeypatch):
    """Three phones, of which one can be used."""
    monkeypatch.setattr(chrome, "find", lambda: None)
    states = {"GOOD": "device", "LOCKED": "unauthorized", "AWAY": "offline"}
    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(description, "read", lambda shell: description.describe(shell.serial, {}))
    return states


def ids(infos):
    return [(info.id, info.state) for info in infos]


def test_all_is_this_computer_and_every_phone_with_its_state():
    expected = [("host", "device"), ("GOOD", "device"), ("LOCKED", "unauthorized"), ("AWAY", "offline")]
    assert ids(targets.discover()) == ids(targets.select("all")) == expected


def test_names_are_taken_in_their_order_and_once():
    assert ids(targets.select("GOOD, host,GOOD")) == [("GOOD", "device"), ("host", "device")]


def test_host_alone_needs_no_adb(monkeypatch, pinned: Pinned):
    def no_adb():
        raise BadInput("There is no adb on this computer.")

    monkeypatch.setattr(discovery, "attached", no_adb)
    assert ids(targets.select("host")) == [("host", "device")]
    with pinned.raises(BadInput):
        targets.select("all")


@pytest.mark.slow
def test_an_unknown_serial_lists_what_is_attached(pinned: Pinned):
    with pinned.raises(BadInput):
        targets.select("GOOD,NOPE")


@pytest.mark.parametrize("serials", ["", " , "])
def test_no_name_at_all_is_bad_input(serials, pinned: Pinned):
    with pinned.raises(BadInput):
        targets.select(serials)


@pytest.mark.parametrize(
    ("serial", "state"),
    [("LOCKED", "unauthorized"), ("AWAY", "offline")],
)
def test_a_phone_that_cannot_be_used_says_what_to_do_on_it(serial, state, pinned: Pinned):
    with pinned.raises(BadInput):
        targets.select(serial)
    assert ids(targets.select(serial, need_ready=False)) == [(serial, state)]


@pytest.mark.parametrize("error", [BlockFailed("slow"), TargetLost("gone")])
def test_a_phone_that_falls_silent_does_not_hide_the_others(monkeypatch, attached, error, pinned: Pinned):
    attached["SILENT"] = "device"
    monkeypatch.setattr(adb_protocol, "state", lambda serial: "device")

    def read(shell):
        if shell.serial == "SILENT":
            raise error
        return description.describe(shell.serial, {})

    monkeypatch.setattr(description, "read", read)
    assert ids(targets.select("all"))[-1] == ("SILENT", "not answering")
    with pinned.raises(BadInput):
        targets.select("SILENT")


def test_adbs_list_is_read_with_states_of_several_words(monkeypatch):
    monkeypatch.undo()
    answer = "A\tdevice\nB\tno permissions (missing udev rules?); see [url]\n* daemon started\n\n"
    monkeypatch.setattr(adb_protocol, "query", lambda request, limit: answer)
    found = discovery.attached()
    assert found == {"A": "device", "B": "no permissions (missing udev rules?); see [url]"}
    info = description.unusable("B", found["B"])
    assert "udev" in discovery.not_ready_error(info).message
    assert "apt-get" in discovery.not_ready_error(info).hint


def test_phones_that_share_a_serial_are_all_listed_with_their_places(monkeypatch, attached, pinned: Pinned):
    monkeypatch.undo()
    answers = {
        "host:devices": "DUP\tdevice\nONE\tdevice\nDUP\tdevice\nDUP\toffline\n",
        "host:devices-l": (
            "DUP                    device usb:1-2 product:p model:m device:d transport_id:1\n"
            "ONE                    device usb:1-4 product:p model:m device:d transport_id:2\n"
            "DUP                    device usb:1-3 product:p model:m device:d transport_id:3\n"
            "DUP                    offline transport_id:4\n"
        ),
    }
    monkeypatch.setattr(adb_protocol, "query", lambda request, limit: answers[request])
    monkeypatch.setattr(description, "read", lambda shell: description.describe(shell.serial, {}))
    monkeypatch.setattr(chrome, "find", lambda: None)
    found = discovery.attached()
    shared = "another phone has the same serial"
    assert found == {"DUP (usb:1-2)": shared, "ONE": "device", "DUP (usb:1-3)": shared, "DUP (transport_id:4)": shared}
    assert dict(ids(targets.select("all"))) == {"host": "device", **found}
    with pinned.raises(BadInput):
        targets.select("DUP")
    with pinned.raises(BadInput):
        targets.select("DUP (usb:1-3)")


@pytest.mark.parametrize("places", ["", adb_protocol.AdbRefused("unknown host service")])
def test_phones_that_share_a_serial_are_counted_where_adb_does_not_say_more(monkeypatch, places):
    monkeypatch.undo()

    def query(request, limit):
        if request == "host:devices":
            return "DUP\tdevice\nDUP\tdevice\n"
        if isinstance(places, Exception):
            raise places
        return places

    monkeypatch.setattr(adb_protocol, "query", query)
    assert list(discovery.attached()) == ["DUP (phone 1)", "DUP (phone 2)"]


def same_phone(shell):
    lines = "[ro.serialno]: [R5CT1234567]\n"
    return description.describe(
        shell.serial, {"properties": lines, "boot": "11111111-2222-3333-4444-555555555555\npid:[1]\n"}
    )


def test_two_connections_to_a_phone_are_measured_once(monkeypatch, attached):
    attached.clear()
    attached |= {"10.0.0.7:5555": "device", "R5CT1234567": "device"}
    monkeypatch.setattr(description, "read", same_phone)
    assert ids(targets.select("all"))[1:] == [
        ("10.0.0.7:5555", "the same phone as R5CT1234567"),
        ("R5CT1234567", "device"),
    ]
    assert ids(targets.select("10.0.0.7:5555,R5CT1234567")) == [
        ("10.0.0.7:5555", "device"),
        ("R5CT1234567", "the same phone as 10.0.0.7:5555"),
    ]
    assert ids(targets.select("10.0.0.7:5555")) == [("10.0.0.7:5555", "device")]
    assert ids(targets.discover(["10.0.0.7:5555"]))[1:] == [
        ("10.0.0.7:5555", "device"),
        ("R5CT1234567", "the same phone as 10.0.0.7:5555"),
    ]


def test_a_state_is_written_as_a_sentence(pinned: Pinned):
    assert discovery.sentence("X", "offline") == "X is offline"
    assert discovery.sentence("X", "the same phone as Y") == "X is the same phone as Y"
    assert discovery.sentence("X", states.TWIN) == "X: another phone has the same serial"
    assert "unplug" in discovery.remedy("X", states.TWIN)
    for state in ("recovery", "sideload", "rescue", "bootloader"):
        assert "where Android does not run" in discovery.sentence("X", state)
    for state in ("authorizing", "connecting", "detached", "host", "no permissions (user in plugdev group)"):
        assert discovery.sentence("X", state) != f"X is {state}"
        assert len(discovery.remedy("X", state)) > 20
    pinned(discovery.remedy("X", "the same phone as Y"))
