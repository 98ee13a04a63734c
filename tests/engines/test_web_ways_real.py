"""The ways in which a page comes by framework and model, in a real Chromium and Firefox, with the proof of each."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from mobilebench.core.axes import LINKS
from mobilebench.core.records import BlockRule, Measurement, PlannedBlock
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.targets.host import HostTarget
from mobilebench.verdicts.findings import Evidence, Findings
from mobilebench.verdicts.web import judge_downloads
from tests.engines.web_cases import web_case
from tests.verdicts.levels import wrong

from .measuring import measured_by

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.usefixtures("closed_pages")]

RULE = BlockRule(min_predictions=1, max_predictions=1, max_seconds=1)
WASM = {"tfjs": "simd", "ortjs": "simd-threads", "litertjs": "simd"}


def measured(target: HostTarget, engine: str, browser: str = "chrome", **way: Any) -> tuple[Measurement, Findings]:
    files = obtain.find("bert_small")
    assert files is not None, "build bert_small with `mobilebench models build` first"
    case = replace(web_case(engine, "wasm", WASM[engine], browser=browser), **way)
    block = PlannedBlock(index=0, round=0, case=case, rule=RULE)
    measurement = measured_by(engines()[engine], target, block, files, cancel=Event()).measurement
    found = Findings()
    judge_downloads(Evidence(block, measurement, target.info), found)
    return measurement, found


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_page_and_server_agree_on_every_download(target: HostTarget, browser: str) -> None:
    if browser not in target.info.browsers:
        pytest.fail(f"{browser} is not installed: `make test` installs it")
    measurement, found = measured(target, "ortjs", browser)
    assert wrong(found) == []
    downloads = measurement.proof.downloads
    assert {one.name.rpartition(".")[2] for one in downloads} == {"js", "mjs", "wasm", "onnx"}
    assert all(one.server_bytes == one.bytes == one.decoded_bytes for one in downloads)
    assert measurement.proof.download_path == "loopback"
    turns, parts = measurement.proof.download_turns_ms, measurement.setup_ms
    for turn, part in zip(turns, (parts["framework_download"], parts["model_download"]), strict=True):
        assert turn >= part - 1


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_compressed_download_is_what_was_asked_for(target: HostTarget, encoding: str) -> None:
    measurement, found = measured(target, "tfjs", encoding=encoding)
    assert wrong(found) == []
    script = next(one for one in measurement.proof.downloads if one.name.endswith("wasm.js"))
    assert (script.encoding, script.server_bytes) == (encoding, script.bytes)
    assert script.bytes < script.decoded_bytes / 2
    named = {file.name: file for file in measurement.proof.files}
    assert named["frameworks/tfjs/tfjs-backend-wasm-simd.wasm"].sha256


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_warm_caches_hold_everything_and_cold_ones_nothing(target: HostTarget, browser: str) -> None:
    warm, found = measured(target, "tfjs", browser, caches="warm")
    assert wrong(found) == []
    assert all(one.from_cache and one.server_bytes is None for one in warm.proof.downloads)
    assert any(file.name.endswith("simd.wasm") for file in warm.proof.files)
    cold, found = measured(target, "tfjs", browser, caches="cold")
    assert wrong(found) == []
    assert {one.name for one in cold.proof.downloads} == {one.name for one in warm.proof.downloads}


@pytest.mark.parametrize("engine", list(WASM))
def test_an_engines_own_loader_gives_the_same_answer(target: HostTarget, engine: str) -> None:
    shipped, found = measured(target, engine, loader="as-shipped")
    assert wrong(found) == []
    assert set(shipped.setup_ms) == {"as_shipped"}
    names = [one.name for one in shipped.proof.downloads]
    assert len(names) == len(set(names))
    split, _ = measured(target, engine)
    assert set(names) == {one.name for one in split.proof.downloads}
    assert [one.digest for one in shipped.output] == [one.digest for one in split.output]


def test_a_link_that_is_imitated_lets_no_more_through_than_it_has(target: HostTarget) -> None:
    measurement, found = measured(target, "litertjs", link="fios")
    assert wrong(found) == []
    assert measurement.proof.download_path == "shaped"
    model = next(one for one in measurement.proof.downloads if one.name.startswith("model/"))
    at_least = model.bytes * 8 / LINKS["fios"].down_kbit_s
    assert measurement.setup_ms["model_download"] >= 0.9 * at_least
