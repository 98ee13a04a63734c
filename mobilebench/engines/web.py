"""Shared by the web engines: open a page, send it a job, and check and complete the measurement that it returns."""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mobilebench.browsers import chrome, firefox, gpu_process, names, network_presets, renderers
from mobilebench.browsers.connect import open_page
from mobilebench.browsers.page import Page
from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.network_presets import seconds as seconds_over
from mobilebench.core.records import (
    BlockRule,
    Case,
    DownloadPath,
    FileProof,
    Measurement,
    PlannedBlock,
    TargetInfo,
)
from mobilebench.core.validation import first_problem
from mobilebench.engines import downloads, model_limits, page_process, page_recorders, page_sampling
from mobilebench.engines.base import Backend, BlockResult, PreparedCase
from mobilebench.engines.page_messages import InputJob, Job, ModelJob, OutputJob
from mobilebench.engines.time_limit import too_slow_is_unsupported, waiting
from mobilebench.models import behaviour
from mobilebench.models.manifest import FormatFile, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.recorders import registry
from mobilebench.targets.base import BrowserHandle, Target

if TYPE_CHECKING:
    from mobilebench.browsers.page_session import Served
    from mobilebench.browsers.server import PageServer
    from mobilebench.models.manifest import Format

DEFAULT_BROWSER = "chrome"
SETUP_PATIENCE_S = 120.0
PREDICTION_PATIENCE_S = 20.0
PRIMING_VISITS = 2
"""Visits that warm the caches: a browser keeps files from the first visit on, compiled code from the second on."""
LARGEST_FRAMEWORK = 30_000_000
"""Largest size of a framework's files, in bytes."""
ANSWER_LIMIT = 24_000_000
"""Most characters of an answer. Usual ones have a few thousand; 8 outputs with 65536 samples each, 20 million."""

_WITHOUT_SIMD = frozenset({"tfjs-backend-wasm.wasm", "ort-wasm.wasm", "ort-wasm-threaded.wasm"})
_server: PageServer | None = None
_server_lock = Lock()


@dataclass(frozen=True)
class PageCase:
    """How one web engine runs one case."""

    model_format: Format
    flags: tuple[str, ...] = ()
    """Flags that the browser needs."""
    hardware_concurrency: int | None = None
    """The number of cores that the page sees; None: the real number, on which the engine can start its threads."""
    patience: int = 1
    """Factor on the time to wait for its answer."""


@dataclass(frozen=True)
class PreparedPage(PreparedCase):
    """A block whose page can be opened."""

    page_case: PageCase
    entry: FormatFile
    """The model in the format that the page loads."""
    server: PageServer


def reason_against(engine: str, backends: tuple[Backend, ...], target: TargetInfo, case: Case) -> str | None:
    """Why no web engine can run this case on this target; None when nothing is known against it."""
    if reason := _reason_against_browser(target, case.browser or DEFAULT_BROWSER):
        return reason
    backend = next((known for known in backends if known.name == case.backend), None)
    if backend is None:
        return f"{engine} has no backend {case.backend} (it has {', '.join(known.name for known in backends)})"
    if reason := backend.reason_against(case):
        return reason
    if case.threads > 1 and backend.on_one_thread(case.wasm_build):
        return f"{case.way} runs on one thread"
    return _reason_against_gpu(target, case.gpu) if case.gpu else None


def flags(target: TargetInfo, case: Case, *, uses_gpu: bool) -> tuple[str, ...]:
    """The flags with which the browser has to be started. Chrome on a phone uses the GPU without any."""
    if target.kind != "host":
        return ()
    if case.backend == "webnn" and names.family(case.browser or DEFAULT_BROWSER) == "chrome":
        return chrome.WEBNN
    if not uses_gpu:
        return ()
    software = case.gpu == "software"
    if names.family(case.browser or DEFAULT_BROWSER) == "firefox":
        return firefox.SOFTWARE_GPU if software else firefox.HARDWARE_GPU
    return chrome.SOFTWARE_GPU if software else chrome.HARDWARE_GPU


