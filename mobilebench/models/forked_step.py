"""Runs a step of a build in a forked process.

TensorFlow and the converters never free much of their memory. The end of the process frees it all, and a fork need not
import them again.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from typing import TypeVar

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.worker_process import end_with_parent

Result = TypeVar("Result")


def apart(step: Callable[[], Result]) -> Result:
    """Run `step` in a fork and return its result, which must be picklable. Its changes in memory are lost, files stay.

    Raises:
        MobilebenchError: `step` raised it, or the process was killed.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        end_with_parent(parent)
        os.close(reading)
        _run(step, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        memory = ", most likely because memory ran out" if number == signal.SIGKILL else ""
        raise MobilebenchError(f"A step of the build was killed by signal {number}{memory}.")
    result, problem = pickle.loads(said)  # noqa: S301 - from this program's own child
    if problem is not None:
        raise problem
    return result  # type: ignore[no-any-return]


def _run(step: Callable[[], Result], writing: int) -> None:
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
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no more is known")
