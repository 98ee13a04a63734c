"""Leases of one host's phones: who has each, until when, and who waits for it.

They live in the worker's process and in a file, so they hold when scheduler or worker restart. Ends are counted by a
clock that nobody sets; only the file has times of the wall clock. A lease that a job uses does not end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from mobilebench.core import atomic_files
from mobilebench.core.record import Record
from mobilebench.rack.messages import (
    LONGEST_LEASE_S,
    JobId,
    LeaseInfo,
    Owner,
    Purpose,
    Queued,
    Refused,
    Reserved,
    Token,
    Waiting,
)

PATIENCE_S = 120.0
"""A place in a queue is lost when nobody asked for it for this long."""
USE_S = 300.0
"""What is left, at least, of a lease that a job uses or used until its worker ended."""


class Place(Record):
    """A lease, or a place in the queue for one."""

    token: Token
    owner: Owner
    purpose: Purpose
    since: datetime
    seconds: float
    """How long the lease is to last from its beginning."""
    job_id: JobId | None = None
    """The job that uses the lease, or for which this place was taken."""
    own: bool = False
    """Whether it ends with the job: one took it for itself, or it was given back while the job used it."""


class _Stored(Record):
    """The leases file."""

    schema_: Literal["mobilebench/leases/1"] = "mobilebench/leases/1"
    leases: dict[str, tuple[Place, datetime]] = Field(default_factory=dict)
    """By serial, with the end by the wall clock."""
    queues: dict[str, tuple[Place, ...]] = Field(default_factory=dict)


class Leases:
    """Who has each phone of this host. Any thread may use it.

    Args:
        file: where they are kept.
        changed: called after every change, in the thread that made it.
        clock: seconds that only go forward.
    """

    def __init__(
        self, file: Path, changed: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = file
        self._changed = changed
        self._clock = clock
        self._guard = threading.RLock()
        self._leases: dict[str, Place] = {}
        self._ends: dict[str, float] = {}
        self._queues: dict[str, list[Place]] = {}
        self._asked: dict[Token, float] = {}
        """When each waiting place was asked for last."""
        self._in_use: set[Token] = set()
        self._load()

    def reserve(self, phone: str, place: Place, *, queue: bool = True) -> Reserved | Queued | Refused:
        """Take the phone, or a place in its queue. With a known token this only looks."""
        with self._guard:
            self._advance(phone)
            if self._place(phone, place.token) is None:
                if self._leases.get(phone) and not queue:
                    return Refused(code="in use", reason=f"Phone {phone} is {self.words(phone)}.")
                self._queues.setdefault(phone, []).append(place)
                self._asked[place.token] = self._clock()
                if not self._advance(phone):
                    self._save()
            elif (lease := self._leases.get(phone)) and lease.token == place.token and lease.own and not place.own:
                self._leases[phone] = lease.model_copy(update={"own": False})  # given back, and wanted again
                self._save()
            return self.look(phone, place.token)

    def look(self, phone: str, token: Token) -> Reserved | Queued | Refused:
        """How a reservation stands; a place in the queue is kept by this."""
        with self._guard:
            self._advance(phone)
            place = self._place(phone, token)
            if place is None:
                return Refused(
                    code="unknown", reason=f"There is no such reservation of phone {phone}: it ended or was given back."
                )
            if place is self._leases.get(phone):
                info = self.info(phone)
                assert info is not None
                return Reserved(lease=info)
            self._asked[token] = self._clock()
            lease = self.info(phone)
            assert lease is not None
            return Queued(position=self._queues[phone].index(place) + 1, lease=lease)

    def renew(self, phone: str, token: Token, seconds: float) -> Reserved | Refused:
        """Let a lease end so many seconds from now."""
        with self._guard:
            self._advance(phone)
            lease = self._leases.get(phone)
            if lease is None or lease.token != token:
                return Refused(code="unknown", reason=f"There is no such lease of phone {phone}.")
            self._ends[phone] = self._clock() + min(seconds, LONGEST_LEASE_S)
            self._save()
            info = self.info(phone)
            assert info is not None
            return Reserved(lease=info)

    def release(self, phone: str, token: Token) -> bool:
        """Give a lease or a place in the queue back; a lease that a job uses ends with it. Whether there was one."""
        with self._guard:
            place = self._place(phone, token)
            if place is None:
                return False
            if token in self._in_use:
                self._leases[phone] = place.model_copy(update={"own": True})
            else:
                self._forget(phone, place)
                self._advance(phone)
            self._save()
            return True

    def may_use(self, phone: str, token: Token, job_id: str) -> bool:
        """Whether the phone is leased under this token, and no other job uses the lease. Keeps a place in a queue."""
        with self._guard:
            reserved = isinstance(self.look(phone, token), Reserved)
            return reserved and (token not in self._in_use or self._leases[phone].job_id == job_id)

    def use(self, phone: str, token: Token, job_id: str) -> bool:
        """Let a job use a lease, which does not end meanwhile; False if it may not."""
        with self._guard:
            if not self.may_use(phone, token, job_id):
                return False
            self._in_use.add(token)
            self._leases[phone] = self._leases[phone].model_copy(update={"job_id": job_id})
            self._save()
            return True

    def end_use(self, phone: str, token: Token) -> None:
        """A job no longer uses a lease; one that it took for itself ends."""
        with self._guard:
            self._in_use.discard(token)
            lease = self._leases.get(phone)
            if lease is not None and lease.token == token:
                if lease.own:
                    self._forget(phone, lease)
                else:
                    self._leases[phone] = lease.model_copy(update={"job_id": None})
                self._advance(phone)
                self._save()

    def token_of(self, phone: str, job_id: str) -> Token | None:
        """The token of the lease or place that a job took for itself."""
        with self._guard:
            lease = self._leases.get(phone)
            places = [*([lease] if lease else []), *self._queues.get(phone, [])]
            return next((one.token for one in places if one.own and one.job_id == job_id), None)

    def keep_jobs(self, job_ids: Collection[str]) -> None:
        """End what jobs took for themselves, except these jobs."""
        with self._guard:
            places = [*self._leases.items(), *((phone, one) for phone, queue in self._queues.items() for one in queue)]
            for phone, place in places:
                if place.own and place.job_id not in job_ids:
                    self._forget(phone, place)
            self._save()

    def info(self, phone: str) -> LeaseInfo | None:
        """Who has the phone; None if nobody."""
        with self._guard:
            self._advance(phone)
            lease = self._leases.get(phone)
            if lease is None:
                return None
            left = max(0.0, self._ends[phone] - self._clock())
            return LeaseInfo(
                owner=lease.owner,
                purpose=lease.purpose,
                since=lease.since,
                until=datetime.now(UTC) + timedelta(seconds=left),
                left_s=left,
                job_id=lease.job_id if lease.token in self._in_use else None,
            )

    def queue(self, phone: str) -> tuple[Waiting, ...]:
        """Who waits for the phone, the next one first."""
        with self._guard:
            self._advance(phone)
            return tuple(
                Waiting(owner=one.owner, purpose=one.purpose, since=one.since) for one in self._queues.get(phone, ())
            )

    def words(self, phone: str) -> str:
        """Such as `in use by ada since 2026-11-30 12:00 UTC, until 2026-11-30 14:00 UTC (night run)`."""
        return described(self.info(phone))

    def phones(self) -> list[str]:
        """The phones that are leased now."""
        with self._guard:
            self.tick()
            return sorted(self._leases)

    def tick(self) -> None:
        """End what has ended, and write down that leases in use go on."""
        with self._guard:
            for phone in [*self._leases]:
                self._advance(phone)
            if self._in_use:
                self._save()

    def _place(self, phone: str, token: Token) -> Place | None:
        lease = self._leases.get(phone)
        if lease is not None and lease.token == token:
            return lease
        return next((one for one in self._queues.get(phone, ()) if one.token == token), None)

    def _forget(self, phone: str, place: Place) -> None:
        self._asked.pop(place.token, None)
        self._in_use.discard(place.token)
        if self._leases.get(phone) is place:
            del self._leases[phone], self._ends[phone]
        elif place in self._queues.get(phone, ()):
            self._queues[phone].remove(place)
            if not self._queues[phone]:
                del self._queues[phone]

    def _advance(self, phone: str) -> bool:
        """Bring lease and queue of a phone to the present; whether that changed something, which is saved then."""
        now = self._clock()
        changed = False
        lease = self._leases.get(phone)
        if lease is not None and lease.token in self._in_use:
            self._ends[phone] = max(self._ends[phone], now + USE_S)
        elif lease is not None and self._ends[phone] <= now:
            self._forget(phone, lease)
            changed = True
        for one in [*self._queues.get(phone, ())]:
            if not one.own and now - self._asked.setdefault(one.token, now) > PATIENCE_S:
                self._forget(phone, one)
                changed = True
        if phone not in self._leases and (queue := self._queues.get(phone)):
            first = queue[0]
            self._forget(phone, first)
            self._leases[phone] = first.model_copy(update={"since": datetime.now(UTC)})
            self._ends[phone] = now + first.seconds
            changed = True
        if changed:
            self._save()
        return changed

    def _save(self) -> None:
        now, wall = self._clock(), datetime.now(UTC)
        stored = _Stored(
            leases={
                phone: (lease, wall + timedelta(seconds=self._ends[phone] - now))
                for phone, lease in self._leases.items()
            },
            queues={phone: tuple(queue) for phone, queue in self._queues.items()},
        )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        atomic_files.write_text(self._file, stored.model_dump_json(), mode=0o600, alone=True, durable=True)
        self._changed()

    def _load(self) -> None:
        try:
            stored = _Stored.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError):
            self._file.replace(self._file.with_name(f"{self._file.name}.unreadable"))
            return
        now, wall = self._clock(), datetime.now(UTC)
        for phone, (lease, until) in stored.leases.items():
            left = min((until - wall).total_seconds(), LONGEST_LEASE_S)
            if left > 0:
                self._leases[phone], self._ends[phone] = lease, now + left
        self._queues = {phone: list(queue) for phone, queue in stored.queues.items() if queue}
        self._asked = {one.token: now for queue in self._queues.values() for one in queue}


def described(lease: LeaseInfo | None) -> str:
    """Such as `in use by ada since 2026-11-30 12:00 UTC, until 2026-11-30 14:00 UTC (night run)`, or `free`."""
    if lease is None:
        return "free"
    since, until = (f"{one.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for one in (lease.since, lease.until))
    purpose = f" ({lease.purpose})" if lease.purpose else ""
    return f"in use by {lease.owner or 'somebody'} since {since}, until {until}{purpose}"
