"""Rules for pages: the WebAssembly build, the renderer, isolation, visibility, threads and downloads."""

from __future__ import annotations

from mobilebench.core.axes import LINKS, NODE, wasm_build_of
from mobilebench.core.records import Download, SetupPart
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings
from mobilebench.verdicts.thresholds import AHEAD_MS, TOLERANCE_MS, TOLERANCE_SHARE

GPUS_OF_PAGES = frozenset({"webgl", "webgpu", "webnn"})

_PARTS: tuple[SetupPart, ...] = ("framework_download", "model_download", "as_shipped")
"""Parts of setup in which a page downloads."""
_ROUND_TRIPS = 3
_NAMED = 3
"""Largest number of files that a sentence names."""


def judge_wasm_build(evidence: Evidence, found: Findings) -> None:
    """Compare the WebAssembly files that were loaded with the build that was asked for."""
    case, proof = evidence.case, evidence.proof
    if case.backend != "wasm":
        return
    names = [file.name for file in proof.files if file.name.lower().endswith(".wasm")]
    if not names:
        found.unproven(Code.UNPROVEN_WASM_FILE, "which wasm file was loaded")
    for name in names:
        if wasm_build_of(name) != case.wasm_build:
            found.add(Code.WRONG_WASM_BUILD, f"{name} was loaded, which is not the build {case.wasm_build}")
    if proof.simd is not None and proof.simd != (case.wasm_build not in ("plain", "threads")):
        has = "has" if proof.simd else "lacks"
        found.add(Code.WRONG_WASM_BUILD, f"the wasm build {has} SIMD, though {case.wasm_build} was asked for")


def judge_renderer(evidence: Evidence, found: Findings) -> None:
    """Compare the renderer, a GPU or software, with what was asked for."""
    case, proof = evidence.case, evidence.proof
    if not case.gpu:
        return
    named = f" ({proof.renderer})" if proof.renderer else ""
    if proof.renderer_software is None:
        found.unproven(Code.UNPROVEN_RENDERER, "whether the renderer is hardware or software" + named)
    elif proof.renderer_software != (case.gpu == "software"):
        ran = "in software" if proof.renderer_software else "on a GPU"
        found.add(Code.WRONG_RENDERER, f"it ran {ran}{named}, though {case.gpu} was asked for")


def judge_visibility(evidence: Evidence, found: Findings) -> None:
    """The page has to be visible and have the focus."""
    proof = evidence.proof
    if proof.visible is None:
        found.unproven(Code.UNPROVEN_VISIBILITY, "whether the page was visible")
    elif not proof.visible:
        found.add(Code.PAGE_HIDDEN, "the page was hidden for a time, and browsers slow hidden pages down")
    headless = any("headless" in flag for flag in proof.flags)
    if proof.focused is False and not headless:
        sentence = "the page did not have the focus throughout, and a window that another one covers may be slowed down"
        found.add(Code.PAGE_UNFOCUSED, sentence)


def judge_release(evidence: Evidence, found: Findings) -> None:
    """The engine's release has to be known and right."""
    release, version = evidence.case.engine.partition("@")[2], evidence.measurement.version
    if release and version is None:
        found.unproven(Code.UNPROVEN_RELEASE, "which release of the engine ran")
    elif release and not f"{version}.".startswith(f"{release}."):
        found.add(Code.WRONG_RELEASE, f"release {version} ran, not {release}")


def judge_browser(evidence: Evidence, found: Findings) -> None:
    """The browser's version has to be known."""
    if evidence.proof.browser_version is None:
        found.unproven(Code.UNPROVEN_BROWSER, "the browser's version")


def judge_node(evidence: Evidence, found: Findings) -> None:
    """The version of Node has to be known."""
    if "node" not in evidence.proof.environment:
        found.unproven(Code.UNPROVEN_NODE, "the version of Node")


def judge_isolation(evidence: Evidence, found: Findings) -> None:
    """Threads need a page that is cross-origin isolated; a case may ask for a page that is not."""
    isolated = evidence.proof.cross_origin_isolated
    if evidence.case.isolation == "none":
        if isolated is None:
            found.unproven(Code.UNPROVEN_ISOLATION, "whether the page was isolated")
        elif isolated:
            found.add(Code.WRONG_ISOLATION, "the page was isolated, though a page without isolation was asked for")
    elif (evidence.case.wasm_build or "").endswith("threads"):
        if isolated is None:
            found.unproven(Code.UNPROVEN_ISOLATION, "whether the page was isolated")
        elif not isolated:
            sentence = "the page was not cross-origin isolated, so it cannot have had threads"
            found.add(Code.NOT_ISOLATED, sentence)
    if evidence.planned.context == "manual" and isolated is False:
        why = "it came without TLS, and its browser gave it no threads and a coarse clock"
        found.add(Code.MANUAL_NOT_ISOLATED, f"the page was not isolated: {why}")


