"""A run on this computer, three real phones with two SoCs, and a virtual phone; all values are made up."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from mobilebench.core.records import Block, Conditions, PlannedBlock, Run, TargetInfo
from tests.analysis import example


def phone(serial: str, profile: str, soc: str, gpu: str) -> TargetInfo:
    made = example.PHONES[0]
    changed = {"id": serial, "virtual": False, "machine": serial, "name": f"Phone {serial}", "profile": profile}
    return made.model_copy(update={**changed, "soc": soc, "profile_soc": soc, "gpu": gpu, "gpu_software": False})


REAL = (
    phone("A1", "snapdragon-8-gen-2", "Snapdragon 8 Gen 2", "Adreno (TM) 740"),
    phone("A2", "snapdragon-8-gen-2", "Snapdragon 8 Gen 2", "Adreno (TM) 740"),
    phone("B1", "tensor-g3", "Tensor G3", "Mali-G715"),
)
SPEED = {"host": 1.0, "A1": 2.0, "A2": 3.0, "B1": 4.0, example.PHONES[0].id: 1.5}
"""Target to the factor on its times."""


def phones_run(
    rounds: int = 3, conditions: Mapping[str, Conditions] | None = None, versions: Mapping[str, str] | None = None
) -> Run:
    """Every target runs tflite and tfjs; `conditions` and `versions` (of the engines) are by target."""
    rng = random.Random(3)
    targets = [example.host(), *REAL, example.PHONES[0]]
    planned: list[PlannedBlock] = []
    blocks: list[Block] = []
    for number in range(1, rounds + 1):
        for target in targets:
            for engine, choice in (("tflite", "xnnpack"), ("tfjs", "simd-threads")):
                for model in ("mobilenet_v2", "bert_small"):
                    case = example.case(target.id, engine, choice, model)
                    plan = PlannedBlock(
                        index=len(planned),
                        round=number,
                        case=case,
                        rule=example.RULE,
                        conditions=(conditions or {}).get(target.id, Conditions()),
                    )
                    shape = example.SHAPES[engine, example.choice_of(case)]
                    scale = SPEED[target.id] * (0.5 if model == "bert_small" else 1.0)
                    shape = replace(shape, prediction=shape.prediction * scale)
                    answer = example.measurement(case, shape, rng)
                    if version := (versions or {}).get(target.id):
                        answer = answer.model_copy(update={"version": version})
                    planned.append(plan)
                    blocks.append(example.measured(plan, answer))
    return Run(info=example.info(targets), planned=planned, blocks=blocks)
