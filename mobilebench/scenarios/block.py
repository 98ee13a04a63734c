"""A block of a run in which a page is used as a person uses it, while a model infers in it or while nothing does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Literal

from mobilebench.browsers import chrome, names
from mobilebench.browsers.server import PageServer
from mobilebench.core.axes import AXES, NO_SCENARIO, NODE
from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from mobilebench.core.page_quality import Inferring, LeadIn, Mark, PageState, Void
from mobilebench.core.records import MEASUREMENT_SCHEMA, Case, FileProof, Measurement, PlannedBlock, Proof, TargetInfo
from mobilebench.engines import page_process, web
from mobilebench.engines.base import Backend, BlockResult, Engine, PreparedCase
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.recorders import registry
from mobilebench.scenarios import measuring, probe
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.injection import loads
from mobilebench.scenarios.injection.foreign_page import ForeignPage
from mobilebench.scenarios.injection.inference import InjectedInference, Load, injected
from mobilebench.scenarios.injection.messages import InjectedAnswer
from mobilebench.scenarios.injection.opening import foreign_page
from mobilebench.scenarios.measuring import OpenPage, Recorded
from mobilebench.scenarios.messages import ProbeAnswer, ProbeOptions
from mobilebench.scenarios.registry import scenario_of
from mobilebench.scenarios.scenario import Scenario
from mobilebench.targets.base import BrowserHandle, Target

_PUT_INTO_THE_PAGE = ("caches", "link", "loader", "encoding")
"""Axes of what a page downloads. In a scenario the engine's files come over the connection to the browser."""


@dataclass(frozen=True)
class PreparedScenario(PreparedCase):
    """A block whose page can be opened."""

    scenario: Scenario
    server: PageServer
    load: Load | None
    """What infers in the page; None where nothing does."""
    flags: tuple[str, ...]
    """Flags that the browser needs."""


class ScenarioEngine:
    """An engine of pages within a scenario; see `engines.base.Engine`."""

    kind: Literal["web"] = "web"
    claims_machine = True
    why_no_kernels: str | None = "a page that is used is only timed"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def description(self) -> str:
        return self._engine.description

    @property
    def backends(self) -> tuple[Backend, ...]:
        return self._engine.backends

    @property
    def format(self) -> Format | None:
        return self._engine.format

    @property
    def start_seconds(self) -> float:
        return self._engine.start_seconds

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        if self._engine.kind != "web":
            return AXES["scenario"].why_not.format(engine=case.engine, value=case.scenario)
        return self._engine.supports(target, case) or _reason_against(case)

    def prepare(self, target: Target, block: PlannedBlock, files: ModelFiles) -> PreparedScenario:
        """Find the scenario's page, and start the page server.

        Raises:
            Unsupported: the engine cannot take the model, or the scenario lacks a file.
            BadInput: the scenario's file does not exist, or the pages have not been built.
        """
        scenario = scenario_of(block.case.scenario)
        if block.case.isolation == "none":
            scenario = replace(scenario, isolated=False)
        load, flags = (None, ()) if block.case.is_baseline else loads.load_of(block.case, target.info, files)
        flags = _drawn_alike(target.info, block.case, flags)
        return PreparedScenario(target, block, files, {}, scenario, web.page_server(), load, flags)

    def measure(
        self,
        prepared: PreparedScenario,
        *,
        cancel: Event,
        samples: int = SAMPLES,  # noqa: ARG002 - the injected script says how much of its output it keeps
        traces: Path | None = None,  # noqa: ARG002 - a scenario is only timed
    ) -> BlockResult:
        """Use the page for the block's seconds.

        Raises:
            Unsupported: the browser or the engine cannot do this.
            BlockFailed: the page or the engine failed; the failures of a page have names.
        """
        began = time.monotonic()
        with _outcomes_named():
            found = (
                _without_inference(prepared, cancel)
                if prepared.load is None
                else _with_inference(prepared, prepared.load, cancel)
            )
        around = (time.monotonic() - began) * 1000 - found.measurement.measured_ms
        return replace(found, spent_ms={"launch": max(around, 0.0)})


def _drawn_alike(info: TargetInfo, case: Case, flags: tuple[str, ...]) -> tuple[str, ...]:
    """The flags with those that choose the GPU of this computer's Chrome, where the case leaves it open.

    They also decide how Chrome draws the page. So a page is drawn in the same way without inference, while WebAssembly
    computes, and while the GPU does.
    """
    browser = case.browser or web.DEFAULT_BROWSER
    if info.kind != "host" or case.gpu or names.family(browser) != "chrome":
        return flags
    return (*flags, *(chrome.SOFTWARE_GPU if info.gpu_software else chrome.HARDWARE_GPU))


