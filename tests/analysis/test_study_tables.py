"""The tables of the study from our own data: which ways they hold, and over which models their means are."""

from __future__ import annotations

import pytest

from mobilebench.analysis.study_tables import LatencyTable, latency_tables, way_of
from mobilebench.statistics.estimates import estimate
from tests.analysis import study

PLAIN, SIMD, THREADS, BOTH = (study.web("tfjs", build) for build in ("plain", "simd", "threads", "simd-threads"))
SMALL_PLAIN, SMALL_SIMD = (study.web("tfjs", build, model="bert_small") for build in ("plain", "simd"))


def one(times: study.Times) -> LatencyTable:
    (table,) = latency_tables(study.summary(times))
    return table


def test_each_kind_of_backend_has_a_table_of_its_own() -> None:
    cases = [
        study.native("tflite"),
        study.native("onnxruntime"),
        PLAIN,
        study.web("ortjs", "simd-threads"),
        study.web("tfjs", "simd", browser="firefox"),
        study.gpu("tfjs", "webgl", "hardware"),
        study.gpu("ortjs", "webgpu", "hardware"),
    ]
    tables = latency_tables(study.summary({case: [1.0] for case in cases}))
    assert {table.name: len(table.ways) for table in tables} == {
        "native": 2,
        "wasm-tfjs-chrome": 1,
        "wasm-ortjs-chrome": 1,
        "gpu-chrome": 2,
        "wasm-tfjs-firefox": 1,
    }


def test_builds_go_from_plain_to_all_features() -> None:
    table = one({case: [1.0] for case in (BOTH, THREADS, SIMD, PLAIN)})
    assert [way.wasm_build for way in table.ways] == ["plain", "simd", "threads", "simd-threads"]


def test_targets_are_not_pooled() -> None:
    cases = [study.on("phone", PLAIN), PLAIN]
    targets = [study.example.host(), study.phone()]
    tables = latency_tables(study.summary({case: [1.0] for case in cases}, targets))
    assert [table.target.info.id for table in tables] == ["host", "phone"]


def test_means_are_over_the_models_that_every_way_has() -> None:
    table = one({PLAIN: [8.0], SIMD: [2.0], SMALL_PLAIN: [2.0], SMALL_SIMD: "no such model"})
    assert [model for model, *_ in table.common] == ["mobilenet_v2"]
    mean = table.means[way_of(PLAIN), "prediction"]
    assert (mean.geometric, mean.arithmetic, mean.models) == (8.0, 8.0, table.common)


def test_a_way_without_any_number_does_not_take_the_means_of_the_others_away() -> None:
    table = one({PLAIN: [8.0], SMALL_PLAIN: [2.0], THREADS: "no such build"})
    assert len(table.common) == 2
    mean = table.means[way_of(PLAIN), "prediction"]
    assert (mean.low, mean.high, mean.geometric, mean.arithmetic) == (2.0, 8.0, pytest.approx(4.0), 5.0)
    assert (way_of(THREADS), "prediction") not in table.means


def test_there_is_no_mean_if_no_model_is_in_every_column() -> None:
    table = one({PLAIN: [8.0], SMALL_SIMD: [2.0]})
    assert (table.common, dict(table.means)) == ((), {})


def test_the_interval_of_a_mean_comes_from_its_rounds() -> None:
    table = one({PLAIN: [8.0, 9.0, 8.5], SMALL_PLAIN: [2.0, 2.2, 2.1]})
    found = table.means[way_of(PLAIN), "prediction"]
    expected = estimate([(8.0 * 2.0) ** 0.5, (9.0 * 2.2) ** 0.5, (8.5 * 2.1) ** 0.5])
    assert found.geometric == pytest.approx(expected.value)
    assert found.interval is not None
    assert expected.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.interval.low, expected.interval.high))


@pytest.mark.parametrize("rounds", [[8.0, 9.0], [8.0, 9.0, 8.5, 8.2]])
def test_a_mean_has_no_interval_with_few_or_unequal_rounds(rounds: list[float]) -> None:
    table = one({PLAIN: rounds, SMALL_PLAIN: [2.0, 2.2] if len(rounds) == 2 else [2.0, 2.2, 2.1]})
    assert table.means[way_of(PLAIN), "prediction"].interval is None


def test_an_empty_run_has_no_table() -> None:
    assert latency_tables(study.summary({})) == ()
