"""Logging: every line says which run, target and block it belongs to.

Modules log through the standard library (`logging.getLogger(__name__)`): steps of a command at INFO, traffic with adb
and browsers at DEBUG. Traffic is described by command, size and duration; contents of pages and files are never logged.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from mobilebench.core.errors import BadInput

ROOT = "mobilebench"
"""The logger above all loggers of this package."""
LONGEST_TEXT = 300
"""Characters of a command that are logged."""

_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s run=%(run)s target=%(target)s block=%(block)s %(name)s: %(message)s"
_SECRET = re.compile(
    r"(?P<name>[\w-]*(?:token|secret|password|passwd|api[_-]?key|authorization)[\w-]*\s*[=:]\s*)(?:Bearer\s+)?"
    r"(?:'[^']*'|\"[^\"]*\"|\S+)|(?P<scheme>\w+://)[^/@\s]+@",
    re.IGNORECASE,
)
_IN_URL = re.compile(
    r"(?P<user>\bpostgres(?:ql)?(?:\+\w+)?://[^\s:/@\"'<>]*):[^\s\"'<>]*@"
    r"|(?P<other>\b[a-z][\w+.-]*://[^\s:/@\"'<>]*):[^\s/@\"'<>]*@",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"(?P<name>[?&]\w*password=)[^\s&\"'<>]*", re.IGNORECASE)
_MASK = "***"
_WORD = re.compile(r"[A-Za-z0-9_-]{16,}")
_hidden_words: set[str] = set()
_CONTEXT = {name: ContextVar(f"mobilebench_{name}", default="-") for name in ("run", "target", "block")}


@contextmanager
def about(**context: object) -> Iterator[None]:
    """Add this `run`, `target` or `block` to the lines that this thread logs within the context."""
    tokens = [(_CONTEXT[name], _CONTEXT[name].set(str(value))) for name, value in context.items()]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


def show(verbosity: int) -> None:
    """Write log lines to standard error: WARNING and above for a verbosity of 0, INFO and above for 1, all for 2.

    A second call changes what the first one set.
    """
    logger = logging.getLogger(ROOT)
    logger.handlers = [one for one in logger.handlers if not isinstance(one, _StandardError)]
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    _add(_StandardError(), levels[min(verbosity, 2)])


def is_shown() -> bool:
    """Whether lines below WARNING are written to standard error, where they would break up progress bars."""
    handlers = logging.getLogger(ROOT).handlers
    return any(isinstance(one, _StandardError) and one.level < logging.WARNING for one in handlers)


@contextmanager
def written_to(file: Path) -> Iterator[None]:
    """Append every line down to DEBUG to `file` while this is open. Raises `BadInput` when it cannot be written."""
    handler = write_to(file)
    try:
        yield
    finally:
        logging.getLogger(ROOT).removeHandler(handler)
        handler.close()


def write_to(file: Path) -> logging.Handler:
    """Append every line down to DEBUG to `file`, from now on. Raises `BadInput` when it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BadInput(
            f"The log cannot be written to {file}: {error.strerror}.", hint="Name a file that you may write."
        ) from error
    _add(handler, logging.DEBUG)
    return handler


def hide(word: str) -> str:
    """Keep a word of at least 16 letters, digits, `_` and `-`, such as a token, out of every log from now on; returns
    it."""
    _hidden_words.add(word)
    return word


def without_passwords(text: str) -> str:
    """A text with `***` in place of the passwords in its URLs: `postgresql://user:***@host/database`.

    A quotation mark or a space in a password must be written as in URLs (`%22`, `%20`), else a part of it stays.
    """
    if "://" not in text:
        return text
    masked = _IN_URL.sub(lambda found: f"{found['user'] or found['other']}:{_MASK}@", text)
    return _PARAMETER.sub(rf"\g<name>{_MASK}", masked)


def shortened(text: str) -> str:
    """A command as one line of the log, without passwords and tokens, and at most `LONGEST_TEXT` characters."""
    line = " ".join(_SECRET.sub(_hidden, text[: 2 * LONGEST_TEXT]).split())
    return line if len(text) <= LONGEST_TEXT else f"{line[:LONGEST_TEXT]}… ({len(text)} characters)"


def outcome_of(exit_code: int, stderr: bytes) -> str:
    """How a command ended: its exit code, and what a failed command wrote to standard error."""
    complaint = shortened(stderr.decode(errors="replace")) if exit_code else ""
    return f"exit code {exit_code}" + (f", {complaint}" if complaint else "")


@contextmanager
def timed(logger: logging.Logger, command: str) -> Iterator[list[str]]:
    """Log a command at DEBUG when it has ended: its outcome and its duration.

    Yields a list to which the caller adds the outcome. An exception is logged as the outcome and raised again.
    """
    outcome: list[str] = []
    started = time.monotonic()
    try:
        yield outcome
    except BaseException as error:
        outcome.append(f"{type(error).__name__}: {shortened(str(error))}")
        raise
    finally:
        if logger.isEnabledFor(logging.DEBUG):
            ended = ", ".join(outcome) or "done"
            logger.debug("%s: %s after %.1f ms", shortened(command), ended, (time.monotonic() - started) * 1000)


@contextmanager
def step(logger: logging.Logger, description: str) -> Iterator[None]:
    """Log a step of a command at INFO when it begins, and when it is done or has failed, with its duration.

    Args:
        logger: the logger of the module that takes the step.
        description: names the step, such as `build of bert_small fp32`.
    """
    logger.info("%s: begun", description)
    started = time.monotonic()
    outcome = "done"
    try:
        yield
    except BaseException as error:
        outcome = f"failed ({type(error).__name__}: {shortened(str(error))})"
        raise
    finally:
        logger.info("%s: %s after %.1f s", description, outcome, time.monotonic() - started)


class _StandardError(logging.Handler):
    """Writes to the current standard error, which may be replaced while the program runs."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


class _Formatter(logging.Formatter):
    """Formats lines without hidden words and passwords in URLs."""

    def format(self, record: logging.LogRecord) -> str:
        line = without_passwords(super().format(record))
        return _WORD.sub(lambda found: "<hidden>" if found[0] in _hidden_words else found[0], line)


def _hidden(found: re.Match[str]) -> str:
    return f"{found['name']}<hidden>" if found["name"] else f"{found['scheme']}<hidden>@"


def _add(handler: logging.Handler, level: int) -> None:
    formatter = _Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.setLevel(level)
    handler.addFilter(_name_context)
    logger = logging.getLogger(ROOT)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)


def _name_context(record: logging.LogRecord) -> bool:
    for name, variable in _CONTEXT.items():
        setattr(record, name, variable.get())
    return True
