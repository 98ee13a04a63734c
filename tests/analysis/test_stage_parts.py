"""Downloads, compilation and read-back of pages within their stages."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from mobilebench.analysis.labels import case_details
from mobilebench.analysis.stage_parts import compilation, download_share, downloads, readback
from mobilebench.analysis.summary import disagreements, summarise
from mobilebench.core.records import Compilation, Download, DownloadPath, Measurement, SetupPart
from tests.analysis import pages
from tests.analysis.example import Shape, case, measurement


def downloaded(
    setup: dict[SetupPart, float], *sizes: int, cached: bool = False, path: DownloadPath = "loopback"
) -> Measurement:
    made = measurement(case("host", "tfjs", "simd"), Shape({}, 1.0, 1.0), random.Random(1), 1)
    files = [
        Download(name=f"f{i}", bytes=size, decoded_bytes=size, start_ms=0, page_ms=1, from_cache=cached)
        for i, size in enumerate(sizes)
    ]
    proof = made.proof.model_copy(update={"downloads": files, "download_path": path})
    return made.model_copy(update={"setup_ms": setup, "proof": proof})


SPLIT: dict[SetupPart, float] = {"framework_download": 10, "framework_init": 20, "model_download": 40, "model_init": 30}


def test_the_share_is_of_the_whole_setup() -> None:
    assert download_share(downloaded(SPLIT, 1)) == pytest.approx(0.5)
    assert download_share(downloaded({"as_shipped": 100}, 1)) is None
    assert download_share(downloaded({"library_load": 1}, 1)) is None


def test_speed_counts_what_came_over_the_path() -> None:
    found = downloads([downloaded(SPLIT, 2_000_000, 3_000_000)])
    assert found is not None
    assert (found.path, found.bytes, found.megabytes_per_second) == ("loopback", 5_000_000, 100.0)
    cached = downloads([downloaded(SPLIT, 2_000_000, cached=True)])
    assert cached is not None
    assert (cached.bytes, cached.megabytes_per_second) == (0, None)


def test_without_downloads_nothing_is_said() -> None:
    assert downloads([downloaded(SPLIT)]) is None


def test_blocks_whose_files_came_over_different_paths_are_not_pooled() -> None:
    found = disagreements([downloaded(SPLIT, 1), downloaded(SPLIT, 1, path="usb-reverse")])
    assert found == ["download path: loopback, usb-reverse"]


def test_cases_are_told_apart_by_how_they_download() -> None:
    usual = case("host", "tfjs", "simd")
    other = replace(usual, link="4g", loader="as-shipped", encoding="br")
    assert other.key == f"{usual.key}/4g/as-shipped/br"
    assert case_details(other)[-3:] == ["link 4g", "as-shipped", "br"]


def compiled(ms: float, warmup: float = 100.0) -> Measurement:
    made = pages.answer(pages.WEBGL)
    one = Compilation(shaders=4, pipelines=2, ms=ms)
    return made.model_copy(update={"compilation": {"warmup": one}, "warmup_ms": [warmup]})


def test_compilation_is_summed_up_between_blocks_with_its_share_of_the_first_inference() -> None:
    (stage, found), *others = compilation([compiled(10), compiled(30), compiled(20, 40.0)]).items()
    assert (stage, others) == ("warmup", [])
    assert (found.shaders, found.pipelines, found.time.median, found.share) == (4, 2, 20, 0.3)
    assert (found.time.spread.low, found.time.spread.high, len(found.time.blocks)) == (10, 30, 3)
    assert found.time.interval is not None


def test_a_block_that_compiled_nothing_counts_with_nothing() -> None:
    found = compilation([compiled(10), pages.answer(pages.WEBGL)])["warmup"]
    assert (found.shaders, found.time.median, found.time.spread.low) == (2, 5, 0)


def test_where_nothing_was_compiled_or_read_back_nothing_is_said() -> None:
    assert compilation([pages.answer(pages.WASM)]) == {}
    assert compilation([]) == {}
    assert readback([pages.answer(pages.WASM)]) is None


def test_read_back_has_its_share_of_the_predictions_that_it_is_a_part_of() -> None:
    made = pages.answer(pages.WEBGL, read_back=0.5)
    told = made.model_copy(update={"prediction_ms": [10.0, 20.0, 30.0], "readback_ms": [1.0, 4.0, 9.0]})
    found = readback([told, made])
    assert found is not None
    assert found.share == pytest.approx((0.2 + 0.5) / 2)
    assert found.time.samples == 9
    assert found.time.blocks[0] == 4.0


def test_read_back_that_cannot_be_paired_has_no_share() -> None:
    made = pages.answer(pages.WEBGL, read_back=0.5).model_copy(update={"readback_ms": [1.0, 2.0]})
    found = readback([made])
    assert found is not None
    assert (found.time.median, found.share) == (1.5, None)


def test_what_a_cache_gave_is_told_apart_from_what_came() -> None:
    cold, warm = downloads([pages.answer(pages.WASM)]), downloads([pages.answer(pages.WARM)])
    assert cold is not None
    assert warm is not None
    assert (cold.bytes, cold.cached_bytes) == (5_000_000, 0)
    assert (warm.bytes, warm.cached_bytes, warm.megabytes_per_second) == (0, 5_000_000, None)


def test_the_summary_of_a_case_has_them() -> None:
    cases = {case.case: case for case in summarise(pages.page_run()).targets[0].cases}
    gpu, native = cases[pages.WEBGL], cases[pages.NATIVE]
    assert gpu.compilation["warmup"].shaders == 12
    assert gpu.readback is not None
    assert gpu.readback.share == pytest.approx(0.9)
    assert (native.compilation, native.readback, native.downloads) == ({}, None, None)
