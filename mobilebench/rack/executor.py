"""Runs a run's workers on the hosts of a rack. The coordinator sees the same events as from a worker of its own."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import Block, PlannedBlock, TargetInfo
from mobilebench.rack import artefacts, own_leases, records
from mobilebench.rack.client import RackAway, RackRefused
from mobilebench.rack.discovery import RackTarget, RackTargets
from mobilebench.rack.following import PAUSES, Outcome, Patience, Rack, ask_at_end, follow
from mobilebench.rack.messages import Done, Gone, Release, Renew, Reserve, Reserved, Submit
from mobilebench.rack.own_leases import OwnLease
from mobilebench.rack.records import OpenJob
from mobilebench.session import events
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.job import JobSpec, KnownUnsupported, own_builds
from mobilebench.session.work import Cancelled, Emit, TakeTurn
from mobilebench.session.worker import hint_in_run

LEASE_SECONDS = 300.0
"""How long a phone stays reserved after the client was last heard and no job runs on it."""
RENEW_SECONDS = 60.0
"""Between two renewals of a lease."""

_TRIES_AFTER = 5
"""Times that a phone is asked for after what a killed run left was given back."""
_MOST_TRIES = 3
"""Jobs of one target whose events were lost, until it is given up."""
_OF_WORKERS = (
    events.BlockStarted,
    events.GateWaiting,
    events.GatePassed,
    events.GateTimedOut,
    events.BlockStopped,
    events.BlockRetried,
    events.PhoneLog,
    events.BlockFinished,
    events.FileRecorded,
    events.Defect,
    events.TargetAway,
    events.StillWaiting,
    events.TargetBack,
    events.TargetLost,
    events.TargetNoticed,
)
"""What a host may say of a target; its beginning and end are the executor's to say."""