def _reason_against(case: Case) -> str | None:
    """Why a page of this scenario cannot be used in this case; None when nothing is known against it."""
    browser = case.browser or web.DEFAULT_BROWSER
    if browser == NODE:
        return "Node shows no page that could be used"
    if not case.is_baseline and not case.duty:
        return f"{case.engine} infers for a share of the time above 0 %; with a duty of 0 the page is engine `page`"
    for name in _PUT_INTO_THE_PAGE:
        axis, value = AXES[name], getattr(case, name)
        if value != axis.default:
            return f"the page of a scenario does not download the engine, so there is no {axis.title} {value}"
    if case.scenario == NO_SCENARIO:
        return "no scenario was chosen"
    try:
        scenario_of(case.scenario)
    except (BadInput, Unsupported) as error:
        return error.text_with_hint
    return None


@contextmanager
def _outcomes_named() -> Iterator[None]:
    """Begin the message of a page's failure with its name, which says more than `page error` and `bad answer`."""
    try:
        yield
    except ScenarioFailed as error:
        fault = None if error.fault in ("page error", "bad answer") else error.fault
        raise BlockFailed(f"{error.outcome}: {error.message}", hint=error.hint, fault=fault) from error


def _without_inference(prepared: PreparedScenario, cancel: Event) -> BlockResult:
    block, scenario = prepared.block, prepared.scenario
    browser_name = block.case.browser or web.DEFAULT_BROWSER
    headed = block.conditions.headed
    with measuring.opened(
        prepared.target,
        scenario,
        browser_name,
        prepared.server,
        flags=prepared.flags,
        headed=headed,
        cancel=cancel,
    ) as page:
        _tell_processes(prepared, page.browser)
        isolated = page.page.evaluate("crossOriginIsolated", timeout=probe.ANSWER_SECONDS, apart=True) is True
        watch = measuring.watched(page, scenario, block.rule.max_seconds, traced=block.conditions.frame_trace)
        recorded = watch.added(measuring.record(page, scenario, block.rule.max_seconds))
        proof = _of_browser(Proof(cross_origin_isolated=isolated), page.browser, recorded)
    measurement = Measurement(
        schema_=MEASUREMENT_SCHEMA, status="ok", engine=block.case.engine, proof=proof, pass_=block.pass_
    )
    return BlockResult(measurement, scenario=recorded.result)


def _with_inference(prepared: PreparedScenario, load: Load, cancel: Event) -> BlockResult:
    target, block, scenario = prepared.target, prepared.block, prepared.scenario
    case, browser_name = block.case, block.case.browser or web.DEFAULT_BROWSER
    headed = block.conditions.headed
    with (
        measuring.visited(
            target, scenario, browser_name, prepared.server, flags=prepared.flags, headed=headed
        ) as there,
        foreign_page(there.browser.address, cancel=cancel, stays=there.on_phone) as foreign,
        there.cleared(foreign.page),
    ):
        _open(foreign, there.address, isolate=_isolates(case, scenario))
        _tell_processes(prepared, there.browser)
        notes = measuring.ready(foreign.page, scenario)
        dialogs = len(foreign.dialogs)
        probe.begin(foreign.page, ProbeOptions(video=scenario.video))
        with injected(foreign, load, "worker" if case.place == "worker" else "main") as inference:
            before = probe.end(foreign.page)
            page = OpenPage(foreign.page, there.browser, there.visit, notes, target)
            watch = measuring.watched(page, scenario, block.rule.max_seconds, traced=block.conditions.frame_trace)
            recorded = measuring.record(
                page,
                scenario,
                block.rule.max_seconds,
                begin=lambda: inference.begin(float(case.duty or 0)),
            )
            answer = inference.finish()
            recorded = watch.added(recorded)
        foreign.check()
        if len(foreign.dialogs) > dialogs:
            raise ScenarioFailed("dialog", f"The page showed a dialog while it was used: {foreign.dialogs[-1]}.")
        files = _loaded(answer.proof.files, inference.sha256, load)
        proof = _of_browser(answer.proof.model_copy(update={"files": files}), there.browser, recorded)
    result = recorded.result.model_copy(
        update={
            "inferring": _inferring(answer, inference, recorded),
            "lead_in": _lead_in(before, inference.prepared, recorded),
        }
    )
    return BlockResult(_measurement(answer, proof, block), scenario=result)