def prepare(page_case: PageCase, target: Target, block: PlannedBlock, files: ModelFiles) -> PreparedPage:
    """Start the page server and check that the model can be served. Pages fetch it, so nothing is pushed.

    Raises:
        Unsupported: the model was not built in this format, or the engine cannot take it.
        BlockFailed: a file of the model is missing.
        BadInput: the pages have not been built.
    """
    entry = format_file(files, page_case.model_format)
    if reason := model_limits.why_not(block.case.engine, files, page_case.model_format):
        raise Unsupported(f"{reason}.")
    return PreparedPage(target, block, files, {}, page_case, entry, page_server())


def measure(
    prepared: PreparedPage,
    *,
    cancel: Event,
    samples: int = SAMPLES,
    setup_patience_s: float = SETUP_PATIENCE_S,
    traces: Path | None = None,
) -> BlockResult:
    """Measure one block in a fresh page.

    Raises:
        Unsupported: the browser, the device or the engine cannot run the case, or not within the rule's time limit.
        BlockFailed: the page never answered, threw, crashed, or returned something other than a measurement.
    """
    target, block, files = prepared.target, prepared.block, prepared.files
    page_case, entry, server = prepared.page_case, prepared.entry, prepared.server
    began = time.monotonic()
    case = block.case
    browser_name = case.browser or DEFAULT_BROWSER
    on_phone = target.info.kind == "android"
    served = {f"model/{name}": files.folder / name for name in (entry.path, *entry.parts)}
    for_pass = page_sampling.flags(target.info, browser_name, block.pass_)
    job = page_job(block, files, entry, samples)
    job = job.model_copy(update=registry.of_pass(block.pass_).job_fields(flags=bool(for_pass)))
    patience = page_case.patience * patience_s(block.rule, setup_patience_s)
    downloads_s = (1 + server.open_visits) * seconds_over(case.link, LARGEST_FRAMEWORK + entry.bytes)
    with (
        too_slow_is_unsupported(),
        server.visit(served, encoding=case.encoding, cacheable=case.caches == "warm") as visit,
        target.browser(browser_name, (*page_case.flags, *for_pass), headed=block.conditions.headed) as browser,
        target.reverse(server.port) as origin,
        renderers.watched(browser.address, on_phone) as process,
        open_page(browser.address, cancel=cancel, stays=on_phone) as page,
        _cleared(page, origin, on_phone),
    ):
        url = f"{origin.rstrip('/')}{visit.path}bench.html"
        if page_case.hardware_concurrency is not None:
            page.tell_cores(page_case.hardware_concurrency)
        if case.caches == "warm":
            _fill_caches(page, url, job, patience + downloads_s)
        before = (len(visit.served()), len(visit.turns))
        page.open(url)
        network_presets.shape(page, case.link)
        threads = case.threads if case.backend == "wasm" else 1
        processes = page_process.processes_of(target, browser)
        recorded_page = page_process.RecordedPage(page, processes, block, threads, traces)
        with page_recorders.recording(target, recorded_page) as recorded:
            with (
                gpu_process.watched(browser.address, case.backend) as gpu,
                waiting(block.rule, patience, downloads_s=downloads_s) as seconds,
            ):
                answer = page_sampling.answer_of(
                    page,
                    job.model_dump_json(),
                    recorded.paused,
                    timeout=seconds,
                    what=f"The page on {target.info.id}",
                )
                measured = gpu.noted(parse_answer(answer, case))
            process.look()
    log = visit.served()
    path = downloads.path_of(target.info, case)
    answered = with_downloads(measured, path, case, log[before[0] :], visit.turns[before[1] :])
    measurement = recorded.completed(complete(answered, browser, log, page_case, process))
    around = (time.monotonic() - began) * 1000 - measurement.measured_ms
    return BlockResult(measurement, {"launch": max(around, 0.0)})


