"""Which targets `--serial` names, and what is said when it names none that can be used."""

from __future__ import annotations

import pytest

from mobilebench import targets
from mobilebench.browsers import chrome
from mobilebench.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import discovery, properties, wire


@pytest.fixture(autouse=True)
def attached(monkeypatch):
    """Three phones, of which one can be used."""
    monkeypatch.setattr(chrome, "find", lambda: None)
    states = {"GOOD": "device", "LOCKED": "unauthorized", "AWAY": "offline"}
    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(properties, "read", lambda shell: properties.describe(shell.serial, {}))
    return states


def ids(infos):
    return [(info.id, info.state) for info in infos]


def test_all_is_this_computer_and_every_phone_with_its_state():
    expected = [("host", "device"), ("GOOD", "device"), ("LOCKED", "unauthorized"), ("AWAY", "offline")]
    assert ids(targets.discover()) == ids(targets.select("all")) == expected


def test_names_are_taken_in_their_order_and_once():
    assert ids(targets.select("GOOD, host,GOOD")) == [("GOOD", "device"), ("host", "device")]


def test_host_alone_needs_no_adb(monkeypatch):
    def no_adb():
        raise BadInput("There is no adb on this computer.")

    monkeypatch.setattr(discovery, "attached", no_adb)
    assert ids(targets.select("host")) == [("host", "device")]
    with pytest.raises(BadInput, match="no adb"):
        targets.select("all")


def test_an_unknown_serial_lists_what_is_attached():
    with pytest.raises(BadInput, match="No device “NOPE” is attached") as caught:
        targets.select("GOOD,NOPE")
    assert "host, GOOD, LOCKED, AWAY" in caught.value.hint


@pytest.mark.parametrize("serials", ["", " , "])
def test_no_name_at_all_is_bad_input(serials):
    with pytest.raises(BadInput, match="No target"):
        targets.select(serials)


@pytest.mark.parametrize(
    ("serial", "state", "remedy"),
    [("LOCKED", "unauthorized", "allow USB debugging"), ("AWAY", "offline", "plug it in again")],
)
def test_a_phone_that_cannot_be_used_says_what_to_do_on_it(serial, state, remedy):
    with pytest.raises(BadInput, match=f"{serial} cannot be measured: it is {state}") as caught:
        targets.select(serial)
    assert remedy in caught.value.hint
    assert ids(targets.select(serial, need_ready=False)) == [(serial, state)]


@pytest.mark.parametrize("error", [BlockFailed("slow"), TargetLost("gone")])
def test_a_phone_that_falls_silent_does_not_hide_the_others(monkeypatch, attached, error):
    attached["SILENT"] = "device"
    monkeypatch.setattr(wire, "state", lambda serial: "device")

    def read(shell):
        if shell.serial == "SILENT":
            raise error
        return properties.describe(shell.serial, {})

    monkeypatch.setattr(properties, "read", read)
    assert ids(targets.select("all"))[-1] == ("SILENT", "not answering")
    with pytest.raises(BadInput, match="not answering"):
        targets.select("SILENT")


def test_adbs_list_is_read_with_states_of_several_words(monkeypatch):
    monkeypatch.undo()
    answer = "A\tdevice\nB\tno permissions (missing udev rules?); see [url]\n* daemon started\n\n"
    monkeypatch.setattr(wire, "query", lambda request, limit: answer)
    found = discovery.attached()
    assert found == {"A": "device", "B": "no permissions (missing udev rules?); see [url]"}
    info = properties.unusable("B", found["B"])
    assert "udev" in discovery.not_ready(info).message
    assert "apt-get" in discovery.not_ready(info).hint
