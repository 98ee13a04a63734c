"""Whether a page's downloads came as they were asked for, and whether page and server say the same of them."""

from __future__ import annotations

from mobilebench.browsers.network_presets import LINKS
from mobilebench.core.records import Case, Download, Measurement, SetupPart
from mobilebench.session.findings import Findings

TOLERANCE_MS = 250.0
TOLERANCE_SHARE = 0.1
"""By how much the server's time of a file or of a downloading part may exceed the page's: it notices ends later."""
AHEAD_MS = 5.0
"""By how much the page's time of a part may exceed the server's, which begins before it and ends after it."""

_PARTS: tuple[SetupPart, ...] = ("framework_download", "model_download", "as_shipped")
_ROUND_TRIPS = 3
_NAMED = 3


def judge_downloads(case: Case, measurement: Measurement, found: Findings) -> None:
    """Hold the page's resource timings against the server's log, and both against the case."""
    proof = measurement.proof
    if not proof.downloads:
        found.missing("what the page downloaded")
        return
    _judge_bytes(proof.downloads, found)
    _judge_caches(case, proof.downloads, found)
    _judge_encoding(case, proof.downloads, found)
    _judge_times(case, measurement, found)


def _judge_bytes(downloads: list[Download], found: Findings) -> None:
    for one in downloads:
        if one.from_cache:
            continue
        if one.server_bytes is None:
            found.wrong.append(f"the page downloaded {one.name}, which the server never sent")
        elif one.server_bytes != one.bytes:
            found.wrong.append(f"the page got {one.bytes} bytes of {one.name}, but {one.server_bytes} were sent")


def _judge_caches(case: Case, downloads: list[Download], found: Findings) -> None:
    if case.caches == "warm":
        if fetched := [one for one in downloads if not one.from_cache]:
            found.wrong.append(f"the browser's cache did not hold {_names(fetched)}, though warm was asked for")
    elif cached := [one for one in downloads if one.from_cache]:
        found.wrong.append(f"{_names(cached)} came out of the browser's cache, though nothing should have been there")


def _judge_encoding(case: Case, downloads: list[Download], found: Findings) -> None:
    other = [one for one in downloads if one.encoding is not None and one.encoding != case.encoding]
    if other:
        found.wrong.append(f"{_names(other)} came as {other[0].encoding}, though {case.encoding} was asked for")


def _judge_times(case: Case, measurement: Measurement, found: Findings) -> None:
    proof = measurement.proof
    for one in proof.downloads:
        if one.server_ms is not None and one.server_ms > _at_most(one.page_ms):
            found.doubtful.append(
                f"the server took {one.server_ms:.0f} ms to send {one.name}, the page {one.page_ms:.0f} ms to get it"
            )
    parts = [(part, measurement.setup_ms[part]) for part in _PARTS if part in measurement.setup_ms]
    if len(parts) != len(proof.download_turns_ms):
        found.missing("the times of downloads, by the server")
        return
    there_and_back = _ROUND_TRIPS * LINKS[case.link].round_trip_ms if case.link in LINKS else 0
    for (part, page_ms), server_ms in zip(parts, proof.download_turns_ms, strict=True):
        if not page_ms - AHEAD_MS <= server_ms <= _at_most(page_ms) + there_and_back:
            named = part.replace("_", " ")
            found.doubtful.append(f"{named} took {page_ms:.0f} ms by the page, {server_ms:.0f} ms by the server")


def _at_most(page_ms: float) -> float:
    return page_ms * (1 + TOLERANCE_SHARE) + TOLERANCE_MS


def _names(downloads: list[Download]) -> str:
    named = ", ".join(one.name for one in downloads[:_NAMED])
    more = len(downloads) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