def _fill_caches(page: Page, url: str, job: Job, patience: float) -> None:
    """Let the page run its setup beforehand, so that the browser fills its caches."""
    rule = BlockRule(min_predictions=1, max_predictions=1, max_seconds=1)
    once = job.model_copy(update={"rule": rule, "pass_": "timing"})
    for _ in range(PRIMING_VISITS):
        page.open(url)
        page.evaluate(
            f"mobilebench.run({once.model_dump_json()})", timeout=patience, what="The page that fills the caches"
        )
        page.open("about:blank")


def with_downloads(
    measurement: Measurement, path: DownloadPath, case: Case, log: list[Served], turns: list[float]
) -> Measurement:
    """The measurement, with the page server's data added to each download that the page reports."""
    proof = measurement.proof.model_copy(
        update={
            "downloads": downloads.joined(measurement.proof.downloads, log),
            "download_turns_ms": [seconds * 1000 for seconds in turns],
            "download_path": path,
            "caches_asked": case.caches,
        }
    )
    return measurement.model_copy(update={"proof": proof})


def patience_s(rule: BlockRule, setup_patience_s: float) -> float:
    """Seconds after which a page that has not answered is given up; enough for a slow phone."""
    return setup_patience_s + 2 * rule.max_seconds + PREDICTION_PATIENCE_S * rule.min_predictions


def parse_answer(answer: Any, case: Case) -> Measurement:
    """Parse the measurement in a page's answer. It is not trusted: JSON text of limited size with known fields.

    Raises:
        Unsupported: the page reports that the case cannot run there.
        BlockFailed: the page reports a failure, or the answer is not a measurement of this case.
    """
    if not isinstance(answer, str) or len(answer) > ANSWER_LIMIT:
        words = f"The page on {case.target} answered something else than a measurement."
        raise BlockFailed(words, fault="bad answer")
    try:
        measurement = Measurement.model_validate_json(answer)
    except ValidationError as error:
        words = f"The page on {case.target} answered no valid measurement: {first_problem(error).sentence()}."
        raise BlockFailed(words, fault="bad answer") from error
    subject = f"{case.way} with {case.model}"
    if measurement.status == "unsupported":
        raise Unsupported(f"{subject}: {measurement.reason or 'the page gives no reason'}")
    if measurement.status == "error":
        words = f"{subject} failed in the page on {case.target}: {measurement.reason or 'no reason given'}"
        raise BlockFailed(words, fault=measurement.fault or "page error")
    if measurement.trace is not None:
        words = f"The page on {case.target} answered with a trace, which only its browser can tell of."
        raise BlockFailed(words, fault="bad answer")
    if measurement.engine != case.engine or not measurement.warmup_ms or not measurement.prediction_ms:
        raise BlockFailed(f"The page on {case.target} answered without having measured {subject}.", fault="bad answer")
    return measurement


def page_server() -> PageServer:
    """This process's page server, started when it is first needed and closed when the process ends."""
    from mobilebench.browsers.server import PageServer

    global _server
    with _server_lock:
        if _server is None:
            _server = PageServer(paths.web_pages())
            atexit.register(close)
        return _server


def close() -> None:
    """Close the page server; it starts again when it is needed."""
    global _server
    with _server_lock:
        if _server is not None:
            atexit.unregister(close)
            _server.close()
            _server = None


def _reason_against_browser(target: TargetInfo, name: str) -> str | None:
    if not names.is_name(name):
        return f"there is no browser {name}"
    if name in target.unusable_browsers:
        return f"{target.unusable_browsers[name]} ({target.id})"
    if name not in target.browsers and "browsers" in target.unknown:
        return f"it is not known whether {names.title(name)} is on {target.id}: {target.unknown['browsers']}"
    if name not in target.browsers:
        return f"there is no {names.title(name)} on {target.id}{_how_to_have(name) if target.kind == 'host' else ''}"
    return None


