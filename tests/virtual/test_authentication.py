"""How a phone tells the computers that its user has allowed from others."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from mobilebench.virtual import adb, phones
from mobilebench.virtual.adb_transport import AUTH, CNXN, OKAY, OPEN, Packet
from mobilebench.virtual.phone_records import VirtualPhone
from tests.virtual.conftest import Desk
from tests.virtual.talking import HELLO, PUBLIC_KEY, SIGNATURE, TOKEN, Talk, computer

pytestmark = pytest.mark.adb


@pytest.fixture(scope="module")
def phone(one_desk: Desk) -> VirtualPhone:
    return phones.up(names=["locked"], chrome=False)[0]


@pytest.fixture
def nobody_answers(phone: VirtualPhone) -> Iterator[None]:
    phones.change_state("locked", {"fault": "unauthorized"})
    yield
    phones.change_state("locked", {"fault": None})


def test_a_new_computer_is_asked_for_its_key_and_known_from_then_on(phone: VirtualPhone) -> None:
    who = computer(3)
    with Talk(phone) as talk:
        talk.say(HELLO)
        first = talk.hear(AUTH)
        assert first.arg0 == TOKEN and len(first.payload) == 20
        talk.say(Packet(AUTH, SIGNATURE, 0, who.sign(first.payload)))
        second = talk.hear(AUTH)
        assert second.payload != first.payload
        talk.say(Packet(AUTH, PUBLIC_KEY, 0, who.public_key))
        assert talk.hear(CNXN).payload.startswith(b"device::ro.product.name=")
    with Talk(phone) as talk:
        talk.say(HELLO)
        talk.say(Packet(AUTH, SIGNATURE, 0, who.sign(talk.hear(AUTH).payload)))
        talk.hear(CNXN)


def test_a_signature_of_another_token_or_key_is_not_accepted(phone: VirtualPhone) -> None:
    with Talk(phone) as talk:
        talk.greet(computer(3))
    with Talk(phone) as talk:
        talk.say(HELLO)
        token = talk.hear(AUTH).payload
        for signature in (b"", b"\0" * 256, computer(4).sign(token), computer(3).sign(bytes(20))):
            talk.say(Packet(AUTH, SIGNATURE, 0, signature))
            talk.hear(AUTH)


def test_services_wait_for_the_hand_shake(phone: VirtualPhone) -> None:
    """`hear` fails if anything else is said before, such as an answer about the service."""
    with Talk(phone) as talk:
        talk.say(Packet(OPEN, 5, 0, b"shell:id\0"))
        talk.say(HELLO)
        talk.say(Packet(OPEN, 5, 0, b"shell:id\0"))
        talk.hear(AUTH)
        talk.say(Packet(AUTH, PUBLIC_KEY, 0, computer(3).public_key))
        talk.hear(CNXN)


def test_what_is_not_a_key_is_not_answered(phone: VirtualPhone) -> None:
    with Talk(phone) as talk:
        talk.say(HELLO)
        talk.hear(AUTH)
        talk.say(Packet(AUTH, PUBLIC_KEY, 0, b"QAAAAA== somebody\0"))
        talk.say(Packet(AUTH, SIGNATURE, 0, b""))
        talk.hear(AUTH)
        talk.say(Packet(AUTH, PUBLIC_KEY, 0, computer(3).public_key))
        talk.hear(CNXN)


@pytest.mark.usefixtures("nobody_answers")
def test_an_unanswered_question_is_answered_later_on_the_same_connection(phone: VirtualPhone) -> None:
    with Talk(phone) as talk:
        talk.say(HELLO)
        talk.hear(AUTH)
        talk.say(Packet(AUTH, PUBLIC_KEY, 0, computer(5).public_key))
        phones.change_state("locked", {"fault": None})
        talk.hear(CNXN)
        assert talk.output(b"exec:echo in") == b"in\n"


def test_revoking_ends_connections_and_forgets_keys(phone: VirtualPhone) -> None:
    with Talk(phone) as talk:
        talk.greet(computer(3))
        phones.change_state("locked", {"fault": "unauthorized"})
        assert talk.hung_up()
    assert adb.state(phone.serial) == "unauthorized"
    phones.change_state("locked", {"fault": None})
    assert adb.state(phone.serial) == "device"
    with Talk(phone) as talk:
        talk.say(HELLO)
        talk.say(Packet(AUTH, SIGNATURE, 0, computer(3).sign(talk.hear(AUTH).payload)))
        talk.hear(AUTH)


def test_a_build_without_authentication_asks_nobody(one_desk: Desk) -> None:
    (phone,) = phones.up(names=["open"], chrome=False)
    phones.change_state("open", {"properties.ro.adb.secure": "0"})
    with Talk(phone) as talk:
        talk.say(HELLO)
        talk.hear(CNXN)
        talk.say(Packet(OPEN, 5, 0, b"shell:id\0"))
        talk.hear(OKAY)
    phones.down(["open"])


def test_both_adbs_show_an_unauthorised_phone_until_its_user_allows_the_computer(desk: Desk) -> None:
    (phone,) = phones.up(names=["asked"], chrome=False, fault="unauthorized")
    assert adb.state(phone.serial) == "unauthorized"
    refused = desk.run(phone, "shell", "true")
    assert refused.returncode != 0 and b"unauthorized" in refused.stderr
    with subprocess.Popen([desk.adb, "-s", phone.serial, "wait-for-device"]) as waiting:
        phones.change_state("asked", {"fault": None})
        assert waiting.wait(60) == 0
    assert desk.shell(phone, "echo in") == "in"
    phones.down(["asked"])
    phones.up(names=["asked"], chrome=False)
    assert desk.shell(phone, "echo known") == "known"
    phones.down(["asked"])
