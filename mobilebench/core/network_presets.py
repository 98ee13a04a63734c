"""Networks that a browser can imitate: their speeds and delays."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """Speeds in kbit/s (1000 bits) and the round trip in ms."""

    down_kbit_s: int
    up_kbit_s: int
    round_trip_ms: int


NONE = "none"
LINKS: dict[str, Link] = {
    "slow-3g": Link(400, 400, 400),
    "3g": Link(1_600, 768, 300),
    "fast-3g": Link(1_600, 768, 150),
    "dsl": Link(1_500, 384, 50),
    "cable": Link(5_000, 1_000, 28),
    "4g": Link(9_000, 9_000, 170),
    "lte": Link(12_000, 12_000, 70),
    "fios": Link(20_000, 5_000, 4),
    "wifi": Link(30_000, 15_000, 2),
}
"""Values of WebPageTest's list of connections; `wifi` is taken from the throttling of Firefox's developer tools."""
NAMES = (NONE, *LINKS)


def seconds(name: str, count: int) -> float:
    """Least number of seconds that `count` bytes take over this network."""
    return count * 8 / (LINKS[name].down_kbit_s * 1000) if name in LINKS else 0.0