def judge_page_threads(evidence: Evidence, found: Findings) -> None:
    """Compare the page's threads that used processor time, as the system counted it, with those that were asked for."""
    asked, proof = evidence.case.threads, evidence.proof
    if evidence.case.backend != "wasm":
        return
    seen, alive = proof.threads_at_work, proof.threads_alive
    where = "Node" if evidence.case.browser == NODE else "the page"
    if seen is None:
        if asked > 1:
            sentence = "threads unproven: the system does not tell the processor time of the page's threads"
            found.add(Code.UNPROVEN_THREADS, sentence)
    elif seen > asked:
        found.add(Code.TOO_MANY_THREADS, f"{seen} threads of {where}, not {asked}, used processor time")
    elif seen < asked and alive is not None and alive >= asked:
        found.add(Code.THREADS_IDLE, f"{alive} threads of {where} were there, but only {seen} used processor time")
    elif seen < asked:
        sentence = f"{seen} of {asked} threads of {where} used processor time: there were no more"
        found.add(Code.THREADS_MISSING, sentence)


def judge_downloads(evidence: Evidence, found: Findings) -> None:
    """Compare the page's resource timings with the server's log, and both with the case."""
    if not evidence.proof.downloads:
        found.unproven(Code.UNPROVEN_DOWNLOADS, "what the page downloaded")
        return
    _judge_bytes(evidence.proof.downloads, found)
    _judge_browser_cache(evidence, found)
    _judge_encoding(evidence, found)
    _judge_times(evidence, found)


def _judge_bytes(downloads: list[Download], found: Findings) -> None:
    for one in downloads:
        if one.from_cache:
            continue
        if one.server_bytes is None:
            found.add(Code.DOWNLOAD_NOT_SENT, f"the page downloaded {one.name}, which the server never sent")
        elif one.server_bytes != one.bytes:
            sentence = f"the page got {one.bytes} bytes of {one.name}, but {one.server_bytes} were sent"
            found.add(Code.DOWNLOAD_SIZE_DIFFERS, sentence)


def _judge_browser_cache(evidence: Evidence, found: Findings) -> None:
    downloads = evidence.proof.downloads
    if evidence.case.caches == "warm":
        if fetched := [one for one in downloads if not one.from_cache]:
            sentence = f"the browser's cache did not hold {_names(fetched)}, though warm was asked for"
            found.add(Code.WRONG_CACHES, sentence)
    elif cached := [one for one in downloads if one.from_cache]:
        sentence = f"{_names(cached)} came out of the browser's cache, though nothing should have been there"
        found.add(Code.WRONG_CACHES, sentence)


def _judge_encoding(evidence: Evidence, found: Findings) -> None:
    asked = evidence.case.encoding
    other = [one for one in evidence.proof.downloads if one.encoding is not None and one.encoding != asked]
    if other:
        sentence = f"{_names(other)} came as {other[0].encoding}, though {asked} was asked for"
        found.add(Code.WRONG_ENCODING, sentence)


def _judge_times(evidence: Evidence, found: Findings) -> None:
    proof, setup_ms, link = evidence.proof, evidence.measurement.setup_ms, evidence.case.link
    for one in proof.downloads:
        if one.server_ms is not None and one.server_ms > _at_most(one.page_ms):
            took = f"the server took {one.server_ms:.0f} ms to send {one.name}, the page {one.page_ms:.0f} ms to get it"
            found.add(Code.DOWNLOAD_TIMES_DIFFER, took)
    parts = [(part, setup_ms[part]) for part in _PARTS if part in setup_ms]
    if len(parts) != len(proof.download_turns_ms):
        found.unproven(Code.UNPROVEN_DOWNLOADS, "the times of downloads, by the server")
        return
    there_and_back = _ROUND_TRIPS * LINKS[link].round_trip_ms if link in LINKS else 0
    for (part, page_ms), server_ms in zip(parts, proof.download_turns_ms, strict=True):
        if not page_ms - AHEAD_MS <= server_ms <= _at_most(page_ms) + there_and_back:
            named = part.replace("_", " ")
            took = f"{named} took {page_ms:.0f} ms by the page, {server_ms:.0f} ms by the server"
            found.add(Code.DOWNLOAD_TIMES_DIFFER, took)


def _at_most(page_ms: float) -> float:
    return page_ms * (1 + TOLERANCE_SHARE) + TOLERANCE_MS


def _names(downloads: list[Download]) -> str:
    named = ", ".join(one.name for one in downloads[:_NAMED])
    more = len(downloads) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
