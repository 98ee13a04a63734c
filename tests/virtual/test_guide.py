"""The examples in docs/virtual.md work as written."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.virtual import phones
from mobilebench.virtual.state import State
from tests.virtual.conftest import Desk

GUIDE = (Path(__file__).parents[2] / "docs" / "virtual.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_guide_names_every_field_of_the_state() -> None:
    rows = "\n".join(line for line in GUIDE.splitlines() if line.startswith("| `"))
    for group in dataclasses.fields(State):
        assert f"`{group.name}" in rows
    for group_name in ("battery", "thermal", "screen"):
        row = next(line for line in rows.splitlines() if line.startswith(f"| `{group_name}."))
        documented = set(re.findall(r"`(?:\w+)?\.(\w+)`", row.split("|")[1]))
        assert documented == {field.name for field in dataclasses.fields(getattr(State(), group_name))}


@pytest.mark.adb
def test_the_guides_commands_work(one_desk: Desk) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in (line for block in blocks("console") for line in block.splitlines()):
        serial = next((phone.serial for phone in phones.list_phones() if phone.running), "")
        command = line.removeprefix("$ ").replace("127.0.0.1:16500", serial)
        done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert not any(phone.running for phone in phones.list_phones())


@pytest.mark.adb
def test_the_guides_python_works(one_desk: Desk) -> None:
    for block in blocks("python"):
        subprocess.run([sys.executable, "-c", block], check=True, timeout=60)
    state = phones.state_of("guide")
    assert (state.battery.level, state.settings.global_["airplane_mode_on"], state.fault) == (9, "1", None)
