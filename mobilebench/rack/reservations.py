"""The reservations of this computer's user: the tokens that prove them, in a file that others cannot read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mobilebench.core import atomic_files, file_locks, paths
from mobilebench.core.record import Record
from mobilebench.rack.messages import Host, Serial, Token


class Reservation(Record):
    """One phone that is reserved, or waited for."""

    rack: str
    """The scheduler's address."""
    host: Host
    phone: Serial
    token: Token
    until: datetime


_ALL = TypeAdapter(list[Reservation])


def remember(reservation: Reservation) -> None:
    """Keep a reservation in place of an older one of the same phone."""
    _change(reservation.rack, reservation.host, reservation.phone, reservation)


def forget(rack: str, host: str, phone: str, token: str) -> None:
    """The reservation with this token is over. A newer one of the same phone, which another command made, stays."""
    _change(rack, host, phone, None, token)


def token_of(rack: str, host: str, phone: str) -> str | None:
    """The token of this user's reservation of a phone; None if there is none. It may have ended meanwhile."""
    return next((one.token for one in _read() if (one.rack, one.host, one.phone) == (rack, host, phone)), None)


def _change(rack: str, host: str, phone: str, reservation: Reservation | None, token: str | None = None) -> None:
    """Put `reservation` in place of the phone's older ones; with `token`, only of the one that has it."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file_locks.exclusive(file.with_suffix(".lock")):
        now = datetime.now(UTC)
        kept = [
            one
            for one in _read()
            if ((one.rack, one.host, one.phone) != (rack, host, phone) or token not in (None, one.token))
            and one.until > now
        ]
        kept += [reservation] if reservation else []
        text = json.dumps([one.model_dump(mode="json") for one in kept], indent=1)
        atomic_files.write_text(file, text, mode=0o600, durable=True)


def _read() -> list[Reservation]:
    try:
        return _ALL.validate_json(_file().read_bytes())
    except (FileNotFoundError, ValidationError):
        return []


def _file() -> Path:
    return paths.home() / "rack" / "reservations.json"
