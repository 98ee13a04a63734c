"""What makes a window of energy suspect or invalid, each by its real cause; a clean window is valid."""

from __future__ import annotations

from mobilebench.core.records import BlockRule, Series, Verdict
from mobilebench.models.registry import facts
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.verdicts.findings import Around
from mobilebench.verdicts.rules import judge

from ..recorders.energy.traces import Gauge, Window, gauge, meter, rapl
from ..results.making import host, planned
from .test_rules import ANSWER, MANIFEST, NATIVE


def judged(series: list[Series], window: Window) -> Verdict:
    block = planned().model_copy(update={"pass_": "energy", "rule": BlockRule(max_predictions=500_000)})
    answer = window.measurement().model_dump(by_alias=True) | {"proof": NATIVE, "output": [summarise("logits", ANSWER)]}
    measurement = type(window.measurement()).model_validate(answer)
    return judge(block, measurement, host(), facts(MANIFEST), around=Around(series=series))


def test_a_clean_window_is_valid_by_every_method():
    window = Window(predictions=6000)
    for series in (rapl(window), gauge(window), meter(window)):
        assert judged(series, window).status == "valid"


def test_a_short_window_is_suspect():
    window = Window(predictions=2500)
    found = judged(rapl(window), window)
    assert (found.status, found.codes) == ("suspect", ["energy-window-short"])
    assert found.sentences == ["predictions took 50.0 s, and a window of energy needs 60 s"]


def test_a_gauge_with_few_values_is_suspect():
    window = Window(idle_s=60)
    found = judged(gauge(window, Gauge(5.0)), window)
    assert found.status == "suspect"
    assert set(found.codes) == {"energy-few-updates"}
    assert "--energy-window" in found.sentences[0]


def test_an_idle_power_that_drifts_is_suspect():
    window = Window(after_mw=1400.0)
    found = judged(rapl(window), window)
    assert (found.status, found.codes) == ("suspect", ["energy-idle-drifts"])
    drawing_nothing = Window(idle_mw=3000.0, after_mw=3600.0)
    assert "many times of the net power" in judged(rapl(drawing_nothing), drawing_nothing).sentences[0]


def test_a_phone_that_was_charged_is_invalid():
    window = Window()
    found = judged(gauge(window, plugged=2.0), window)
    assert (found.status, found.codes) == ("invalid", ["energy-charging"])
    assert "powered by USB" in found.sentences[0]


def test_a_phone_on_a_cable_is_valid_by_an_external_meter():
    window = Window()
    series = [*gauge(window, plugged=2.0), *meter(window)[1:]]
    assert judged(series, window).status == "valid"


def test_a_window_without_any_energy_is_invalid():
    window = Window()
    nothing = [
        one.model_copy(update={"values": [], "times_ms": []}) if one.unit == "µJ" else one for one in rapl(window)
    ]
    assert judged(nothing, window).codes == ["energy-missing"]
    assert judged([], window).sentences == ["no method could tell its energy: nothing was recorded"]


def test_other_passes_are_not_judged_by_energy():
    found = judge(planned(), Window().measurement(), host(), None)
    assert not [code for code in found.codes if code.startswith("energy")]
