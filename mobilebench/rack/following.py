"""Follows a job on a host of a rack until its end, through lost connections and restarts of scheduler and host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol, Self, TypeVar

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.rack.client import RackAway, RackRefused
from mobilebench.rack.messages import Accepted, Answer, Ask, Cancel, Done, Events, LeaseInfo, Question, Submit
from mobilebench.session.work import Cancelled

WAIT_SECONDS = 20.0
"""How long one question waits for further events."""
AWAY_SECONDS = 1800.0
"""How long a run waits for a scheduler or host that does not answer. What is measured meanwhile stays on the host."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before the scheduler is asked again; the last one stays."""
TELL_AFTER_SECONDS = 3.0
"""An absence that ends sooner is not told."""
STOP_SECONDS = 10.0
"""How long a cancelled job is followed."""

_LOOK_SECONDS = 0.1
_TRIES_AT_END = 4

AnswerType = TypeVar("AnswerType", bound=Answer)
Tell = Callable[[str], None]
"""Called with a clause that a person has to know."""
Outcome = Literal["ended", "lost", "unknown"]
"""`ended`: every event came · `lost`: its host no longer has some of them · `unknown`: the rack has no such job."""


class Rack(Protocol):
    """What is needed of a connection to a scheduler (`client.RackClient`), for one thread. It asks only once."""

    def another(self) -> Self:
        """One for another thread."""
        ...

    def ask(self, question: Question, kind: type[AnswerType]) -> AnswerType:
        """Raises `RackAway`, `RackRefused`, or `BadInput` for another answer."""
        ...

    def ask_any(self, question: Question) -> Answer:
        """As `ask`, for a question that has more than one answer."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def ask_at_end(rack: Rack, question: Question) -> bool:
    """Ask something at the end of a job or run, when no answer is needed, and not for long. The connection may have
    been lost long ago, so one failure says nothing; a host may need a moment to end a job (`in use`).

    Returns:
        Whether there is nothing more to ask: it was done, or refused for good.
    """
    for pause in PAUSES[:_TRIES_AT_END]:
        try:
            rack.ask_any(question)
        except RackAway:
            pass
        except RackRefused as error:
            if error.code != "in use":
                return True
        except MobilebenchError:
            return True
        else:
            return True
        time.sleep(pause)
    return False


class Patience:
    """Waits for a scheduler or host that does not answer, at growing intervals, and tells when it takes long."""

    def __init__(self, host: str, tell: Tell, cancel: threading.Event) -> None:
        self._host = host
        self._tell = tell
        self._cancel = cancel
        self._since: float | None = None
        self._tries = 0
        self._told = False

    def ask(self, rack: Rack, question: Question) -> Answer:
        """The answer, however long it takes.

        Raises:
            Cancelled: the run is being stopped.
            RackRefused: the rack refused.
            BadInput: nobody answered for too long.
        """
        while True:
            try:
                answer = rack.ask_any(question)
            except RackAway as error:
                self.wait(error)
            else:
                self.end()
                return answer

    def wait(self, error: MobilebenchError) -> None:
        """Pause before the next try.

        Raises:
            Cancelled: the run is being stopped.
            BadInput: nobody answered for too long.
        """
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        away = now - self._since
        if away > AWAY_SECONDS:
            raise BadInput(
                f"Host {self._host} did not go on for {away:.0f} s: {error.message}",
                hint="See whether the scheduler and the host's worker run; what was measured meanwhile is kept there.",
            )
        if away >= TELL_AFTER_SECONDS and not self._told:
            self._told = True
            self._tell(
                f"the run waits up to {AWAY_SECONDS / 60:.0f} min for host {self._host} "
                f"({error.message.rstrip('.')}); what it measures meanwhile is kept there"
            )
        pause = PAUSES[min(self._tries, len(PAUSES) - 1)]
        self._tries += 1
        if self._cancel.wait(pause):
            raise Cancelled

    def end(self) -> None:
        """It answers."""
        if self._told and self._since is not None:
            self._tell(f"host {self._host} answers again after {time.monotonic() - self._since:.0f} s")
        self._since, self._tries, self._told = None, 0, False


def follow(
    rack: Rack,
    submit: Submit,
    handle: Callable[[str], None],
    tell: Tell,
    cancel: threading.Event,
    *,
    known: bool,
) -> Outcome:
    """Follow a job until its end. A job that the scheduler has forgotten is submitted again, under the same id.

    Each further question tells its host how many events were handled. The host keeps them all until it is asked to
    forget the job (`Done`), which the caller does when they are certain to be stored.

    Args:
        rack: a connection for this thread.
        submit: the question that submits it.
        handle: called once with each event, a line of JSON, in order.
        tell: called with what a person has to know.
        cancel: set when the run is to end; the job is then cancelled.
        known: whether an earlier part of the run submitted it.

    Raises:
        Cancelled: the run is being stopped.
        RackRefused: the rack refuses the job.
        BadInput: nobody answered for too long.
    """
    over = threading.Event()
    watcher = threading.Thread(target=_cancel, args=(rack.another(), submit, cancel, over), name="cancel", daemon=True)
    watcher.start()
    try:
        return _Following(rack, submit, handle, tell, cancel, known=known).follow()
    finally:
        over.set()


def _cancel(rack: Rack, submit: Submit, cancel: threading.Event, over: threading.Event) -> None:
    """Cancel the job when `cancel` is set. The connection that waits for events cannot do that."""
    try:
        while not over.wait(_LOOK_SECONDS):
            if cancel.is_set():
                ask_at_end(rack, Cancel(job_id=submit.job_id, token=submit.job.cancel_token))
                return
    finally:
        rack.close()


class _Following:
    def __init__(
        self,
        rack: Rack,
        submit: Submit,
        handle: Callable[[str], None],
        tell: Tell,
        cancel: threading.Event,
        *,
        known: bool,
    ) -> None:
        self._rack = rack
        self._submit = submit
        self._handle = handle
        self._tell = tell
        self._cancel = cancel
        self._known = known
        self._is_old = known
        self._accepted = False
        self._asked_again = False
        self._seen = 0
        """Number of events that were handled."""
        self._waits_for: LeaseInfo | None = None
        self._patience = Patience(submit.host, tell, cancel)

    def follow(self) -> Outcome:
        stop_at = float("inf")
        while True:
            if self._cancel.is_set():
                stop_at = min(stop_at, time.monotonic() + STOP_SECONDS)
                if time.monotonic() > stop_at or not self._known:
                    raise Cancelled
            try:
                answer = self._rack.ask_any(self._question())
            except RackAway as error:
                self._patience.wait(error)
                continue
            except RackRefused as error:
                if error.code != "unknown":
                    raise
                if self._is_old:
                    return "unknown"
                if not self._accepted:
                    raise
                self._known = False  # the scheduler was restarted, and the host may not have come back to it yet
                self._patience.wait(error)
                continue
            self._patience.end()
            if isinstance(answer, Accepted):
                self._known = self._accepted = True
            elif not isinstance(answer, Events):
                raise BadInput(f"The rack's answer about job {self._submit.job_id} is not the expected one.")
            elif answer.missing_spool:
                if not self._is_there_still():
                    return "lost"
            elif self._take(answer):
                return "ended"

    def _is_there_still(self) -> bool:
        """Whether the host has the job, of which the scheduler lost its note; asked once."""
        if self._asked_again:
            return False
        self._asked_again = True
        answer = self._patience.ask(self._rack, self._submit)
        if isinstance(answer, Accepted) and answer.attached:
            return True
        cancel = Cancel(job_id=self._submit.job_id, token=self._submit.job.cancel_token)
        self._patience.ask(self._rack, cancel)  # it would measure everything again
        ask_at_end(self._rack, Done(job_id=self._submit.job_id))
        return False

    def _question(self) -> Question:
        if not self._known:
            return self._submit
        return Ask(job_id=self._submit.job_id, after=self._seen, wait_s=WAIT_SECONDS)

    def _take(self, answer: Events) -> bool:
        """Handle new events; whether they were the last ones."""
        if answer.waiting_for != self._waits_for:
            self._waits_for = answer.waiting_for
            if self._waits_for is not None:
                self._tell(f"it is {whose(self._waits_for)}; the job waits for it")
        for line in answer.lines:
            self._handle(line)
            self._seen += 1
        return answer.finished


def whose(lease: LeaseInfo) -> str:
    """Who has a phone and until when, as the end of `it is …`."""
    purpose = f" ({lease.purpose})" if lease.purpose else ""
    times = f"since {lease.since:%Y-%m-%d %H:%M} until {lease.until:%H:%M %Z}"
    return f"in use by {lease.owner or 'somebody'}{purpose} {times}".rstrip()
