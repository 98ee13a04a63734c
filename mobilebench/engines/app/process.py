"""Starts the native runner in a process of mobilebench's app: job in, instrumentation, answer and proof out."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed, Fault, Killed, Unsupported, first_problem
from mobilebench.core.record import Record
from mobilebench.core.records import AppProof
from mobilebench.engines.app import instrumentation
from mobilebench.engines.runner_process import Loaded, Ran
from mobilebench.targets.android import exit_info, front
from mobilebench.targets.android.device import AndroidTarget
from mobilebench.targets.android.own_app import PACKAGE, OwnApp
from mobilebench.targets.base import Pushed, ShellResult, Target, TargetPath

JOB_SCHEMA = "mobilebench.job/1"
PROOF_SCHEMA = "mobilebench.app/1"
RUNNER = ".RunnerInstrumentation"

_LARGEST_ANSWER = 64 * 2**20
_LARGEST_PROOF = 64 * 2**10
_BAD_ARGUMENT = 2
_FAULTS: dict[int, Fault] = {
    exit_info.LOW_MEMORY: "killed for memory",
    exit_info.NOT_RESPONDING: "hang",
    15: "app updated",
    16: "app updated",
}
"""Android's reason for an exit to the fault of the block; others are crashes."""
_NEXT: dict[Fault | None, str] = {
    "killed for memory": "Close other apps, or measure a smaller model.",
    "hang": "Unlock the phone, and leave it alone while the app measures.",
    "app updated": "Leave the app alone while it measures.",
}


class _Proof(Record):
    """The file `app.json`, which the app writes beside the answer."""

    schema_: Literal["mobilebench.app/1"] = Field(alias="schema")
    job: str
    apk_version: str | None = None
    process_state: str | int | None = None
    importance: int | None = None
    oom_score_adj: int | None = None
    cpuset: str | None = None
    sched_group: str | None = None
    context: Literal["app-foreground", "app-service"]
    visible: bool | None = None
    thermal_status: int | None = None
    thermal_headroom: float | None = None
    low_memory: bool | None = None
    max_heap_mb: int | None = None
    sdk: int | None = None
    jvm: str | None = None
    virtual: bool = False

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


