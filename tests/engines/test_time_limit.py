from __future__ import annotations

import pytest

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule
from mobilebench.engines.time_limit import too_slow_is_unsupported, waiting
from tests.pinning import Pinned

LIMITED = BlockRule(time_limit_seconds=20)


@pytest.mark.parametrize(
    ("rule", "patience_s", "downloads_s", "seconds"),
    [
        (BlockRule(), 120, 0, 120),
        (BlockRule(), 120, 5, 125),
        (LIMITED, 120, 0, 20),
        (LIMITED, 120, 5, 25),
        (LIMITED, 20, 5, 25),
        (LIMITED, 10, 0, 10),
    ],
)
def test_the_shorter_of_limit_and_patience_is_waited_for_beside_slow_downloads(
    rule: BlockRule, patience_s: float, downloads_s: float, seconds: float
) -> None:
    with waiting(rule, patience_s, downloads_s=downloads_s) as found:
        assert found == seconds


def test_silence_up_to_the_limit_is_a_case_that_is_too_slow(pinned: Pinned) -> None:
    words = "did not end within 20 s, the time limit of a block"
    with pytest.raises(Unsupported, match=words) as raised, too_slow_is_unsupported(), waiting(LIMITED, 120):
        raise BlockFailed("No answer.", fault="hang")
    pinned(raised.value.hint)


@pytest.mark.parametrize("rule", [BlockRule(), BlockRule(time_limit_seconds=500)])
def test_silence_up_to_the_end_of_patience_is_a_hang(rule: BlockRule, pinned: Pinned) -> None:
    with pinned.raises(BlockFailed) as raised, too_slow_is_unsupported(), waiting(rule, 120):
        raise BlockFailed("No answer.", fault="hang")
    assert raised.value.fault == "hang"


def test_what_failed_otherwise_within_the_limit_stays_what_it_is(pinned: Pinned) -> None:
    with pinned.raises(BlockFailed) as raised, too_slow_is_unsupported(), waiting(LIMITED, 120):
        raise BlockFailed("It threw.", fault="page error")
    assert raised.value.fault == "page error"


def test_a_crash_that_explains_the_silence_is_reported_instead(pinned: Pinned) -> None:
    with pinned.raises(BlockFailed), too_slow_is_unsupported():
        try:
            with waiting(LIMITED, 120):
                raise BlockFailed("No answer.", fault="hang")
        except BlockFailed as silence:
            assert silence.fault == "hang"
            raise BlockFailed("A process had ended.", fault="crash") from silence
