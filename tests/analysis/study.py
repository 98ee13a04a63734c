"""EXAMPLE DATA, made up: runs with given times, for the tables of the study. No number in it was ever measured."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Block, Case, Kernel, PlannedBlock, Run, TargetInfo, Verdict
from tests.analysis import example

SHAPE = example.SHAPES["tfjs", "simd"]


def web(engine: str, build: str, *, model: str = "mobilenet_v2", browser: str = "chrome", target: str = "host") -> Case:
    """A WebAssembly case: builds with threads have two."""
    threads = 2 if "threads" in build else 1
    return Case(
        target=target, engine=engine, backend="wasm", wasm_build=build, threads=threads, browser=browser, model=model
    )


def gpu(engine: str, backend: str, choice: str, *, model: str = "mobilenet_v2", target: str = "host") -> Case:
    return Case(target=target, engine=engine, backend=backend, gpu=choice, threads=1, browser="chrome", model=model)


def native(engine: str, *, backend: str = "cpu", model: str = "mobilenet_v2", target: str = "host") -> Case:
    delegate = "xnnpack" if (engine, backend) == ("tflite", "cpu") else None
    return Case(target=target, engine=engine, backend=backend, delegate=delegate, threads=2, model=model)


Times = Mapping[Case, Sequence[float] | str]
"""Case to its prediction (ms) in each round, or to the reason why it is unsupported."""


def summary(
    times: Times,
    targets: Sequence[TargetInfo] = (),
    *,
    suspect: Sequence[Case] = (),
    kernels: Mapping[Case, Mapping[str, tuple[float, float]]] | None = None,
    of_another_shape: Sequence[Case] = (),
) -> RunSummary:
    """The summary of a run in which setup takes 100 and warmup twice as long as a prediction.

    `kernels`: case to its kernels, with their milliseconds in a prediction and in the first inference.
    `of_another_shape`: cases whose answer has another shape than that of all others.
    """
    blocks: list[Block] = []
    for case, values in times.items():
        for number, value in enumerate([values] if isinstance(values, str) else values, 1):
            plan = PlannedBlock(index=len(blocks), round=number, case=case, rule=example.RULE)
            if isinstance(value, str):
                blocks.append(example.unmeasured(plan, "unsupported", value))
                continue
            answer = example.measurement(case, SHAPE, random.Random(1)).model_copy(
                update={"setup_ms": {"model_init": 100.0}, "warmup_ms": [2 * value], "prediction_ms": [value]}
            )
            if case in of_another_shape:
                answer = answer.model_copy(update={"output": [example.output(case.model, 7)]})
            verdict = Verdict(status="suspect" if case in suspect else "valid")
            blocks.append(example.measured(plan, answer, verdict=verdict))
    for case, named in (kernels or {}).items():
        plan = PlannedBlock(index=len(blocks), round=1, case=case, rule=example.RULE, pass_="kernels")
        found = [Kernel(name=name, warmup_ms=first, times_ms=[ms]) for name, (ms, first) in named.items()]
        answer = example.measurement(case, SHAPE, random.Random(1))
        blocks.append(example.measured(plan, answer.model_copy(update={"pass_": "kernels", "kernels": found})))
    plans = [block.planned for block in blocks]
    return summarise(Run(info=example.info(targets or [example.host()]), planned=plans, blocks=blocks))


def phone() -> TargetInfo:
    """A phone that is not virtual."""
    return example.PHONES[0].model_copy(update={"id": "phone", "virtual": False, "soc": "Snapdragon 8 Gen 2"})


def on(target: str, case: Case) -> Case:
    return replace(case, target=target)
