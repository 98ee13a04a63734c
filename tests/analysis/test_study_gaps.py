"""Gaps between ways over models: which ways are compared, and what is stated of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobilebench.analysis.study_gaps import Against, WayGap, way_gaps
from mobilebench.core.axes import NODE
from mobilebench.core.records import Case
from tests.analysis import study

PLAIN, SIMD = study.web("tfjs", "plain"), study.web("tfjs", "simd")
SMALL_PLAIN, SMALL_SIMD = (study.web("tfjs", build, model="bert_small") for build in ("plain", "simd"))


def gaps(times: study.Times, against: Against, **options: list[Case]) -> list[WayGap]:
    return [gap for gap in way_gaps(study.summary(times, **options)) if gap.against == against]


def test_lowest_highest_and_both_means_over_the_models_of_both_sides() -> None:
    only_above = study.web("tfjs", "simd", model="resnet50")
    times = {PLAIN: [10.0], SIMD: [5.0], SMALL_PLAIN: [10.0], SMALL_SIMD: [20.0], only_above: [1.0]}
    (gap,) = gaps(times, "plain wasm")
    mean = gap.stages["prediction"]
    assert (mean.low, mean.high, mean.geometric, mean.arithmetic) == (0.5, 2.0, pytest.approx(1.0), 1.25)
    assert {model for model, *_ in mean.models} == {"mobilenet_v2", "bert_small"}


def test_a_web_engine_in_node_is_compared_with_its_plain_build_only() -> None:
    in_node = {replace(PLAIN, browser=NODE): [10.0], replace(SIMD, browser=NODE): [5.0]}
    times = {study.native("tflite"): [1.0], PLAIN: [9.0], SIMD: [4.0], **in_node}
    found = [(gap.against, gap.above.browser) for gap in way_gaps(study.summary(times))]
    assert [against for against, browser in found if browser == NODE] == ["plain wasm"]


@pytest.mark.parametrize(
    ("page", "engine", "compared"),
    [
        (study.web("tfjs", "simd"), study.native("tensorflow"), True),
        (study.web("tfjs", "simd"), study.native("tflite"), True),
        (study.web("tfjs@4.2", "simd"), study.native("tflite"), True),
        (study.web("tfjs", "simd"), study.native("onnxruntime"), False),
        (study.web("ortjs", "simd-threads"), study.native("onnxruntime"), True),
        (study.web("ortjs", "simd-threads"), study.native("tflite"), False),
        (study.web("litertjs", "relaxed-simd"), study.native("tflite"), True),
        (study.web("ortjs", "simd-threads"), study.native("onnxruntime", backend="cuda"), False),
        (study.gpu("ortjs", "webgpu", "hardware"), study.native("onnxruntime", backend="cuda"), True),
        (study.gpu("ortjs", "webgpu", "hardware"), study.native("onnxruntime"), False),
        (study.gpu("tfjs", "webgl", "hardware"), study.native("tflite", backend="gpu"), True),
    ],
)
def test_pages_are_compared_with_the_native_engine_of_their_format(page: Case, engine: Case, compared: bool) -> None:
    assert bool(gaps({page: [6.0], engine: [2.0]}, "native")) == compared


def test_browsers_are_compared_in_the_same_way_only() -> None:
    firefox = study.web("tfjs", "simd", browser="firefox")
    (gap,) = gaps({PLAIN: [9.0], SIMD: [4.0], firefox: [6.0]}, "chrome")
    assert gap.stages["prediction"].geometric == pytest.approx(1.5)
    assert (gap.above.browser, gap.below.browser, gap.below.wasm_build) == ("firefox", "chrome", "simd")


def test_other_releases_are_not_mixed() -> None:
    assert gaps({PLAIN: [9.0], study.web("tfjs@4.2", "simd"): [4.0]}, "plain wasm") == []


def test_a_suspect_side_is_told() -> None:
    times = {PLAIN: [9.0, 9.0, 9.1], SIMD: [4.0, 4.0, 4.1]}
    (calm,) = gaps(times, "plain wasm")
    (doubtful,) = gaps(times, "plain wasm", suspect=[PLAIN])
    assert (calm.suspect, doubtful.suspect) == (False, True)


def test_a_gap_has_an_interval_from_three_rounds_on() -> None:
    (gap,) = gaps({PLAIN: [9.0, 9.3, 9.1], SIMD: [4.0, 4.1, 4.1]}, "plain wasm")
    assert gap.stages["prediction"].interval is not None
    (gap,) = gaps({PLAIN: [9.0, 9.3], SIMD: [4.0, 4.1]}, "plain wasm")
    assert gap.stages["prediction"].interval is None


def test_ratios_are_taken_within_rounds() -> None:
    (gap,) = gaps({PLAIN: [10.0, 40.0, 10.0], SIMD: [5.0]}, "plain wasm")
    assert gap.stages["prediction"].geometric == pytest.approx(0.5)
    assert gap.refusals == ()


def test_a_pair_that_is_refused_is_named_with_its_model() -> None:
    case = study.native("tflite")
    summary = study.summary({case: [2.0], SIMD: [4.0]}, of_another_shape=[SIMD])
    (gap,) = [gap for gap in way_gaps(summary) if gap.against == "native"]
    assert (dict(gap.stages), [(model[0], reason.partition(":")[0]) for model, reason in gap.refusals]) == (
        {},
        [("mobilenet_v2", "output")],
    )