def _how_to_have(name: str) -> str:
    if name in names.FAMILIES:
        return f" (install it, or name its program in MOBILEBENCH_{name.upper()})"
    return f" (name its program: --browser-path {name}=PATH)"


@contextmanager
def _cleared(page: Page, origin: str, wanted: bool) -> Iterator[None]:
    """On leaving, remove the data that a browser that stays open keeps for this origin, and for no other."""
    try:
        yield
    finally:
        if wanted and "clear origin" in page.capabilities:
            with suppress(BlockFailed):
                page.clear_origin(origin)


def _reason_against_gpu(target: TargetInfo, gpu: str) -> str | None:
    if gpu == "software":
        known = target.kind == "host" or target.gpu_software
        return None if known else f"{target.id} has no software GPU: a phone's browser uses the GPU that is there"
    if gpu in ("integrated", "discrete") and target.kind == "android":
        return "a phone has one GPU: there is none to choose"
    if target.gpu_software:
        return f"{target.id} has no GPU of its own ({target.gpu or 'pictures are drawn by the CPU'})"
    if target.gpu is None and target.kind == "host":
        return f"no GPU was found on {target.id}"
    return None


def format_file(files: ModelFiles, model_format: Format) -> FormatFile:
    """The model in this format. All its files exist.

    Raises:
        Unsupported: the model was not built in this format.
        BlockFailed: a file is missing.
    """
    entry = files.manifest.formats.get(model_format)
    if entry is None:
        raise Unsupported(f"{files.missing(model_format)}.")
    for name in (entry.path, *entry.parts):
        if not (files.folder / name).is_file():
            raise BlockFailed(
                f"A file of model {files.manifest.model} is missing: {files.folder / name}",
                hint="Build it again with `mobilebench models build`.",
            )
    return entry


def page_job(block: PlannedBlock, files: ModelFiles, entry: FormatFile, samples: int = SAMPLES) -> Job:
    """The job that the bench page gets to measure this block."""
    case, manifest = block.case, files.manifest
    parts_folder = PurePosixPath(entry.path).parent
    inputs = [
        InputJob(
            name=spec.name,
            format_name=entry.inputs[spec.name],
            dtype=entry.input_dtypes.get(spec.name, spec.dtype),
            shape=spec.shape,
            fill=spec.fill,
            position=position,
        )
        for position, spec in enumerate(manifest.inputs)
    ]
    return Job(
        engine=case.engine,
        backend=case.backend,
        wasm_build=case.wasm_build,
        gpu=case.gpu,
        device_type=case.device_type,
        threads=case.threads,
        rule=block.rule,
        pass_=block.pass_,
        loader=case.loader,
        samples=samples,
        answer="first" if behaviour.of(manifest).stateful else "last",
        model=ModelJob(
            file=f"model/{entry.path}",
            parts={str(PurePosixPath(part).relative_to(parts_folder)): f"model/{part}" for part in entry.parts},
            inputs=inputs,
            outputs=[OutputJob(name=name, format_name=entry.outputs[name]) for name in manifest.outputs],
        ),
    )


def complete(
    measurement: Measurement,
    browser: BrowserHandle,
    log: list[Served],
    page_case: PageCase,
    process: renderers.RendererCheck | None = None,
) -> Measurement:
    """Add what the page cannot know: which files the server really sent, and how the browser was started."""
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
            "simd": not all(Path(name).name in _WITHOUT_SIMD for name in loaded) if loaded else None,
            "browser_version": browser.version,
            "browser_program": browser.program,
            "renderer_process": renderer.pid if renderer else None,
            "renderer_fresh": renderer.fresh if renderer else None,
            "flags": list(browser.flags),
            "hardware_concurrency_overridden": page_case.hardware_concurrency is not None,
            "notes": [*measurement.proof.notes, *unused_notes, *doubts, *browser.notes],
        }
    )
    return measurement.model_copy(update={"proof": proof})


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
