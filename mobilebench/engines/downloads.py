"""Joins the downloads that a page reports with the page server's log of the same files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobilebench.core import network_presets
from mobilebench.core.records import Case, Download, DownloadPath, TargetInfo

if TYPE_CHECKING:
    from mobilebench.browsers.page_session import Served


def path_of(target: TargetInfo, case: Case) -> DownloadPath:
    """The way from the page server to the page. A serial with a port belongs to a phone that adb reaches by network."""
    if case.link != network_presets.NONE:
        return "shaped"
    if target.kind == "host":
        return "loopback"
    return "tcp-reverse" if ":" in target.id or target.virtual or "._adb-tls" in target.id else "usb-reverse"


def joined(told: Sequence[Download], log: Sequence[Served]) -> list[Download]:
    """Each file that the page reports, with the first entry of that name in the log that no earlier file has taken."""
    left = sorted(log, key=lambda served: served.started)
    found = []
    for one in told:
        served = next((served for served in left if served.name == one.name), None)
        if served is None or one.from_cache:
            found.append(one)
            continue
        left.remove(served)
        found.append(
            one.model_copy(
                update={
                    "server_bytes": served.bytes,
                    "server_ms": (served.ended - served.started) * 1000,
                    "first_byte_ms": (served.first_byte - served.started) * 1000,
                    "encoding": served.encoding,
                }
            )
        )
    return found
