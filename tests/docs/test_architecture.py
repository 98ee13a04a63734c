"""What docs/architecture.md says of the code is so."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_STEPS = 25
STEP = re.compile(r"^(\d+)\. `([\w.]+)`: ", re.MULTILINE)


def steps_of(heading: str) -> list[str]:
    _, _, after = TEXT.partition(f"### {heading}\n")
    section = re.split(r"^##", after, maxsplit=1, flags=re.MULTILINE)[0]
    found = STEP.findall(section)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [name for _, name in found]


def found(name: str) -> Any:
    """The function of this dotted name below `mobilebench`."""
    words = ["mobilebench", *name.split(".")]
    for count in range(len(words) - 1, 0, -1):
        try:
            thing: Any = import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        for word in words[count:]:
            thing = getattr(thing, word)
        return thing
    raise AssertionError(f"there is no module of {name}")


@pytest.mark.parametrize("heading", ["A native block", "A page block"])
def test_the_way_of_a_block_names_functions_that_exist(heading: str) -> None:
    steps = steps_of(heading)
    assert 10 < len(steps) <= MOST_STEPS
    assert len(set(steps)) == len(steps)
    for name in steps:
        assert callable(found(name)), name


def test_a_function_that_is_gone_is_noticed() -> None:
    with pytest.raises(AttributeError):
        found("session.worker.no_such_function")
