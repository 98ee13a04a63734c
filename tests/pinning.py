"""Sentences of errors and outputs, pinned in snapshot files: `pytest --snapshot-update` writes them anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from syrupy.assertion import SnapshotAssertion

from mobilebench.core.errors import MobilebenchError

_MOST_LINES = 12


class Pinned:
    """Compares texts with those in the test module's file below `__snapshots__`.

    Args:
        snapshot: the snapshots of one test.
        volatile: texts that differ from run to run, such as a temporary folder, and the words that stand for them.
    """

    def __init__(self, snapshot: SnapshotAssertion, volatile: dict[str, str]) -> None:
        self._snapshot = snapshot
        self._volatile = volatile

    def __call__(self, text: str) -> None:
        """The text is the pinned one.

        Raises:
            AssertionError: it is not.
            TypeError: it is no text.
            ValueError: it is more than a few sentences.
        """
        if not isinstance(text, str):
            raise TypeError(f"only a text can be pinned, not {type(text).__name__}")
        if "──" in text or "<svg" in text or text.count("\n") > _MOST_LINES:
            raise ValueError("a table or a page is not pinned: assert the data that it is made of")
        assert self._steady(text) == self._snapshot

    @contextmanager
    def raises(self, kind: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
        """The block raises an error of this class, whose message and hint are the pinned ones."""
        with pytest.raises(kind) as raised:
            yield raised
        error = raised.value
        self(error.text_with_hint if isinstance(error, MobilebenchError) else str(error))

    def _steady(self, text: str) -> str:
        for value, word in self._volatile.items():
            text = re.sub(rf"{re.escape(value)}\b", word, text)
        text = re.sub(r"/tmp/tmp[a-z0-9_]{8}", "TMP", text)
        text = re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", text)
        text = re.sub(r"127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:PORT", text)
        return re.sub(r"\bpid \d+", "pid PID", text)
