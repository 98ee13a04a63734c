"""What is said of a page's downloads, from its stages and its proof."""

from __future__ import annotations

import random

import pytest

from mobilebench.analysis.comparability import disagreements
from mobilebench.analysis.downloads import download_share, downloads
from mobilebench.analysis.labels import case_details
from mobilebench.core.records import Download, DownloadPath, Measurement, SetupPart
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
    other = usual.model_copy(update={"link": "4g", "loader": "as-shipped", "encoding": "br"})
    assert other.key == f"{usual.key}/4g/as-shipped/br"
    assert case_details(other)[-3:] == ["link 4g", "as-shipped", "br"]
