"""EXAMPLE DATA, made up: runs of pages that are used while an engine infers in them. No number was ever measured."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.axes import NO_BACKEND, NO_MODEL, PAGE
from mobilebench.core.page_quality import Inferring, Mark, PresentedFrames, ScenarioResult, Void
from mobilebench.core.records import Block, Case, PlannedBlock, Run, TargetInfo, Verdict
from tests.analysis import example, study
from tests.scenarios import made

SECONDS = 10


def used(of: Case, scenario: str, *, duty: int = 50, place: str = "main") -> Case:
    """A case during a scenario."""
    return replace(of, scenario=scenario, duty=duty, place=place)


def baseline(scenario: str, *, target: str = "host", browser: str = "chrome") -> Case:
    """The page without inference."""
    return Case(
        target=target,
        engine=PAGE,
        backend=NO_BACKEND,
        threads=1,
        browser=browser,
        model=NO_MODEL,
        scenario=scenario,
        duty=0,
    )


WASM = study.web("tfjs", "simd-threads")
ORT = study.web("ortjs", "simd-threads")
WEBGL = study.gpu("tfjs", "webgl", "integrated")


@dataclass(frozen=True)
class Used:
    """What one block shows."""

    fps: float | None = 60.0
    """Frames per second of the page; of the video too, if `video` is not stated."""
    runs: float | None = None
    """Runs per minute; None: the scenario has none."""
    video: float | None = None
    ms: float | None = 20.0
    """Time of an inference; None: nothing inferred."""
    duty: float = 50.0
    """The duty that was reached."""
    status: str = "valid"
    presented: float | None = field(default=None, repr=False)
    """Frames per second that the browser displayed; None: it was not traced."""


def result(scenario: str, of: Used, seconds: int = SECONDS) -> ScenarioResult:
    """The raw values of a page that was used like this."""
    starts = _evenly(1000 / (of.ms / of.duty * 100), seconds) if of.ms else []
    fields: dict[str, Any] = {
        "scenario": scenario,
        "address": scenario,
        "seconds": seconds,
        "duration_ms": seconds * 1000.0,
        "frames_ms": _evenly(of.fps or 0.0, seconds),
        "marks": [Mark(name=name, at_ms=at) for name, at in (("setup", 0), ("warmup", 900), ("prediction", 1500))]
        if of.ms
        else [],
        "inferring": Inferring(start_ms=starts) if of.ms else Void(reason="nothing inferred in the page"),
    }
    if of.runs:
        fields["runs"] = [made.run(n * 2000.0, 30_000 / of.runs, 30_000 / of.runs) for n in range(3)]
    if of.video is not None:
        fields["video"] = made.video(frames_ms=_evenly(of.video, seconds))
    if of.presented is not None:
        times = _evenly(of.presented, seconds)
        fields["presented"] = PresentedFrames(displayed_ms=times, own=made.NOT_HERE, trace_bytes=1)
    return made.result(**fields)


def _evenly(per_second: float, seconds: int) -> list[float]:
    return [n * 1000 / per_second for n in range(round(per_second * seconds))] if per_second else []


Rounds = Sequence[Used | str]
"""What each round shows, or the reason why the block is unsupported."""


def run(cases: Mapping[Case, Rounds], targets: Sequence[TargetInfo] = ()) -> Run:
    """A run with these blocks; a case without a scenario is a plain one, of which only `ms` matters."""
    blocks: list[Block] = []
    for case, rounds in cases.items():
        for number, one in enumerate(rounds, 1):
            plan = PlannedBlock(index=len(blocks), round=number, case=case, rule=example.RULE)
            if isinstance(one, str):
                blocks.append(example.unmeasured(plan, "unsupported", one))
                continue
            found = result(case.scenario, one) if case.has_scenario else None
            count = len(found.inferring.start_ms) if found and isinstance(found.inferring, Inferring) else 3
            answer = example.measurement(case, study.SHAPE, random.Random(1)).model_copy(
                update={"prediction_ms": [one.ms] * count if one.ms else [], "warmup_ms": [], "setup_ms": {}}
            )
            block = example.measured(plan, answer, verdict=Verdict(status=one.status))
            blocks.append(block.model_copy(update={"scenario": found}))
    info = example.info(targets or [example.host()])
    return Run(info=info, planned=[block.planned for block in blocks], blocks=blocks)


def summary(cases: Mapping[Case, Rounds], targets: Sequence[TargetInfo] = ()) -> RunSummary:
    return summarise(run(cases, targets))


def rounds(of: Used, count: int = 5, spread: float = 0.01) -> list[Used]:
    """The same page in several rounds, with a little noise that is the same in every run."""
    noise = random.Random(f"{of}")

    def near(value: float | None) -> float | None:
        return value * noise.uniform(1 - spread, 1 + spread) if value else value

    return [
        replace(of, fps=near(of.fps), runs=near(of.runs), video=near(of.video), ms=near(of.ms)) for _ in range(count)
    ]


def whole_run() -> Run:
    """Three scenarios with a baseline each, three ways to infer, and cases that fall out for every reason."""
    interaction, typing, video = "interaction", "typing", "video"
    cases: dict[Case, Rounds] = {
        baseline(interaction): rounds(Used(60.0, 142.0, ms=None)),
        baseline(video): rounds(Used(60.0, video=30.0, ms=None)),
        baseline(typing): rounds(Used(60.0, ms=None)),
        WASM: rounds(Used(ms=18.0)),
        used(WASM, interaction): rounds(Used(41.0, 93.0, ms=25.0)),
        used(WASM, video): rounds(Used(44.0, video=23.8, ms=24.0)),
        used(WASM, video, duty=25): rounds(Used(58.0, video=28.5, ms=23.0, duty=26.0)),
        used(WASM, video, place="worker"): rounds(Used(59.0, video=29.3, ms=31.0)),
        used(ORT, interaction): rounds(Used(48.0, 118.0, ms=16.0)),
        used(ORT, interaction, place="worker"): rounds(Used(59.0, 137.0, ms=19.0)),
        used(ORT, video): rounds(Used(52.0, video=27.4, ms=15.0), spread=0.06),
        used(WEBGL, interaction): rounds(Used(24.0, 87.0, ms=60.0, duty=43.0)),
        used(WEBGL, video): [*rounds(Used(20.0, video=11.2, ms=64.0), 4), Used(status="invalid")],
        used(replace(ORT, model="bert_small"), typing): rounds(Used(52.7, ms=40.0)),
        used(replace(WASM, model="bert_small"), typing): ["tfjs has no kernel for Einsum on wasm."],
    }
    return run(cases)
