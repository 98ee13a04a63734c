"""Checks and completes the measurement that a page returns, with what its server and its browser know.

A page's answer is not trusted: it is JSON text of limited size with known fields, and the page server's log says which
files were really sent, and how long that took.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mobilebench.browsers.browser_processes import RendererCheck
from mobilebench.core.axes import NO_LINK
from mobilebench.core.errors import BlockFailed, Unsupported, first_problem
from mobilebench.core.records import Case, Download, DownloadPath, FileProof, Measurement, TargetInfo
from mobilebench.targets.base import BrowserHandle

if TYPE_CHECKING:
    from mobilebench.browsers.page_session import Served

ANSWER_LIMIT = 24_000_000
"""Most characters of an answer. Usual ones have a few thousand; 8 outputs with 65536 samples each, 20 million."""

_WITHOUT_SIMD = frozenset({"tfjs-backend-wasm.wasm", "ort-wasm.wasm", "ort-wasm-threaded.wasm"})


def parse_answer(answer: Any, case: Case, *, where: str = "the page") -> Measurement:
    """Parse the measurement in a page's answer. It is not trusted: JSON text of limited size with known fields.

    Args:
        answer: what the page returned.
        case: what was asked for.
        where: what answered, in words.

    Raises:
        Unsupported: the page reports that the case cannot run there.
        BlockFailed: the page reports a failure, or the answer is not a measurement of this case.
    """
    capital = where[:1].upper() + where[1:]
    if not isinstance(answer, str) or len(answer) > ANSWER_LIMIT:
        words = f"{capital} on {case.target} answered something other than a measurement."
        raise BlockFailed(words, fault="bad answer")
    try:
        measurement = Measurement.model_validate_json(answer)
    except ValidationError as error:
        words = f"{capital} on {case.target} answered with an invalid measurement: {first_problem(error).sentence()}."
        raise BlockFailed(words, fault="bad answer") from error
    subject = f"{case.way} with {case.model}"
    if measurement.status == "unsupported":
        raise Unsupported(f"{subject}: {measurement.reason or f'{where} gives no reason'}")
    if measurement.status == "error":
        words = f"{subject} failed in {where} on {case.target}: {measurement.reason or 'no reason given'}"
        raise BlockFailed(words, fault=measurement.fault or "page error")
    if measurement.trace is not None:
        words = f"{capital} on {case.target} answered with a trace, which only its browser can record."
        raise BlockFailed(words, fault="bad answer")
    if measurement.engine != case.engine or not measurement.warmup_ms or not measurement.prediction_ms:
        raise BlockFailed(f"{capital} on {case.target} answered without having measured {subject}.", fault="bad answer")
    return measurement


def download_path(target: TargetInfo, case: Case) -> DownloadPath:
    """The way from the page server to the page. A serial with a port belongs to a phone that adb reaches by network."""
    if case.link != NO_LINK:
        return "shaped"
    if target.kind == "host":
        return "loopback"
    return "tcp-reverse" if ":" in target.id or target.virtual or "._adb-tls" in target.id else "usb-reverse"


def joined_downloads(reported: Sequence[Download], log: Sequence[Served]) -> list[Download]:
    """Each file that the page reports, with the first entry of that name in the log that no earlier file has taken."""
    left = sorted(log, key=lambda served: served.started)
    found = []
    for one in reported:
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


def with_downloads(
    measurement: Measurement, path: DownloadPath, case: Case, log: list[Served], turns: list[float]
) -> Measurement:
    """The measurement, with the page server's data added to each download that the page reports."""
    proof = measurement.proof.model_copy(
        update={
            "downloads": joined_downloads(measurement.proof.downloads, log),
            "download_turns_ms": [seconds * 1000 for seconds in turns],
            "download_path": path,
            "caches_asked": case.caches,
        }
    )
    return measurement.model_copy(update={"proof": proof})


def complete(
    measurement: Measurement,
    browser: BrowserHandle,
    log: list[Served],
    *,
    cores_overridden: bool,
    process: RendererCheck | None = None,
) -> Measurement:
    """Add what the page cannot know: which files the server really sent, and how the browser was started.

    Args:
        measurement: the page's answer.
        browser: the browser that shows the page.
        log: the files that the page server sent.
        cores_overridden: whether the page saw a number of cores that was set for it.
        process: the check of the page's process; None where the processes are not listed.
    """
    instantiated = [_named(binary, log) for binary in measurement.proof.files]
    others = {
        served.name: FileProof(name=served.name, sha256=served.sha256, bytes=served.file.stat().st_size)
        for served in log
        if not served.name.endswith((".wasm", ".html"))
    }
    loaded = {binary.name for binary in instantiated}
    unused = {served.name for served in log if served.name.endswith(".wasm")} - loaded
    renderer = process.found if process else None
    doubts = [process.note] if process and process.note else []
    unused_notes = [f"{name} was fetched but not used" for name in sorted(unused)]
    proof = measurement.proof.model_copy(
        update={
            "files": [*instantiated, *others.values()],
            "simd": has_simd(loaded),
            "browser_version": browser.version,
            "browser_program": browser.program,
            "renderer_process": renderer.pid if renderer else None,
            "renderer_fresh": renderer.fresh if renderer else None,
            "flags": list(browser.flags),
            "hardware_concurrency_overridden": cores_overridden,
            "notes": [*measurement.proof.notes, *unused_notes, *doubts, *browser.notes],
        }
    )
    return measurement.model_copy(update={"proof": proof})


def has_simd(binaries: Iterable[str]) -> bool | None:
    """Whether any of these WebAssembly binaries uses SIMD, by their names; None without a binary."""
    names = [Path(name).name for name in binaries]
    return not all(name in _WITHOUT_SIMD for name in names) if names else None


def _named(binary: FileProof, log: list[Served]) -> FileProof:
    """A WebAssembly binary that the page instantiated, under the name with which the server sent it.

    A page that cannot hash reports only the length.
    """
    if binary.sha256 is None:
        like = (served for served in log if served.name.endswith(".wasm"))
        name = next((served.name for served in like if served.file.stat().st_size == binary.bytes), None)
    else:
        name = next((served.name for served in log if served.sha256 == binary.sha256), None)
    return binary.model_copy(update={"name": name or "a WebAssembly binary that was not served"})
