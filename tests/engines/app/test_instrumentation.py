from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.engines.app.instrumentation import FINISHED, parse

WHOLE = b"""INSTRUMENTATION_STATUS: stage=setup
INSTRUMENTATION_STATUS_CODE: 1
INSTRUMENTATION_STATUS: stage=prediction
INSTRUMENTATION_STATUS_CODE: 1
INSTRUMENTATION_RESULT: exit=3
INSTRUMENTATION_CODE: -1
"""


@pytest.mark.parametrize("output", [WHOLE, WHOLE.replace(b"\n", b"\r\n")])
def test_an_end_with_its_exit_code(output: bytes) -> None:
    ended = parse(output)
    assert (ended.code, ended.exit_code, ended.stages, ended.said) == (FINISHED, 3, ("setup", "prediction"), None)


def test_a_crash_says_what_happened() -> None:
    ended = parse(
        b"INSTRUMENTATION_STATUS: stage=setup\nINSTRUMENTATION_RESULT: longMsg=java.lang.OutOfMemoryError: heap\n"
        b"INSTRUMENTATION_RESULT: shortMsg=java.lang.OutOfMemoryError\nINSTRUMENTATION_CODE: 0\n"
    )
    assert (ended.code, ended.exit_code) == (0, None)
    assert ended.said == "java.lang.OutOfMemoryError: heap"


def test_an_app_that_does_not_respond() -> None:
    ended = parse(
        b"INSTRUMENTATION_RESULT: longMsg=Input dispatching timed out\n"
        b"INSTRUMENTATION_RESULT: shortMsg=keyDispatchingTimedOut\nINSTRUMENTATION_CODE: 0\n"
    )
    assert ended.is_hang
    assert ended.said == "Input dispatching timed out"


def test_an_unknown_instrumentation() -> None:
    ended = parse(
        b"INSTRUMENTATION_STATUS: id=ActivityManagerService\nINSTRUMENTATION_STATUS: Error=Unable to find "
        b"instrumentation info for: ComponentInfo{a/b}\nINSTRUMENTATION_STATUS_CODE: -1\n",
        b"android.util.AndroidException: INSTRUMENTATION_FAILED: a/b\n",
    )
    assert ended.is_unknown
    assert ended.code is None, "a status code is no code of the end"


def test_a_start_that_is_not_allowed() -> None:
    ended = parse(b"", b"java.lang.SecurityException: Permission Denial: starting instrumentation ComponentInfo{a/b}\n")
    assert ended.is_denied


@pytest.mark.parametrize("output", [b"", b"INSTRUMENTATION_RESULT: exit=", WHOLE[:-5], WHOLE[:100]])
def test_an_output_that_was_cut_has_no_end(output: bytes) -> None:
    assert parse(output).code is None


def test_text_of_a_result_is_not_an_exit_code() -> None:
    ended = parse(b"INSTRUMENTATION_RESULT: exit=0; rm\nINSTRUMENTATION_RESULT: exit2=0\nINSTRUMENTATION_CODE: -1\n")
    assert ended.exit_code is None


@given(st.binary(max_size=400), st.binary(max_size=200))
def test_any_output_is_read_without_error(stdout: bytes, stderr: bytes) -> None:
    ended = parse(b"INSTRUMENTATION_STATUS: Error=" + stdout, stderr)
    assert ended.said is None or (ended.said.isprintable() and len(ended.said) <= 500)
