"""Reads the JSON that a runner prints, and checks that it is complete and belongs to the requested block."""

from __future__ import annotations

import signal

from pydantic import ValidationError

from mobilebench.core.errors import BlockFailed, Killed, MobilebenchError, Unsupported, first_problem
from mobilebench.core.records import Measurement, PlannedBlock
from mobilebench.recorders import registry
from mobilebench.targets.base import ShellResult

_LARGEST_ANSWER = 64 * 2**20
_EXIT_CODES = {"ok": 0, "error": 1, "unsupported": 3}
_BAD_ARGUMENT = 2
_NOT_STARTED = frozenset({126, 127})
_LOADERS_WORDS = (b"CANNOT LINK EXECUTABLE", b"version `GLIBC_")
_OWN_DEATHS = frozenset(
    {signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS}
)
"""Signals that a process gets because of an error of its own, such as a segmentation fault."""
_SIGNAL_MEANINGS = {
    signal.SIGKILL: "out of memory?",
    signal.SIGILL: "the processor lacks an instruction that the library uses",
    signal.SIGBUS: "a file was cut short while it was used?",
    signal.SIGSEGV: "the engine's library crashed",
    signal.SIGABRT: "the engine's library gave up",
}


def read_answer(result: ShellResult, *, engine: str, target: str) -> Measurement:
    """Read and check the measurement that the runner printed.

    Raises:
        Unsupported: the runner says that the engine cannot run this model here.
        BlockFailed: the runner reports an error, was killed, or printed an incomplete answer.
    """
    measurement = _parse(result, target)
    if measurement.engine not in {engine, "unknown"}:
        raise not_usable(target, f"it is from engine `{measurement.engine}`, but `{engine}` was requested")
    agreed = result.exit_code == _EXIT_CODES[measurement.status] or (
        measurement.status == "error" and result.exit_code == _BAD_ARGUMENT
    )
    if not agreed:
        raise not_usable(target, f"it says {measurement.status}, but the exit code is {result.exit_code}")
    reason = measurement.reason or "the runner gave no reason"
    if measurement.status == "unsupported":
        raise Unsupported(f"{engine}: {reason}")
    if measurement.status == "error":
        raise BlockFailed(f"{engine} on {target}: {reason}")
    return measurement


def read_check(result: ShellResult, *, engine: str, target: str) -> None:
    """Check the runner's answer to the question whether it can load an engine's libraries.

    Raises:
        Unsupported: it cannot load them, or the runner itself cannot be started here.
        BlockFailed: the runner gave no answer.
    """
    if not result.stdout and _cannot_start(result):
        ended = _how_it_ended(result.exit_code) or f"could not be started (exit code {result.exit_code})"
        raise Unsupported(f"The native runner on {target} {_closed(ended)}{_last_words(result.stderr)}")
    read_answer(result, engine=engine, target=target)


def read_import(result: ShellResult, *, engine: str, target: str) -> None:
    """Check the answer of a process that ended while it imported its framework.

    Raises:
        Unsupported: the framework reports that it cannot be imported, or it ended the process.
        BlockFailed: something else ended the process, or its answer is not valid.
    """
    number = _signal(result.exit_code)
    if not result.stdout and (number is None or number in _OWN_DEATHS):
        ended = _how_it_ended(result.exit_code) or f"ended its process with exit code {result.exit_code}"
        raise Unsupported(f"{engine} cannot be imported on {target}: it {_closed(ended)}{_last_words(result.stderr)}")
    read_answer(result, engine=engine, target=target)


def _cannot_start(result: ShellResult) -> bool:
    """Whether the system's loader could not start the runner. A library that the runner tries cannot end it so."""
    if result.exit_code in _NOT_STARTED or _signal(result.exit_code) in _OWN_DEATHS:
        return True
    return result.exit_code != 0 and any(words in result.stderr for words in _LOADERS_WORDS)


def require_block(measurement: Measurement, block: PlannedBlock, target: str) -> None:
    """Refuse a measurement of another pass, or one with more or fewer predictions than the block's rule allows.

    Raises:
        BlockFailed: the measurement does not belong to this block.
    """
    rule = block.rule
    fewest = min(rule.min_predictions, rule.max_predictions)
    if not fewest <= len(measurement.prediction_ms) <= rule.max_predictions or len(measurement.warmup_ms) != 1:
        raise not_usable(
            target, f"it holds {len(measurement.prediction_ms)} predictions, but the rule is: {rule.describe()}"
        )
    proof, case = measurement.proof, block.case
    echoes = {
        "pass": (measurement.pass_, block.pass_),
        "delegate": (proof.delegate_asked, case.delegate),
        "arithmetic": (proof.arithmetic_asked, case.arithmetic),
        "affinity": (proof.affinity_asked, case.affinity),
        "page cache": (proof.caches_asked, case.caches),
    }
    for what, (found, asked) in echoes.items():
        if found not in {asked, None}:
            raise not_usable(target, f"its {what} is {found}, but {asked} was requested")
    if part := registry.of_pass(block.pass_).part_missing(measurement):
        raise not_usable(target, f"it is a {block.pass_} pass without {part}")


def not_usable(target: str, why: str) -> MobilebenchError:
    """The error for an answer that is not valid."""
    return BlockFailed(f"The native runner's answer on {target} cannot be used: {why}.", fault="bad answer")


def _parse(result: ShellResult, target: str) -> Measurement:
    if ended := _how_it_ended(result.exit_code):
        raise _died(f"The native runner on {target}", ended, result)
    if len(result.stdout) > _LARGEST_ANSWER:
        raise not_usable(target, f"it is {len(result.stdout)} bytes long")
    if not result.stdout.endswith(b"}\n"):
        raise BlockFailed(
            f"The native runner on {target} gave an incomplete answer (exit code {result.exit_code})."
            + _last_words(result.stderr),
            fault="bad answer",
        )
    try:
        return Measurement.model_validate_json(result.stdout)
    except ValidationError as error:
        raise not_usable(target, f"at {first_problem(error).sentence('its start')}") from error


def _died(runner: str, ended: str, result: ShellResult) -> BlockFailed:
    words = f"{runner} {_closed(ended)}{_last_words(result.stderr)}"
    if _signal(result.exit_code) == signal.SIGKILL:
        return Killed(words, subject=runner)
    return BlockFailed(words, fault="crash" if _signal(result.exit_code) else None)


def _signal(exit_code: int) -> int | None:
    """The signal that ended a process. A shell reports it as 128 + its number, `subprocess` as a negative number."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    return number if 0 < number < 65 else None


def _how_it_ended(exit_code: int) -> str | None:
    """How a process without an answer ended, as a clause; None when the exit code does not show it."""
    if exit_code in _NOT_STARTED:
        return f"could not be started (exit code {exit_code}): is it built for this target?"
    number = _signal(exit_code)
    if number is None:
        return None
    try:
        meaning = _SIGNAL_MEANINGS.get(signal.Signals(number))
    except ValueError:
        meaning = None
    return f"was killed by signal {number}" + (f": {meaning}" if meaning else "")


def _closed(ended: str) -> str:
    """The text with a full stop, unless it is a question."""
    return ended if ended.endswith("?") else f"{ended}."


def _last_words(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr[-4096:].decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return ""
    words = "".join(character if character.isprintable() else "?" for character in lines[-1])
    return f" Its last message: {words[:300]}"
