"""The table of Android versions in the documentation."""

from __future__ import annotations

from pathlib import Path

from mobilebench.virtual import device_identity, versions
from mobilebench.virtual.android import abilities

GUIDE = Path(__file__).parents[2] / "docs/virtual.md"


def test_the_guide_holds_the_table() -> None:
    assert versions.markdown() in GUIDE.read_text(encoding="utf-8")


def test_every_version_and_every_difference_is_in_the_table() -> None:
    table = versions.markdown()
    assert len(table.splitlines()) == 2 + len(device_identity.LEVELS)
    for name in abilities.features(36):
        assert table.count(f"`{name}`") == 1
    for row in abilities.ABILITIES:
        if row.since > abilities.OLDEST:
            assert row.title.replace("property ", "getprop ") in table
    for _, text in versions.CHANGES:
        assert text in table
