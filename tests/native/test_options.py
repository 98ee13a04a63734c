"""The runner's options, as `--help` lists them, against the code that passes them and the types of the schema."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from mobilebench.core.records import CacheState, ModelAccess
from mobilebench.engines import native
from mobilebench.engines.registry import engines
from mobilebench.engines.tensorflow_worker import options as worker
from mobilebench.recorders import in_engine, registry
from tests.native.running import SLEEP, run

pytestmark = pytest.mark.build

OPTION = re.compile(r"^  (--[a-z0-9-]+) (.+)$", re.MULTILINE)
NEVER_PASSED = {"--cache", "--memory-period"}
"""Options for a person who starts the runner by hand."""


@pytest.fixture(scope="module")
def shown(runner: Path) -> dict[str, str]:
    """Each option of `--help`, and how its value is shown there."""
    done = subprocess.run([runner, "--help"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return dict(OPTION.findall(done.stdout))


def options_in(file: str) -> set[str]:
    """Every option that a Python module spells out."""
    texts = (node.value for node in ast.walk(ast.parse(Path(file).read_text())) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"--[a-z0-9-]+", text)}


def test_the_engines_pass_the_options_that_the_runner_has(shown: dict[str, str]) -> None:
    assert options_in(native.__file__) | options_in(in_engine.__file__) == set(shown) - NEVER_PASSED


def test_choices_are_those_of_the_schema(shown: dict[str, str]) -> None:
    tflite = engines()["tflite"]
    passes = {one for one in registry.IN_ENGINE if registry.of_pass(one).why_no_pass(tflite) is None}
    assert set(shown["--pass"].split("|")) == passes
    assert set(shown["--page-cache"].split("|")) == set(get_args(CacheState))
    assert set(shown["--model-access"].split("|")) == set(get_args(ModelAccess))


def test_the_tensorflow_worker_has_no_option_of_its_own_but_the_signature(shown: dict[str, str]) -> None:
    assert options_in(worker.__file__) - set(shown) == {"--signature"}
    for option, values in (("--pass", worker.PASSES), ("--page-cache", worker.CACHES), ("--answer", worker.ANSWERS)):
        assert set(shown[option].split("|")) == set(values)


def test_every_option_that_is_shown_is_known(runner: Path, shown: dict[str, str]) -> None:
    for option in shown:
        code, answer, _ = run(runner, *SLEEP, option, "")
        assert code == 2
        assert option in answer["reason"], answer["reason"]
