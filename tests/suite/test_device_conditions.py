"""Which conditions a suite and a selection ask of phones."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.suite.planning import Selection, plan
from tests.pinning import Pinned

from ..results.making import host, phone
from .test_loading import SUITE, load, mistake
from .words import WORDS

TARGETS = [host(), phone("R58M")]


def asked(text: str, folder: Path, conditions: str | None = None) -> dict[str, str | None]:
    """What is asked of each target."""
    suite = load(text.replace("[host]", "[host, android]"), folder)
    planned = plan(suite, TARGETS, Selection(conditions=conditions), words=WORDS)
    return {block.case.target: block.conditions.device for block in planned.blocks}


def test_phones_are_asked_for_the_default_and_this_computer_for_nothing(tmp_path: Path) -> None:
    assert asked(SUITE, tmp_path) == {"host": None, "R58M": "default"}


def test_a_suite_states_conditions_and_a_selection_replaces_them(tmp_path: Path) -> None:
    text = SUITE.replace("blocks: 2", "blocks: 2\nconditions: radios-off,strict")
    assert asked(text, tmp_path) == {"host": None, "R58M": "strict,radios-off"}
    assert asked(text, tmp_path, "none") == {"host": None, "R58M": "none"}


@pytest.mark.parametrize("value", ["loud", "strict,none", "''", "3", "[strict]", "fixed-performance,pinned-clocks"])
def test_conditions_that_a_suite_cannot_ask_for(tmp_path: Path, value: str, pinned: Pinned) -> None:
    error = mistake(SUITE.replace("blocks: 2", f"blocks: 2\nconditions: {value}"), tmp_path)
    assert "mine.yaml" in error.message and "7" in error.message
    pinned(error.message.replace(str(tmp_path), "."))


def test_a_selection_that_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="loud"):
        asked(SUITE, tmp_path, "loud")
