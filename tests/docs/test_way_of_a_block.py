"""The steps that docs/architecture.md gives for a block are those that a real block takes, in this order."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from typer.testing import CliRunner

from mobilebench.cli import app
from tests.docs.test_architecture import found, steps_of

COMMAND = "run --serial host --suite quick --model bert_small --precision fp32 --threads 1 --blocks 1"


@contextmanager
def calls_of(functions: dict[CodeType, str]) -> Iterator[list[str]]:
    """Names of these functions, in the order of their first calls, in all threads that start meanwhile."""
    called: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (name := functions.get(frame.f_code)):
            called.setdefault(name)

    names: list[str] = []
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        names += called


@pytest.mark.build
@pytest.mark.parametrize(
    ("heading", "choice"),
    [
        ("A native block", "--engine tflite --backend cpu --delegate xnnpack"),
        pytest.param("A page block", "--engine tfjs --backend wasm --wasm-build simd", marks=pytest.mark.browser),
    ],
)
def test_a_block_takes_the_documented_steps_in_order(heading: str, choice: str, tmp_path: Path) -> None:
    steps = steps_of(heading)
    functions = {inspect.unwrap(found(step)).__code__: step for step in steps}
    with calls_of(functions) as called:
        result = CliRunner().invoke(app, [*COMMAND.split(), *choice.split(), "--out", str(tmp_path)])
    assert result.exit_code in (0, 4), result.output
    assert called == steps
