"""The size table of docs/models.md names models that can be built, with the bytes that their parameters take."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.models import registry

_LINES = (Path(__file__).parents[2] / "docs" / "models.md").read_text().splitlines()
_TABLE = _LINES[next(place for place, line in enumerate(_LINES) if line.startswith("| label |")) + 2 :]
ROWS = [
    [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
    for line in _TABLE[: next(place for place, line in enumerate(_TABLE) if not line.startswith("|"))]
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[1]))
def test_a_row_is_that_of_a_model_which_can_be_built(row: list[str]) -> None:
    label, name, task, parameters, *sizes = row
    entry = registry.get(name)
    assert registry.why_not(name) is None
    assert (label, task) == (entry.label, entry.task)
    mebibytes = 4 * int(parameters.replace(" ", "")) / 2**20
    assert [float(size) for size in sizes] == pytest.approx([mebibytes] * 3, rel=0.05)


def test_no_model_has_two_rows() -> None:
    names = [row[1] for row in ROWS]
    assert sorted(set(names)) == sorted(names)
