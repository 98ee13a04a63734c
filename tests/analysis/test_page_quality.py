"""What inference does to a page: values over blocks, ratios to the baseline within rounds, and the advice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.analysis.page_advice import Advice, advice
from mobilebench.analysis.page_quality import PageScenario, page_scenarios
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Case
from tests.analysis import page_runs
from tests.analysis.page_runs import ORT, WASM, Used, baseline, rounds, used


def scenarios(cases: dict[Case, page_runs.Rounds]) -> tuple[PageScenario, ...]:
    return page_scenarios(page_runs.summary(cases))


def only(cases: dict[Case, page_runs.Rounds]) -> PageScenario:
    (found,) = scenarios(cases)
    return found


def advised(cases: dict[Case, page_runs.Rounds], keep: float = 0.9) -> Advice:
    (found,) = advice(only(cases), keep)
    return found


WITHOUT = {baseline("video"): [Used(video=30.0, ms=None)] * 3}


def test_values_of_blocks_become_mean_deviation_and_interval() -> None:
    found = only({**WITHOUT, used(WASM, "video"): [Used(video=value) for value in (20.0, 21.0, 22.0)]})
    quality = found.cases[0].qualities["video_fps"]
    assert quality.values == {1: 20.0, 2: 21.0, 3: 22.0}
    assert quality.mean == 21.0
    assert quality.deviation == 1.0
    assert quality.interval is not None
    assert quality.interval.low == pytest.approx(21.0 - 4.303 / 3**0.5, abs=0.01)
    assert quality.over_baseline is not None
    assert quality.over_baseline.value == pytest.approx((20 * 21 * 22) ** (1 / 3) / 30)
    assert quality.loss == pytest.approx(100 - 100 * quality.over_baseline.value)


def test_the_ratio_pairs_blocks_of_one_round() -> None:
    base = [Used(video=value, ms=None) for value in (30.0, 20.0, 10.0)]
    half = [Used(video=value) for value in (15.0, 10.0, 5.0)]
    ratio = only({baseline("video"): base, used(WASM, "video"): half}).cases[0].qualities["video_fps"].over_baseline
    assert ratio is not None
    assert ratio.value == pytest.approx(0.5)
    assert ratio.interval is not None
    assert ratio.interval.high - ratio.interval.low < 1e-9


def test_an_invalid_block_is_left_out_and_counted() -> None:
    blocks = [*[Used(video=20.0)] * 3, Used(video=1.0, status="invalid")]
    case = only({**WITHOUT, used(WASM, "video"): blocks}).cases[0]
    assert case.left_out == 1
    assert case.qualities["video_fps"].mean == pytest.approx(20.0)


def test_what_could_not_be_measured_is_void_and_not_zero() -> None:
    found = only({**WITHOUT, used(WASM, "video"): [Used(video=None)] * 3})
    quality = found.cases[0].qualities["video_fps"]
    assert (quality.mean, quality.deviation, quality.interval, quality.loss) == (None, None, None, None)
    assert quality.voids == ("not here",)
    (judged,) = advice(found)[0].judged
    assert judged.judgement == "not known"
    assert judged.reason == "Frames of the video: not here."


def test_a_page_without_frames_has_a_value_of_zero() -> None:
    quality = only({**WITHOUT, used(WASM, "video"): [Used(video=0.0)] * 3}).cases[0].qualities["video_fps"]
    assert (quality.mean, quality.loss) == (0.0, 100.0)


def test_a_metric_of_which_less_is_better_loses_when_it_grows() -> None:
    def with_steps(ms: float) -> Used:
        return Used(runs=60_000 / ms)

    cases = {baseline("interaction"): [with_steps(100)] * 3, used(WASM, "interaction"): [with_steps(150)] * 3}
    quality = only(cases).cases[0].qualities["step_median"]  # type: ignore[arg-type]
    assert quality.loss == pytest.approx(50.0)


def test_reached_duty_and_latency_beside_the_plain_case() -> None:
    cases = {
        **WITHOUT,
        WASM: [Used(ms=18.0)] * 3,
        used(WASM, "video", duty=25): [Used(video=29.0, ms=20.0, duty=26)] * 3,
    }
    case = only(cases).cases[0]  # type: ignore[arg-type]
    assert case.reached_duty == pytest.approx(26.0, abs=0.1)
    assert case.per_second == pytest.approx(13.0, abs=0.1)
    assert case.latency is not None
    assert case.plain is not None
    assert case.latency.value == pytest.approx(20.0)
    assert case.plain.value == pytest.approx(18.0)


@pytest.mark.parametrize(("status", "judgement"), [("valid", "keeps"), ("suspect", "keeps"), ("invalid", "not known")])
def test_a_case_with_an_invalid_block_is_never_advised(status: str, judgement: str) -> None:
    fast = [*[Used(video=30.0, ms=10.0)] * 3, Used(video=30.0, ms=10.0, status=status)]
    slow = [Used(video=29.0, ms=40.0)] * 4
    base = {baseline("video"): [Used(video=30.0, ms=None)] * 4}
    found = advised({**base, used(WASM, "video"): fast, used(ORT, "video"): slow})
    judged = {one.case.of.engine: one for one in found.judged}
    assert judged["tfjs"].judgement == judgement
    assert judged["tfjs"].case.qualities
    assert found.chosen is judged["tfjs" if judgement == "keeps" else "ortjs"]
    assert judgement == "keeps" or judged["tfjs"].reason.startswith("It is invalid.")


def test_a_page_is_judged_by_its_runs_and_by_the_frames_that_it_has() -> None:
    found = {one.name: one.watched for one in page_scenarios(summarise(page_runs.whole_run()))}
    assert found == {"interaction": ("runs_per_minute", "fps"), "typing": ("fps",), "video": ("video_fps",)}


def test_the_fastest_case_that_keeps_the_budget_is_advised() -> None:
    found = advised({
        **WITHOUT,
        used(WASM, "video"): [Used(video=29.0, ms=30.0)] * 3,
        used(WASM, "video", duty=25): [Used(video=29.0, ms=25.0)] * 3,
        used(ORT, "video"): [Used(video=15.0, ms=5.0)] * 3,
    })  # fmt: skip
    assert found.chosen is not None
    assert found.chosen.judgement == "keeps"
    assert found.chosen.case.duty == 25
    assert [one.judgement for one in found.judged] == ["keeps", "keeps", "does not keep"]


@pytest.mark.parametrize("blocks", [[Used(video=29.0)] * 2, [Used(video=value) for value in (26.0, 30.0, 29.0)]])
def test_without_a_narrow_interval_it_only_may_keep_it(blocks: list[Used]) -> None:
    found = advised({**WITHOUT, used(WASM, "video"): blocks})
    assert found.chosen is not None
    assert found.chosen.judgement == "may keep"


def test_every_watched_metric_has_to_be_kept() -> None:
    base = {baseline("interaction"): [Used(60.0, 100.0, ms=None)] * 3}
    assert advised({**base, used(WASM, "interaction"): [Used(59.0, 50.0)] * 3}).chosen is None
    assert advised({**base, used(WASM, "interaction"): [Used(20.0, 99.0)] * 3}).chosen is None
    assert advised({**base, used(WASM, "interaction"): [Used(59.0, 99.0)] * 3}).chosen is not None


def test_without_a_baseline_nothing_is_known() -> None:
    found = advised({used(WASM, "video"): [Used(video=29.0)] * 3})
    assert found.chosen is None
    assert found.judged[0].reason == "The page without inference was not measured."


@given(
    shares=st.lists(st.floats(0.05, 1.2), min_size=3, max_size=5),
    keep=st.floats(0.1, 1.0),
    stricter=st.floats(0.0, 0.5),
)
def test_a_stricter_budget_never_allows_more(shares: list[float], keep: float, stricter: float) -> None:
    cases: dict[Case, page_runs.Rounds] = {baseline("video"): [Used(10.0, video=100.0, ms=None)] * len(shares)}
    cases[used(WASM, "video")] = [Used(10.0, video=100.0 * share) for share in shares]
    order = ["keeps", "may keep", "does not keep"]
    loose, strict = (advised(cases, share).judged[0].judgement for share in (keep, min(1.0, keep + stricter)))
    assert order.index(strict) >= order.index(loose)


def test_a_run_without_scenarios_has_none() -> None:
    assert scenarios({WASM: [Used(ms=18.0)]}) == ()


def test_rounds_are_near_what_was_stated() -> None:
    assert all(0.98 * 30 < (one.video or 0) < 1.02 * 30 for one in rounds(Used(video=30.0)))
