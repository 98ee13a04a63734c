"""How much of a page's setup went to downloads, how many bytes came, and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.analysis.statistics import median
from mobilebench.core.records import DownloadPath, Measurement, SetupPart

_PARTS: tuple[SetupPart, ...] = ("framework_download", "model_download")


@dataclass(frozen=True)
class DownloadStatistics:
    """Medians over blocks. Only paths that are equal may be compared."""

    path: DownloadPath | None
    share: float | None
    """Of setup; None where the engine's own loader obtains and starts at once."""
    bytes: float
    """That came over the path: nothing that a cache gave."""
    cached_bytes: float
    """That a cache gave."""
    megabytes_per_second: float | None
    """10^6 bytes; None where nothing came over the path, or downloads are no part of their own."""


def downloads(answers: Sequence[Measurement]) -> DownloadStatistics | None:
    """Over a case's blocks; None when none of them tells its downloads."""
    told = [answer for answer in answers if answer.proof.downloads]
    if not told:
        return None
    shares = [share for answer in told if (share := download_share(answer)) is not None]
    speeds = [speed for answer in told if (speed := _speed(answer)) is not None]
    return DownloadStatistics(
        path=told[0].proof.download_path,
        share=median(shares) if shares else None,
        bytes=median([_bytes(answer) for answer in told]),
        cached_bytes=median([_bytes(answer, cached=True) for answer in told]),
        megabytes_per_second=median(speeds) if speeds else None,
    )


def download_share(answer: Measurement) -> float | None:
    """The share of setup that went to downloading framework and model; None where they are no parts of their own."""
    whole = sum(answer.setup_ms.values())
    parts = [answer.setup_ms[part] for part in _PARTS if part in answer.setup_ms]
    return sum(parts) / whole if parts and whole > 0 else None


def _bytes(answer: Measurement, *, cached: bool = False) -> float:
    return float(sum(one.bytes for one in answer.proof.downloads if one.from_cache == cached))


def _speed(answer: Measurement) -> float | None:
    milliseconds = sum(answer.setup_ms.get(part, 0.0) for part in _PARTS)
    count = _bytes(answer)
    return count / milliseconds / 1000 if milliseconds > 0 and count > 0 else None
