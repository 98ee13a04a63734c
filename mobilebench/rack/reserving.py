"""Reserving one of several phones, at once or by waiting in all their queues."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.rack.client import RackClient, RackRefused
from mobilebench.rack.leases import described
from mobilebench.rack.messages import Gone, Queued, RackPhoneInfo, Release, Reserve, Reserved, Wait

_LOOK_S = 20.0
_LOOK_AT_MANY_S = 1.0


@dataclass(frozen=True)
class Wish:
    """What a reservation is to say."""

    owner: str
    purpose: str
    seconds: float


def reserve_one(
    client: RackClient,
    phones: Sequence[RackPhoneInfo],
    wish: Wish,
    limit_s: float | None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[RackPhoneInfo, str, Reserved]:
    """Reserve one of the phones.

    Args:
        client: a client of the rack.
        phones: those that will do, the preferred ones first.
        wish: what the reservation is to say.
        limit_s: seconds to wait in their queues; None: only a phone that is free will do.
        say: called with a sentence when the waiting changed.

    Returns:
        The phone, the token of its lease, and the lease.

    Raises:
        BadInput: none is free, or none became free in time.
    """
    token = secrets.token_hex(16)
    uses = []
    for phone in sorted(phones, key=lambda one: one.lease is not None):
        question = Reserve(**_of(phone, token), **vars(wish), queue=False)
        try:
            return phone, token, client.ask(question, Reserved)
        except RackRefused as refused:
            if refused.code not in ("in use", "away"):
                raise
            uses.append(refused.message)
    if limit_s is None:
        raise BadInput(" ".join(uses), hint="`mobilebench rack wait SERIAL` waits until it is free.")
    return _wait(client, phones, wish, token, limit_s, say)


def _wait(
    client: RackClient,
    phones: Sequence[RackPhoneInfo],
    wish: Wish,
    token: str,
    limit_s: float,
    say: Callable[[str], None],
) -> tuple[RackPhoneInfo, str, Reserved]:
    deadline = time.monotonic() + limit_s
    look_s = _LOOK_S if len(phones) == 1 else _LOOK_AT_MANY_S / len(phones)
    kept: RackPhoneInfo | None = None
    said: dict[str, str] = {}
    try:
        for phone in phones:
            client.ask_any(Reserve(**_of(phone, token), **vars(wish)))
        while True:
            for phone in phones:
                answer = client.ask_any(Wait(**_of(phone, token), wait_s=look_s))
                if isinstance(answer, Reserved):
                    kept = phone
                    return phone, token, answer
                if isinstance(answer, Queued):
                    words = f"{_name(phone)}: {described(answer.lease)}; place {answer.position} in the queue"
                    place = f"{answer.position} {answer.lease.owner} {answer.lease.since}"
                    if said.get(_name(phone)) != place:
                        said[_name(phone)] = place
                        say(words)
            if time.monotonic() > deadline:
                raise BadInput(f"None of these phones became free within {limit_s:g} s.", hint="Wait longer: --limit.")
    finally:
        for phone in phones:
            if phone is not kept:
                with suppress(MobilebenchError):
                    client.ask(Release(**_of(phone, token)), Gone)


def _of(phone: RackPhoneInfo, token: str) -> dict[str, str]:
    return {"host": phone.host, "phone": phone.target.id, "token": token}


def _name(phone: RackPhoneInfo) -> str:
    return f"{phone.host}/{phone.target.id}"