class RackExecutor:
    """Workers on the hosts of a rack, each of which owns the locks of its phones."""

    reserves_at_once = 8

    def __init__(
        self,
        rack: Rack,
        targets: RackTargets,
        run_folder: Callable[[str], Path],
        *,
        owner: str,
        dependencies: Dependencies | None = None,
        stored: Iterable[Block] = (),
        reservation: Callable[[RackTarget], str | None] | None = None,
        secret: bytes | None = None,
        address: str = "",
    ) -> None:
        """Make an executor of a run.

        Args:
            rack: a connection to the scheduler; each thread uses another one.
            targets: the phones as they were listed for this run.
            run_folder: the folder of a run, by its id.
            owner: who measures, for others who want the phone.
            dependencies: functions of other packages that a session calls.
            stored: the blocks that the run has, when it is resumed.
            reservation: the token of the reservation that a person made of a phone; it is used, and stays.
            secret: makes the tokens of this run's leases. With the same one a later part of the run has the leases of
                an earlier part that was killed; None: one that nobody else has.
            address: the scheduler's address, under which leases are noted on this computer.
        """
        self._rack = rack
        self._targets = targets
        self._run_folder = run_folder
        self._owner = owner
        self._dependencies = dependencies or Dependencies()
        self._stored = {block.planned.index: block.started_at for block in stored}
        self._reservation = reservation
        self._secret = secret or secrets.token_bytes(32)
        self._address = address
        self._tokens: dict[str, str] = {}
        self._freed: dict[str, list[str]] = {}
        """Runs whose leases of a target were given back for this one, because their processes had ended."""

    @contextmanager
    def reserve(self, target: TargetInfo, run_id: str) -> Iterator[None]:
        """Lease the phone until the context ends. If a job of this run was left running there, its lease goes on."""
        place = self._targets.known(target.id)
        before = [one.submit.lease for one in records.kept(self._run_folder(run_id), target.id) if one.submit.lease]
        person_s = self._reservation(place) if self._reservation else None
        token = person_s or (before[-1] if before else self._token(place, run_id))
        self._tokens[target.id] = token
        if person_s:
            with _own(self._rack) as rack:
                self._take(rack, place, token, run_id)
            yield
            return
        lease = OwnLease(rack=self._address, host=place.host, phone=place.serial, token=token, run_id=run_id)
        over = threading.Event()
        with own_leases.noted(lease) as note:
            with _own(self._rack) as rack:
                try:
                    self._take(rack, place, token, run_id)
                except RackAway:
                    # perhaps only the answer is lost
                    note.is_over = not before and ask_at_end(rack, _release(place, token))
                    raise
                except BadInput:
                    note.is_over = True
                    raise
            renewing = threading.Thread(target=self._renew, args=(place, token, over), name="lease", daemon=True)
            renewing.start()
            try:
                yield
            finally:
                over.set()
                renewing.join()
                with _own(self._rack) as rack:
                    for job in records.kept(self._run_folder(run_id), target.id):
                        if job.ended:
                            _forget(rack, self._run_folder(run_id), job)
                    note.is_over = ask_at_end(rack, _release(place, token))

    def measure(self, job: JobSpec, emit: Emit, cancel: threading.Event, take_turn: TakeTurn) -> None:  # noqa: ARG002
        """Measure a job on its host, after what an earlier part of the run left there was collected."""
        name = job.target.id
        emit(events.TargetStarted(target=name, blocks=len(job.blocks)))
        for run in self._freed.pop(name, ()):
            words = f"run {run}, which was killed, had it reserved still; that reservation was given back"
            emit(events.TargetNoticed(target=name, words=words))
        try:
            with _own(self._rack) as rack:
                place, folder = self._targets.known(name), self._run_folder(job.run_id)
                if (clock := place.phone.clock) and clock.differs:
                    words = f"the clock of its host {place.host} is {clock.describe()}, and its blocks carry that time"
                    emit(events.TargetNoticed(target=name, words=words))
                measuring = _Measuring(rack, place, job, emit, cancel, folder, self._stored)
                measuring.measure(self._tokens.get(name), self._owner, self._dependencies)
        except Cancelled:
            pass
        except MobilebenchError as error:
            if not cancel.is_set():
                error.run_can_be_resumed = True
                hint = hint_in_run(error, job.resume_command)
                emit(events.TargetLost(target=name, reason=error.message, hint=hint))
        except Exception as error:
            emit(events.Defect(target=name, planned=None, traceback=traceback.format_exc()))
            emit(events.TargetLost(target=name, reason=f"mobilebench has a defect ({type(error).__name__}: {error})"))
        finally:
            emit(events.TargetFinished(target=name))

    def settle(self, run_id: str, targets: Collection[str]) -> None:
        """Let hosts forget the jobs of targets whose blocks are all stored, and give the phones back. An earlier part
        of the run was killed before it did that.

        Args:
            run_id: the run.
            targets: those of its targets that have no block left.
        """
        folder = self._run_folder(run_id)
        with suppress(MobilebenchError), _own(self._rack) as rack:
            here = {one.id for one in self._targets.every(preferred=targets)}
            for name in here.intersection(targets):
                if all(_forget(rack, folder, job) for job in records.kept(folder, name)):
                    place = self._targets.known(name)
                    ask_at_end(rack, _release(place, self._token(place, run_id)))

    def _token(self, place: RackTarget, run_id: str) -> str:
        """The token of this run's own lease of a phone."""
        return hmac.new(self._secret, f"{run_id} {place.with_host}".encode(), sha256).hexdigest()[:32]

    def _take(self, rack: Rack, place: RackTarget, token: str, run_id: str) -> None:
        question = Reserve(
            host=place.host,
            phone=place.serial,
            token=token,
            owner=self._owner,
            purpose=f"run {run_id}",
            seconds=LEASE_SECONDS,
            queue=False,
        )
        what = f"Phone {place.id} on host {place.host} cannot be reserved"
        try:
            rack.ask(question, Reserved)
        except RackRefused as error:
            if error.code != "in use" or not (freed := self._give_back(rack, place, what)):
                raise _refused(error, what) from error
            self._freed[place.id] = freed
            for pause in PAUSES[:_TRIES_AFTER]:  # its host may be putting the phone back
                try:
                    rack.ask(question, Reserved)
                    return
                except RackRefused as again:
                    error = again
                    time.sleep(pause)
            raise _refused(error, what) from error

    def _give_back(self, rack: Rack, place: RackTarget, what: str) -> list[str]:
        """Give a phone back that killed runs of this computer have leased. Returns these runs.

        Raises:
            BadInput: a job of such a run goes on there.
        """

        def release(lease: OwnLease) -> bool:
            try:
                return rack.ask(_release(place, lease.token), Gone).known
            except RackRefused as error:
                raise BadInput(
                    f"{what}: run {lease.run_id} of this computer was killed, and its job goes on there.",
                    hint=f"`mobilebench run --resume {lease.run_id}` goes on with that run. Or wait until its job has "
                    "ended.",
                ) from error

        return own_leases.give_back(self._address, place.host, place.serial, release)

    def _renew(self, place: RackTarget, token: str, over: threading.Event) -> None:
        with _own(self._rack) as rack:
            while not over.wait(RENEW_SECONDS):
                with suppress(MobilebenchError):
                    rack.ask_any(Renew(host=place.host, phone=place.serial, token=token, seconds=LEASE_SECONDS))


