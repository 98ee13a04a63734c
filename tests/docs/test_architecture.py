"""What docs/architecture.md says of the code is so."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_STEPS = 25
PLACE = re.compile(r"`([\w./]+/[\w./]*)`(?:; `(\w+)`)?")
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


def places_of(chapter: str) -> list[tuple[str, str]]:
    """Files and folders that a chapter names, each with the name to look for in it, which may be empty."""
    _, _, after = TEXT.partition(f"## {chapter}\n")
    section = re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0]
    return [(path, name or "") for path, name in PLACE.findall(section)]


def test_what_adding_names_exists() -> None:
    places = places_of("Adding")
    assert len(places) > 30
    for path, name in places:
        assert (ROOT / path).exists(), path
        assert not name or re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), f"{path}: {name}"


def test_every_room_is_listed_with_a_file_that_exists() -> None:
    rooms = re.findall(r"^\| `(\w+)/` \|.*\| `([\w/]+\.py)` \|$", TEXT, re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "mobilebench").glob("*/__init__.py")}
    assert {room for room, _ in rooms} == folders
    for room, first in rooms:
        assert first.startswith(f"{room}/")
        assert (ROOT / "mobilebench" / first).is_file(), first


def test_a_function_that_is_gone_is_noticed() -> None:
    with pytest.raises(AttributeError):
        found("session.worker.no_such_function")
