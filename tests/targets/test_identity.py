"""A phone is recognised by its own ids, through any connection."""

from __future__ import annotations

import pytest

from mobilebench.targets.android import description, identity
from mobilebench.targets.android.identity import is_same, mark_duplicates

BOOT_1 = "11111111-2222-3333-4444-555555555555"
BOOT_2 = "99999999-2222-3333-4444-555555555555"
USB, WIFI, BY_ITSELF = "R5CT1234567", "192.168.0.7:5555", "adb-R5CT1234567-a1B2c3._adb-tls-connect._tcp"


def phone(serial, number="R5CT1234567", boot=BOOT_1, **more):
    lines = [f"[ro.serialno]: [{number}]", *(f"[{name}]: [{value}]" for name, value in more.items())]
    return description.describe(serial, {"properties": "\n".join(lines), "boot": boot})


def states(phones, *preferred):
    return {info.id: info.state for info in mark_duplicates(phones, preferred)}


def test_two_connections_are_one_phone_and_the_cable_is_kept():
    for order in ([WIFI, USB, BY_ITSELF], [BY_ITSELF, WIFI, USB]):
        found = mark_duplicates([phone(serial) for serial in order])
        assert [info.id for info in found] == order
        assert {info.id: info.state for info in found} == {
            USB: "device",
            WIFI: f"the same phone as {USB}",
            BY_ITSELF: f"the same phone as {USB}",
        }
        assert {info.machine for info in found} == {"R5CT1234567"}


def test_the_serial_that_is_named_first_is_kept():
    phones = [phone(USB), phone(WIFI)]
    assert states(phones, WIFI, USB) == {USB: f"the same phone as {WIFI}", WIFI: "device"}
    assert states(phones, WIFI) == {USB: f"the same phone as {WIFI}", WIFI: "device"}
    assert states(phones, USB, WIFI) == {USB: "device", WIFI: f"the same phone as {USB}"}


def test_an_emulator_that_adb_found_itself_and_its_port_are_one():
    emulators = [phone("localhost:5555", "EMULATOR35X1"), phone("emulator-5554", "EMULATOR35X1")]
    assert states(emulators)["localhost:5555"] == "the same phone as emulator-5554"


def test_phones_that_share_a_serial_number_are_two_and_two_machines():
    found = mark_duplicates([phone("usb-1"), phone("10.0.0.8:5555", boot=BOOT_2)])
    assert [info.state for info in found] == ["device", "device"]
    assert [info.machine for info in found] == ["R5CT1234567 at usb-1", "R5CT1234567 at 10.0.0.8:5555"]


def test_androids_in_containers_share_a_kernel_and_are_two():
    ours = [phone(f"10.0.0.1:{port}", boot=f"{BOOT_1}\npid:[{port}]\n") for port in (5555, 5556)]
    assert states(ours) == {"10.0.0.1:5555": "device", "10.0.0.1:5556": "device"}
    other = [phone("10.0.0.1:5555", "one"), phone("10.0.0.1:5556", "two")]
    assert set(states(other).values()) == {"device"}


@pytest.mark.parametrize(
    "number", ["", "unknown", "UNKNOWN", "0123456789ABCDEF", "0123456789abcdef", "0000000000", "1234567890", "null"]
)
def test_a_placeholder_serial_number_neither_merges_nor_separates_phones(number):
    assert set(states([phone(USB, number), phone(WIFI, number, BOOT_2)]).values()) == {"device"}
    assert states([phone(USB, number), phone(WIFI, number)])[WIFI] == f"the same phone as {USB}"
    found = phone(USB, number)
    assert (found.machine, identity.SERIAL_NUMBER in found.facts) == (USB, False)


@pytest.mark.parametrize("boot", ["", "cat: Permission denied", "0", "not a boot id at all"])
def test_without_the_kernels_id_nothing_is_merged(boot):
    assert set(states([phone(USB, boot=boot), phone(WIFI, boot=boot)]).values()) == {"device"}
    assert set(states([phone(USB, boot=boot), phone(WIFI)]).values()) == {"device"}


def test_the_boot_loaders_number_stands_in():
    found = description.describe("x", {"properties": "[ro.boot.serialno]: [ABC12]\n[ro.serialno]: []"})
    assert (found.machine, found.facts[identity.SERIAL_NUMBER]) == ("ABC12", "ABC12")


def test_a_phone_that_cannot_be_used_keeps_its_own_state():
    asleep = description.unusable(WIFI, "offline")
    assert states([asleep, phone(USB)]) == {WIFI: "offline", USB: "device"}


def test_virtual_phones_share_this_computer():
    more = {"ro.mobilebench.virtual": "1", "ro.mobilebench.machine": "m"}
    found = mark_duplicates([phone("127.0.0.1:1", **more), phone("127.0.0.1:2", boot=BOOT_2, **more)])
    assert [(info.state, info.machine) for info in found] == [("device", "m"), ("device", "m")]


def test_a_lock_has_one_name_for_all_connections_to_a_phone():
    assert identity.key(phone(USB)) == identity.key(phone(WIFI))
    assert identity.key(phone(USB)) != identity.key(phone(WIFI, boot=BOOT_2))
    assert identity.key(phone(USB)) != identity.key(phone(USB, "another"))
    assert identity.key(phone(USB, boot="")) != identity.key(phone(WIFI, boot=""))


def test_the_boot_question_is_answered_by_kernel_and_namespace():
    assert identity.boot(f"{BOOT_1}\npid:[4026531836]\n") == f"{BOOT_1} pid:[4026531836]"
    assert identity.boot(f"{BOOT_1.upper()}\r\n") == BOOT_1
    assert identity.boot("readlink: no such file") is None


def test_is_same_needs_both():
    assert is_same(phone(USB), phone(WIFI))
    assert not is_same(phone(USB), phone(WIFI, "another"))
