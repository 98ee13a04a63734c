from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.analysis.achieved import achieved, peak
from mobilebench.analysis.kernels import kernels
from mobilebench.analysis.summary import summarise
from mobilebench.core import paths
from tests.analysis import example, watching


def test_the_rate_is_that_of_the_timing_blocks() -> None:
    cases = summarise(watching.watched_run()).targets[0].cases
    found = achieved(cases)
    assert found
    assert [one.rate for one in found] == sorted((one.rate for one in found), reverse=True)
    for one in found:
        summary = kernels(one.case)
        assert summary is not None
        assert summary.flops is not None
        assert summary.timing_ms is not None
        assert one.rate == pytest.approx(summary.flops / summary.timing_ms / 1e6)


def test_cases_without_kernels_have_no_rate() -> None:
    assert achieved(summarise(example.example_run()).targets[0].cases) == ()


def test_a_peak_is_known_only_from_a_real_devices_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = example.PHONES[0].model_copy(update={"virtual": False})
    assert [peak(one).gflops for one in (example.PHONES[0], example.host())] == [None, None]
    assert peak(real).gflops == pytest.approx(377.6)
    assert peak(real.model_copy(update={"profile": "gone"})).gflops is None

    shipped = (paths.device_profiles() / "snapdragon-8-gen-2.yaml").read_text()
    folder = tmp_path / "device_profiles"
    folder.mkdir()
    (folder / "snapdragon-8-gen-2.yaml").write_text(shipped.replace("cpu:\n", "cpu:\n  fp32_gflops: 250.0\n"))
    monkeypatch.setattr(paths, "home", lambda: tmp_path)
    assert peak(real).gflops == 250
