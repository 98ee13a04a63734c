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

REPEATED_BY_TFJS = {"efficientdet_d1": 4 * (6 * 88 * 88 + 88 * (36 + 810) + 8 * 9 * 88 + 36 + 810)}
"""Parameters that TF.js's converter writes again: those that all five levels of EfficientDet's heads share."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[1]))
def test_a_row_is_that_of_a_model_which_can_be_built(row: list[str]) -> None:
    label, name, task, parameters, *sizes = row
    entry = registry.get(name)
    assert registry.why_not(name) is None
    assert (label, task) == (entry.label, entry.task)
    count = int(parameters.replace(" ", ""))
    expected = [4 * written / 2**20 for written in (count, count, count + REPEATED_BY_TFJS.get(name, 0))]
    assert [float(size) for size in sizes] == pytest.approx(expected, rel=0.05)


def test_every_model_that_can_be_built_has_one_row() -> None:
    buildable = [name for name in registry.names() if registry.why_not(name) is None]
    assert sorted(row[1] for row in ROWS) == sorted(buildable)
