from __future__ import annotations

import random

import pytest

from mobilebench.analysis.device_spread import DeviceSpread, device_spreads
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import PlannedBlock, Run, TargetInfo
from tests.analysis import example


def device(name: str, *, virtual: bool = False) -> TargetInfo:
    return example.PHONES[0].model_copy(update={"id": name, "name": name, "virtual": virtual, "soc": "S"})


A, B, C = device("a"), device("b"), device("c")


def spreads(times: list[tuple[TargetInfo, dict[str, float]]]) -> tuple[DeviceSpread, ...]:
    """Spreads of tflite, from predictions by device and model."""
    plans, blocks = [], []
    for info, models in times:
        for model, value in models.items():
            of = example.case(info.id, "tflite", "xnnpack", model=model)
            plans.append(PlannedBlock(index=len(plans), round=1, case=of, rule=example.RULE))
            made = example.measurement(of, example.SHAPES["tflite", "xnnpack"], random.Random(1))
            blocks.append(example.measured(plans[-1], made.model_copy(update={"prediction_ms": [value]})))
    infos = [info for info, _ in times]
    return device_spreads(summarise(Run(info=example.info(infos), planned=plans, blocks=blocks)))


def test_the_mean_of_a_device_is_geometric_over_the_cases_that_all_measured() -> None:
    (found,) = spreads([(A, {"mobilenet_v2": 2.0, "bert_small": 8.0}), (B, {"mobilenet_v2": 6.0, "resnet50": 1.0})])
    assert (found.cases, [one.value for one in found.devices]) == (1, [2.0, 6.0])
    (both,) = spreads([(A, {"mobilenet_v2": 2.0, "bert_small": 8.0}), (B, {"mobilenet_v2": 1.0, "bert_small": 1.0})])
    assert [one.value for one in both.devices] == pytest.approx([1.0, 4.0])
    assert both.ratio == pytest.approx(4.0)


def test_quartiles_are_those_of_the_device_means() -> None:
    (found,) = spreads([(one, {"mobilenet_v2": value}) for one, value in ((A, 1.0), (B, 2.0), (C, 5.0))])
    assert found.quartiles == pytest.approx((1.5, 2.0, 3.5))


def test_virtual_and_real_devices_are_never_pooled() -> None:
    times = {"mobilenet_v2": 2.0}
    assert spreads([(A, times), (device("v", virtual=True), times)]) == ()


def test_devices_without_a_common_case_have_no_spread() -> None:
    assert spreads([(A, {"mobilenet_v2": 2.0}), (B, {"bert_small": 2.0})]) == ()