class _Measuring:
    """The jobs of one target in one part of a run."""

    def __init__(
        self,
        rack: Rack,
        place: RackTarget,
        job: JobSpec,
        emit: Emit,
        cancel: threading.Event,
        run_folder: Path,
        stored: Mapping[int, datetime],
    ) -> None:
        self._rack = rack
        self._place = place
        self._job = job
        self._name = job.target.id
        self._emit = emit
        self._cancel = cancel
        self._run_folder = run_folder
        self._stored = stored
        """When each block began that the run has, by index."""
        self._left = {block.index: block for block in job.blocks}
        """Blocks that have not come yet, by index in the plan."""
        self._is_old = False
        """Whether an earlier part of the run submitted the job that is followed."""
        self._given_up = False
        """Whether the host gave the phone up."""

    def measure(self, token: str | None, owner: str, dependencies: Dependencies) -> None:
        """Collect what the host still holds of this target's blocks, then let it measure the others.

        Raises:
            Cancelled: the run is being stopped.
            MobilebenchError: the host refuses the job, or it or the scheduler did not answer for too long.
        """
        for old in records.kept(self._run_folder, self._name):
            if old.ended:
                _forget(self._rack, self._run_folder, old)
            else:
                self._follow(old, is_old=True)
        for _ in range(_MOST_TRIES):
            if not self._left or self._given_up:
                return
            self._stop_if_cancelled()
            job = as_the_host_knows_it(self._job, self._left.values(), self._place)
            files = self._send(artefacts.files_of(job, dependencies))
            submit = Submit(
                job_id=_job_id(job, self._place),
                host=self._place.host,
                job=job,
                lease=token,
                owner=owner,
                digests=tuple(files),
            )
            new = OpenJob(target=self._name, submit=submit)
            self._keep(new)
            if self._follow(new, is_old=False) == "ended" or not self._left:
                return
            self._notice(f"host {self._place.host} lost a part of what it had measured; that is measured again")
        raise BadInput(
            f"Host {self._place.host} lost what it had measured on {self._name}, {_MOST_TRIES} times.",
            hint="See whether its disk is full or being cleaned.",
        )

    def _send(self, files: Mapping[str, Path]) -> Mapping[str, Path]:
        """Send what the host lacks. Returns the files that it has then: none if it takes no files."""
        patience = Patience(self._place.host, self._notice, self._cancel)
        try:
            artefacts.send(
                lambda question: patience.ask(self._rack, question),
                self._place.host,
                files,
                lambda words: self._notice(f"sending {words}"),
                self._cancel,
            )
        except RackRefused as error:
            if error.code != "failed":
                raise _refused(error, f"Host {self._place.host} takes no files") from error
            self._notice(f"{error.message.rstrip('.')}; models and libraries have to be there, or are made there")
            return {}
        self._stop_if_cancelled()
        return files

    def _keep(self, job: OpenJob) -> None:
        try:
            records.keep(self._run_folder, job)
        except OSError as error:
            raise BadInput(
                f"{self._run_folder} cannot be written: {error.strerror or error}.", hint="Free some space."
            ) from error

    def _follow(self, job: OpenJob, *, is_old: bool) -> Outcome:
        self._is_old = is_old
        try:
            outcome = follow(self._rack, job.submit, self._handle, self._notice, self._cancel, known=is_old)
        except RackRefused as error:
            raise _refused(error, f"Host {self._place.host} does not measure {self._name}") from error
        self._stop_if_cancelled()
        if outcome == "ended":
            with suppress(OSError):
                records.keep(self._run_folder, job.model_copy(update={"ended": True}))
            _forget(self._rack, self._run_folder, job)
        else:
            records.forget(self._run_folder, job)
        return outcome

    def _stop_if_cancelled(self) -> None:
        if self._cancel.is_set():
            raise Cancelled

    def _notice(self, words: str) -> None:
        self._emit(events.TargetNoticed(target=self._name, words=words))

    def _handle(self, line: str) -> None:
        """Emit an event of the host as one of this run's target; what was emitted or stored before is left out."""
        try:
            event = events.from_json(line)
        except ValueError as error:
            raise BadInput(
                f"Host {self._place.host} sent something that is no event of this version of mobilebench.",
                hint="Install the same version there.",
            ) from error
        if not isinstance(event, _OF_WORKERS):
            return
        if isinstance(event, events.BlockFinished):
            self._take(event.block)
        elif isinstance(event, events.TargetLost) and self._is_old:
            self._notice(f"an earlier part of this run lost it: {event.reason}")
        else:
            self._given_up |= isinstance(event, events.TargetLost)
            changes: dict[str, Any] = {"target": self._name}
            planned = getattr(event, "planned", None)
            if planned is not None:
                changes["planned"] = self._left.get(planned.index)
                if changes["planned"] is None:
                    return
            self._emit(replace(event, **changes))

    def _take(self, block: Block) -> None:
        index = block.planned.index
        if index in self._left and self._stored.get(index) != block.started_at:
            ours = block.model_copy(update={"planned": self._left.pop(index)})
            self._emit(events.BlockFinished(target=self._name, block=ours))


