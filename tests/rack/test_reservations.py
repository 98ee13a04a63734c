"""The reservations that this computer's user has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mobilebench.rack import reservations
from mobilebench.rack.reservations import Reservation

PLACE = ("tls://lab:8786", "host-1", "R58M")
FIRST, SECOND = "a" * 32, "b" * 32


def made(token: str, **changes: object) -> Reservation:
    rack, host, phone = PLACE
    until = datetime.now(UTC) + timedelta(hours=1)
    fields = {"rack": rack, "host": host, "phone": phone, "token": token, "until": until}
    return Reservation.model_validate({**fields, **changes})


def test_a_newer_reservation_takes_the_place_of_an_older_one() -> None:
    assert reservations.token_of(*PLACE) is None
    for token in (FIRST, SECOND):
        reservations.remember(made(token))
        assert reservations.token_of(*PLACE) == token


def test_only_the_reservation_that_was_given_back_is_forgotten() -> None:
    """Another command may have the phone as soon as it is given back, before that is noted here."""
    reservations.remember(made(FIRST))
    reservations.remember(made(SECOND))
    reservations.forget(*PLACE, FIRST)
    assert reservations.token_of(*PLACE) == SECOND
    reservations.forget(*PLACE, SECOND)
    assert reservations.token_of(*PLACE) is None


def test_other_phones_stay_and_what_has_ended_goes() -> None:
    reservations.remember(made(FIRST, phone="R59"))
    reservations.remember(made(SECOND, phone="R60", until=datetime.now(UTC) - timedelta(seconds=1)))
    reservations.forget(*PLACE, FIRST)
    rack, host, _ = PLACE
    assert reservations.token_of(rack, host, "R59") == FIRST
    assert reservations.token_of(rack, host, "R60") is None
