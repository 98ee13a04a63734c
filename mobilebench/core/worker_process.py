"""Runs Python modules as worker processes (a JSON job on standard input, JSON lines on standard output), and functions
in forked processes.

`Worker` starts one and receives its answers. The worker itself calls `reserve_output`, so that output of libraries does
not get into its answers, and `end_with_parent`, so that it does not outlive its parent process.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import IO, Any, Self, TypeVar

from mobilebench.core.errors import MobilebenchError, as_sentence

Result = TypeVar("Result")

ENGINES_ON_CPU: Mapping[str, str] = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "ORT_DISABLE_TELEMETRY": "1",
}
"""Environment variables that silence TensorFlow and ONNX Runtime and make them compute only on the CPU."""

_PARENT = "MOBILEBENCH_WORKER_OF"
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.1
_LONGEST_REASON = 600
_LOG_TAIL = 65536


class WorkerFailed(Exception):
    """A worker ended, or was ended, without an answer.

    Args:
        reason: why, as the end of a sentence: `it crashed (SIGSEGV)`, or the last line that it printed.
        exit_code: exit code of the process, negative for a signal; None when it did not end by itself.
    """

    def __init__(self, reason: str, exit_code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exit_code = exit_code

    @property
    def crashed(self) -> bool:
        """Whether a signal ended it."""
        return self.exit_code is not None and self.exit_code < 0

    @property
    def sentence(self) -> str:
        """The reason as a full sentence."""
        return as_sentence(self.reason)


class Worker:
    """A running `python -m MODULE`; leaving the `with` block ends it.

    Args:
        module: full name of the module.
        arguments: the module's command line.
        environment: variables in addition to this process's.
        python: the interpreter; None: this process's interpreter.
        log: a file for everything that the worker prints; None: it is kept in memory to explain a failure.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        python: str | None = None,
        log: Path | None = None,
    ) -> None:
        self._log = log
        noise: IO[bytes] | int = log.open("wb") if log else subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                [python or sys.executable, "-P", "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=noise,
                env={**os.environ, **(environment or {}), _PARENT: str(os.getpid())},
                start_new_session=True,
            )
        finally:
            if not isinstance(noise, int):
                noise.close()

    def answer(self, job: Mapping[str, Any], *, timeout_s: float, cancel: Event | None = None) -> dict[str, Any]:
        """Send the job, wait until the worker has ended, and return the last JSON object that it wrote.

        Raises:
            WorkerFailed: it crashed, reported an error, gave no answer within `timeout_s`, or `cancel` was set.
        """
        deadline = time.monotonic() + timeout_s
        request: bytes | None = json.dumps(job).encode()
        while True:
            left = deadline - time.monotonic()
            try:
                output, noise = self._process.communicate(request, timeout=max(0.0, min(_POLL_SECONDS, left)))
                break
            except subprocess.TimeoutExpired:
                request = None  # `communicate` continues with its first input
            if cancel is not None and cancel.is_set():
                self.close()
                raise WorkerFailed("it was cancelled")
            if time.monotonic() >= deadline:
                self.close()
                raise WorkerFailed(f"it took longer than {timeout_s:g} s")
        self._raise_failure(noise or b"")
        if not output.strip():
            raise WorkerFailed(self._last_words(noise or b"") or "it ended without an answer", 0)
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield each JSON object when the worker writes it, until the worker ends. This needs `log`.

        Raises:
            WorkerFailed: it crashed or reported an error; raised after its last message.
        """
        assert self._log is not None, "the worker would wait for a reader of what it prints"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        for line in self._process.stdout:
            yield json.loads(line)
        self._process.wait()
        self._raise_failure(b"")

    def close(self, grace_s: float = 0.0) -> None:
        """End the process if it still runs.

        Args:
            grace_s: seconds that it has to end after SIGTERM before it is killed.
        """
        if self._process.poll() is None and grace_s > 0:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=grace_s)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _raise_failure(self, noise: bytes) -> None:
        code = self._process.returncode
        if code < 0:
            raise WorkerFailed(f"it crashed ({signal_name(-code)})", code)
        if code:
            raise WorkerFailed(self._last_words(noise) or f"it ended with exit code {code}", code)

    def _last_words(self, noise: bytes) -> str:
        if self._log is not None:
            with suppress(OSError), self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL))
                noise = log.read()
        return last_line(noise)


def reserve_output() -> IO[str]:
    """Reserve standard output for answers: return it as a stream, and redirect everything else to standard error.

    The process's file descriptors are changed, so that native libraries are redirected too. The stream is flushed
    after every line.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return answers


def end_with_parent(parent: int | None = None) -> None:
    """Make the system kill this process when its parent ends for any reason (Linux, prctl(2)).

    Args:
        parent: id of the process that must be the parent now; None: the process that started this `Worker`, or else
        the current parent.
    """
    known = os.environ.pop(_PARENT, "")
    expected = parent or (int(known) if known.isdecimal() else os.getppid())
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != expected:
        os._exit(1)


def signal_name(number: int) -> str:
    """A signal's name such as `SIGSEGV`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_line(output: bytes) -> str:
    """The last non-empty line of a process's output, at most 600 characters; empty when there is none."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:_LONGEST_REASON] if lines else ""


def in_fork(step: Callable[[], Result]) -> Result:
    """Run `step` in a forked process and return its result, which must be picklable. Files that it writes stay; its
    changes in memory are lost.

    The end of the process frees all memory of the step, which TensorFlow and the converters never do. A fork need not
    import them again, as a `Worker` must.

    Raises:
        MobilebenchError: `step` raised it, or the process was killed.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        end_with_parent(parent)
        os.close(reading)
        _run_and_exit(step, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        memory = ", most likely because memory ran out" if number == signal.SIGKILL else ""
        raise MobilebenchError(f"A step of the build was killed by {signal_name(number)}{memory}.")
    result, problem = pickle.loads(answer)  # noqa: S301 - from this program's own child
    if problem is not None:
        raise problem
    return result  # type: ignore[no-any-return]


def _run_and_exit(step: Callable[[], Result], writing: int) -> None:
    """Run the step and end the process without the parent's clean-up; never returns."""
    try:
        try:
            answer = pickle.dumps((step(), None))
        except MobilebenchError as error:
            answer = pickle.dumps((None, error))
        except Exception as error:
            import traceback

            traceback.print_exc()
            answer = pickle.dumps((None, MobilebenchError(f"{type(error).__name__}: {_first_line(error)}")))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "it gave no reason")