def _tell_processes(prepared: PreparedScenario, browser: BrowserHandle) -> None:
    """Tell recorders the processes of the open page, if they read them."""
    if registry.reads_processes(prepared.block):
        prepared.processes.are(page_process.processes_of(prepared.target, browser).measuring())


def _isolates(case: Case, scenario: Scenario) -> bool:
    """Whether the page's documents are answered as isolated ones: where threads need it and its server does not."""
    return (case.wasm_build or "").endswith("threads") and case.isolation != "none" and not scenario.isolated


def _open(foreign: ForeignPage, address: str, *, isolate: bool) -> None:
    opened = foreign.open(address, isolate=isolate, timeout=measuring.LOAD_SECONDS)
    if opened.redirected:
        raise ScenarioFailed(
            "redirected",
            f"The address leads to another page: {opened.url[:300]}.",
        )
    if opened.dialogs:  # as where nothing infers, so that a page is measured in both cases or in none
        raise ScenarioFailed("dialog", f"The page showed a dialog while it loaded: {opened.dialogs[-1]}.")


def _of_browser(proof: Proof, browser: BrowserHandle, recorded: Recorded) -> Proof:
    """The proof with what only browser and probe know. A page that was hidden is no result, so it was visible."""
    update = {
        "browser_version": browser.version,
        "browser_program": browser.program,
        "flags": list(browser.flags),
        "visible": True,
        "focused": recorded.focused,
        "notes": [*proof.notes, *browser.notes],
    }
    return proof.model_copy(update=update)


def _loaded(instantiated: list[FileProof], put: Mapping[str, str], load: Load) -> list[FileProof]:
    """The WebAssembly binaries that ran, under the names with which they were put into the page; then all other files.

    A page that cannot hash reports only a binary's length.
    """
    sizes = {name: (load.files.get(name) or load.pages / name).stat().st_size for name in put}
    binaries = [name for name in put if name.endswith(".wasm")]

    def name_of(binary: FileProof) -> str:
        like = (
            name
            for name in binaries
            if (sizes[name] == binary.bytes if binary.sha256 is None else put[name] == binary.sha256)
        )
        return next(like, "a WebAssembly binary that was not put into the page")

    others = (
        FileProof(name=name, sha256=sha256, bytes=sizes[name]) for name, sha256 in put.items() if name not in binaries
    )
    return [*(one.model_copy(update={"name": name_of(one)}) for one in instantiated), *others]


def _measurement(answer: InjectedAnswer, proof: Proof, block: PlannedBlock) -> Measurement:
    return Measurement(
        schema_=MEASUREMENT_SCHEMA,
        status="ok",
        engine=answer.engine,
        version=answer.version,
        proof=proof,
        setup_ms=answer.setup_ms,
        warmup_ms=[] if answer.warmup_ms is None else [answer.warmup_ms],
        prediction_ms=answer.inference_ms,
        pass_=block.pass_,
        output=answer.output,
    )


def _lead_in(before: ProbeAnswer, prepared: InjectedAnswer, recorded: Recorded) -> LeadIn:
    """The frames before the page was used, with the moments of setup and first inference by the page's clock."""
    marks: list[Mark] = []
    if prepared.warmup_start_ms is not None and prepared.warmup_ms is not None:
        warmup = prepared.warmup_start_ms - before.began_ms
        moments = {
            "setup": warmup - sum(prepared.setup_ms.values()),
            "warmup": warmup,
            "ready": warmup + prepared.warmup_ms,
        }
        marks = [Mark(name=name, at_ms=max(0.0, at)) for name, at in moments.items()]
    return LeadIn(
        before_ms=max(0.0, recorded.began_ms - before.began_ms),
        duration_ms=before.duration_ms,
        frames_ms=before.frames_ms,
        marks=marks,
    )


def _inferring(answer: InjectedAnswer, inference: InjectedInference, recorded: Recorded) -> Inferring | Void:
    """When the page inferred, by the clock of the recording."""
    if any(at < recorded.began_ms for at in answer.inference_start_ms):
        return Void(reason="the page says that it inferred before it was asked to")
    return Inferring(
        start_ms=[at - recorded.began_ms for at in answer.inference_start_ms],
        states=[
            PageState(at_ms=max(0.0, one.at_ms - recorded.began_ms), visible=one.visible, focused=one.focused)
            for one in answer.states
        ],
        scripts_sha256=inference.sha256,
        left_behind=inference.taken_away,
    )