def as_the_host_knows_it(job: JobSpec, blocks: Iterable[PlannedBlock], place: RackTarget) -> JobSpec:
    """A job for some of its blocks, in which the phone has its serial on its host, with this computer's builds."""
    keys = {block.case.key: _on(block, place.serial).case.key for block in job.blocks}
    changed = job.model_copy(
        update={
            "target": place.phone.target,
            "blocks": tuple(_on(block, place.serial) for block in blocks),
            "unsupported": tuple(
                KnownUnsupported.model_validate({"case": keys[one.case], "pass": one.pass_, "reason": one.reason})
                for one in job.unsupported
                if one.case in keys
            ),
            "cancel_token": secrets.token_hex(8),
        }
    )
    return changed.model_copy(update={"builds": own_builds(changed)})


def _forget(rack: Rack, run_folder: Path, job: OpenJob) -> bool:
    """Let the host forget a job of which everything is stored. If it cannot be told, this is False, and the note of the
    job stays."""
    told = ask_at_end(rack, Done(job_id=job.submit.job_id))
    if told:
        records.forget(run_folder, job)
    return told


def _release(place: RackTarget, token: str) -> Release:
    return Release(host=place.host, phone=place.serial, token=token)


def _on(block: PlannedBlock, serial: str) -> PlannedBlock:
    return block.model_copy(update={"case": replace(block.case, target=serial)})


def _job_id(job: JobSpec, place: RackTarget) -> str:
    """The id under which a rack knows a job: its run, its phone, and what tells it from other jobs of these."""
    phone = sha256(place.with_host.encode()).hexdigest()[:8]
    return f"{job.run_id}-{phone}-{job.cancel_token[:8]}"


@contextmanager
def _own(rack: Rack) -> Iterator[Rack]:
    """A connection of this thread."""
    own = rack.another()
    try:
        yield own
    finally:
        own.close()


def _refused(error: RackRefused, what: str) -> BadInput:
    hint = error.hint
    if error.code == "in use" and hint is None:
        hint = "`mobilebench rack list` says until when; `mobilebench rack wait SERIAL` takes a place in its queue."
    return BadInput(f"{what}: {error.message}", hint=hint)
