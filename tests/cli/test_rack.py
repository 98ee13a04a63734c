"""The log of a rack's servers."""

from __future__ import annotations

import logging
import sys

import pytest

from mobilebench.cli import rack


@pytest.mark.parametrize(("error", "is_logged"), [(ConnectionError("closed"), False), (KeyError("x"), True)])
def test_lost_connections_are_not_logged_with_a_traceback(error: Exception, is_logged: bool) -> None:
    try:
        raise error
    except Exception:
        info = sys.exc_info()
    record = logging.LogRecord("distributed.worker", logging.ERROR, "worker.py", 1, "It failed.", (), info)
    assert rack._is_no_lost_connection(record) == is_logged


def test_errors_without_an_exception_are_logged() -> None:
    assert rack._is_no_lost_connection(logging.LogRecord("distributed", logging.ERROR, "x.py", 1, "No.", (), None))
