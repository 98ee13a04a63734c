"""Shared by the web engines: open a page, send it a job, and return the measurement that it answers."""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Event, Lock
from typing import TYPE_CHECKING

from mobilebench.browsers import browser_processes, chrome, firefox, names
from mobilebench.browsers.connect import open_page
from mobilebench.browsers.page import Page, imitate_network
from mobilebench.core import paths
from mobilebench.core.axes import NODE, seconds_over_link
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule, Case, PlannedBlock, TargetInfo
from mobilebench.engines import page_answer, page_process, page_recorders, page_sampling
from mobilebench.engines.base import Backend, BlockResult, PreparedCase
from mobilebench.engines.page_messages import InputJob, Job, ModelJob, OutputJob
from mobilebench.engines.time_limit import too_slow_is_unsupported, waiting
from mobilebench.models import behaviour
from mobilebench.models.manifest import Format, FormatFile, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.recorders import registry
from mobilebench.targets.base import Target

if TYPE_CHECKING:
    from mobilebench.browsers.server import PageServer
    from mobilebench.models.manifest import Format

DEFAULT_BROWSER = "chrome"
SETUP_PATIENCE_S = 120.0
PREDICTION_PATIENCE_S = 20.0
PRIMING_VISITS = 2
"""Visits that warm the caches: a browser keeps files from the first visit on, compiled code from the second on."""
LARGEST_FRAMEWORK = 30_000_000
"""Largest size of a framework's files, in bytes."""

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
    if case.browser != NODE and (reason := _reason_against_browser(target, case.browser or DEFAULT_BROWSER)):
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
        Unsupported: the model was not built in this format.
        BlockFailed: a file of the model is missing.
        BadInput: the pages have not been built.
    """
    entry = format_file(files, page_case.model_format)
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
    downloads_s = (1 + server.open_visits) * seconds_over_link(case.link, LARGEST_FRAMEWORK + entry.bytes)
    with (
        too_slow_is_unsupported(),
        server.visit(
            served,
            encoding=case.encoding,
            cacheable=case.caches == "warm",
            isolated=case.isolation == "isolated",
        ) as visit,
        target.browser(browser_name, (*page_case.flags, *for_pass), headed=block.conditions.headed) as browser,
        target.reverse(server.port) as origin,
        browser_processes.renderer_checked(browser.address, on_phone) as process,
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
        imitate_network(page, case.link)
        threads = case.threads if case.backend == "wasm" else 1
        processes = page_process.processes_of(target, browser)
        if registry.reads_processes(block):
            prepared.processes.are(processes.measuring())
        recorded_page = page_process.RecordedPage(page, processes, block, threads, traces)
        with page_recorders.recording(target, recorded_page) as recorded:
            with (
                browser_processes.gpu_checked(browser.address, case.backend) as gpu,
                waiting(block.rule, patience, downloads_s=downloads_s) as seconds,
            ):
                answer = page_sampling.answer_of(
                    page,
                    job.model_dump_json(),
                    recorded.paused,
                    timeout=seconds,
                    what=f"The page on {target.info.id}",
                )
                measured = gpu.noted(page_answer.parse_answer(answer, case))
            process.look()
            if measured.proof.visible is False and (reason := browser.hidden()):
                raise reason
    log = visit.served()
    path = page_answer.download_path(target.info, case)
    answered = page_answer.with_downloads(measured, path, case, log[before[0] :], visit.turns[before[1] :])
    measurement = recorded.completed(
        page_answer.complete(
            answered, browser, log, cores_overridden=page_case.hardware_concurrency is not None, process=process
        )
    )
    around = (time.monotonic() - began) * 1000 - measurement.measured_ms
    return BlockResult(measurement, {"launch": max(around, 0.0)}, recorded.series)


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


def patience_s(rule: BlockRule, setup_patience_s: float) -> float:
    """Seconds after which a page that has not answered is given up; enough for a slow phone."""
    return setup_patience_s + 2 * rule.max_seconds + PREDICTION_PATIENCE_S * rule.min_predictions


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
def _cleared(page: Page, origin: str, enabled: bool) -> Iterator[None]:
    """On leaving, remove the data that a browser that stays open keeps for this origin, and for no other."""
    try:
        yield
    finally:
        if enabled and "clear origin" in page.capabilities:
            with suppress(BlockFailed):
                page.clear_origin(origin)


def _reason_against_gpu(target: TargetInfo, gpu: str) -> str | None:
    if gpu == "software":
        known = target.kind == "host" or target.gpu_software
        return None if known else f"{target.id} has no software GPU: a phone's browser uses the GPU that is there"
    if gpu in ("integrated", "discrete") and target.kind == "android":
        return "a phone has one GPU, so there is none to choose"
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