@dataclass(frozen=True)
class AppProcess:
    """The runner in a process of mobilebench's app on a phone."""

    context: str
    program: Loaded
    app: OwnApp
    push: Callable[..., Pushed]
    """Puts a file on the phone, as `targets.base.Target.push`."""

    @classmethod
    def on(cls, target: Target, context: str) -> AppProcess:
        """Install the app, unless the phone has the same one.

        Raises:
            Unsupported: the target is no phone, or will not install it.
            BlockFailed: it is not built, or could not be installed.
        """
        if not isinstance(target, AndroidTarget):
            raise Unsupported(f"{target.info.id}: mobilebench's app runs on Android only.")
        apk = paths.app()
        if not apk.is_file():
            raise BlockFailed("mobilebench's app is not built.", hint="Run `make apk`.")
        app = target.own_app()
        return cls(context, Loaded(apk, app.install(apk)), app, target.push)

    def place(self, local: Path, *, sha256: str | None = None) -> Pushed:
        return self.app.place(local, self.push(local, sha256=sha256))

    def scratch(self) -> AbstractContextManager[TargetPath]:
        return self.app.scratch()

    def run(self, arguments: Sequence[str], *, timeout: float, cancel: Event | None = None) -> Ran:
        job = secrets.token_hex(8)
        request = {
            "schema": JOB_SCHEMA,
            "id": job,
            "runner": "native",
            "context": self.context,
            "arguments": list(arguments),
        }
        began = time.monotonic()
        with self.app.job(job, json.dumps(request)):
            try:
                printed = self.app.instrument(
                    RUNNER, {"job": job, "context": self.context}, timeout=timeout, cancel=cancel
                )
            except BlockFailed as error:
                raise self._hidden(error) from error
            ended = instrumentation.parse(printed.stdout, printed.stderr)
            if ended.exit_code is None or ended.code != instrumentation.FINISHED:
                failure = self._failure(ended, began)
                self.app.stop()
                raise failure
            answer = self.app.read(job, "answer.json", _LARGEST_ANSWER)
            if answer is None:
                raise self._no_answer(ended)
            proof = self.app.read(job, "app.json", _LARGEST_PROOF)
        if ended.exit_code == _BAD_ARGUMENT:
            self._refuse_other_schema(answer)
        return Ran(ShellResult(_as_printed(answer), b"", ended.exit_code), self._proof(proof, job))

    @property
    def _serial(self) -> str:
        return self.app.serial

    def _hidden(self, error: BlockFailed) -> BlockFailed:
        """The error of a block that did not end in time, with what hid the app, if something did."""
        if error.fault not in ("hang", None) or self.context != "app-foreground":
            return error
        found = front.look(self.app.shell, PACKAGE)
        if found is None:
            return error
        fault, clause = found
        message = f"{error.message.rstrip('.')}: {clause.replace('the browser', 'the app')}."
        return BlockFailed(message, hint=front.NEXT[fault], fault=fault)

    def _no_answer(self, ended: instrumentation.Ended) -> BlockFailed:
        """Why the app did not run the job, which it says itself."""
        message = f"mobilebench's app on {self._serial} left no answer"
        if ended.said is None:
            return BlockFailed(f"{message} (exit code {ended.exit_code}).", fault="bad answer")
        return self._hidden(BlockFailed(f"{message}: {ended.said.rstrip('.')}."))

    def _failure(self, ended: instrumentation.Ended, began: float) -> BlockFailed | Unsupported:
        """Why there is no answer: what Android says of the instrumentation, and of the exit of its process."""
        app = f"mobilebench's app on {self._serial}"
        if ended.is_unknown:
            self.app.forget()
            return BlockFailed(
                f"{app} was removed or changed meanwhile: {ended.said}.", hint=_NEXT["app updated"], fault="app updated"
            )
        if ended.is_denied:
            return Unsupported(
                f"{app} may not be started by adb: {ended.said}",
                hint="Allow it in the phone's developer options, or measure from a shell (`--context shell`).",
            )
        stage = f" in the stage {ended.stages[-1]}" if ended.stages else ""
        died = exit_info.exit_of(self.app.shell, PACKAGE, began)
        if ended.is_hang:
            said = f" ({ended.said.rstrip('.')})" if ended.said else ""
            return BlockFailed(
                f"{app} did not respond{stage}, and Android ended it{said}.", hint=_NEXT["hang"], fault="hang"
            )
        if died is None:
            words = ended.said or "it gave no reason"
            return BlockFailed(f"{app} ended{stage} without an answer: {words.rstrip('.')}.", fault="crash")
        fault = _FAULTS.get(died.reason, "crash")
        said = f", {ended.said}" if ended.said and ended.said != "Process crashed." else ""
        message = f"{app} ended{stage} without an answer: {died.words}{said.rstrip('.')}."
        if fault == "killed for memory":
            killed = Killed(message, subject=app, hint=_NEXT[fault])
            return killed.for_memory(f"the phone reports this reason for {died.process}")
        return BlockFailed(message, hint=_NEXT.get(fault), fault=fault)

    def _refuse_other_schema(self, answer: bytes) -> None:
        """Raise where the app reads jobs of another schema: it is of another version than mobilebench."""
        try:
            said = json.loads(answer[:_LARGEST_PROOF])
        except ValueError:
            return
        reason = said.get("reason") if isinstance(said, dict) else None
        if isinstance(reason, str) and "schema" in reason:
            raise Unsupported(
                f"mobilebench's app on {self._serial} is of another version: {reason[:300].rstrip('.')}.",
                hint=f"Build the app again (`make apk`); `adb -s {self._serial} uninstall {PACKAGE}` removes one that "
                "you installed.",
            )

    def _proof(self, content: bytes | None, job: str) -> AppProof | None:
        """What Android says of the process; None where the app did not write it.

        Raises:
            BlockFailed: it is not of this job, or not valid.
        """
        if content is None:
            return None
        problem = f"The proof of mobilebench's app on {self._serial} cannot be used"
        if len(content) > _LARGEST_PROOF:
            raise BlockFailed(f"{problem}: it is {len(content)} bytes long or longer.", fault="bad answer")
        try:
            found = _Proof.model_validate_json(content)
            if found.job != job:
                raise BlockFailed(f"{problem}: it is of another job.", fault="bad answer")
            values: dict[str, Any] = found.model_dump(exclude={"schema_", "job"})
            if isinstance(found.process_state, int):
                values["process_state"] = str(found.process_state)
            return AppProof(**values, apk_sha256=self.program.pushed.sha256)
        except ValidationError as error:
            sentence = first_problem(error).sentence("its start")
            raise BlockFailed(f"{problem}: {sentence}.", fault="bad answer") from error


def _as_printed(answer: bytes) -> bytes:
    """The answer with the line end that the runner prints after it; a file may lack it."""
    return answer if answer.endswith(b"\n") else answer + b"\n"
