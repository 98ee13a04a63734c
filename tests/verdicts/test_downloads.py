"""What page and server say of downloads, held against each other and against what was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mobilebench.core.records import BlockRule, Case, Download, Measurement, PlannedBlock, Proof, SetupPart
from mobilebench.verdicts.findings import Evidence, Findings
from mobilebench.verdicts.web import judge_downloads
from tests.pinning import Pinned

from ..results.making import host
from .levels import doubtful, wrong

CASE = Case(
    target="host", engine="tfjs", backend="wasm", wasm_build="simd", threads=1, browser="chrome", model="mobilenet_v2"
)
SETUP: dict[SetupPart, float] = {"framework_download": 50, "framework_init": 9, "model_download": 200, "model_init": 9}


def download(name: str = "model/a.bin", **changes: Any) -> Download:
    fields = {
        "name": name,
        "bytes": 1000,
        "decoded_bytes": 1000,
        "start_ms": 1,
        "page_ms": 20,
        "from_cache": False,
        "server_bytes": 1000,
        "server_ms": 10,
        "encoding": "identity",
    }
    return Download.model_validate(fields | changes)


def cached(name: str = "model/a.bin") -> Download:
    return download(name, from_cache=True, server_bytes=None, server_ms=None, encoding=None)


def judged(
    *downloads: Download,
    turns: tuple[float, ...] = (60, 230),
    setup: dict[SetupPart, float] = SETUP,
    **case: Any,
) -> Findings:
    found = Findings()
    proof = Proof(downloads=list(downloads), download_turns_ms=list(turns))
    answer = Measurement(schema="mobilebench/measurement/1", status="ok", engine="tfjs", proof=proof, setup_ms=setup)
    planned = PlannedBlock(index=0, round=0, case=replace(CASE, **case), rule=BlockRule())
    judge_downloads(Evidence(planned, answer, host()), found)
    return found


def test_what_agrees_is_not_mentioned() -> None:
    found = judged(download(), download("frameworks/tfjs/wasm.js"))
    assert (wrong(found), doubtful(found)) == ([], [])
    whole = judged(download(), setup={"as_shipped": 400}, turns=(420,), loader="as-shipped")
    assert (wrong(whole), doubtful(whole)) == ([], [])


def test_bytes_have_to_agree() -> None:
    assert wrong(judged(download(server_bytes=999))) == ["the page got 1000 bytes of model/a.bin, but 999 were sent"]
    assert wrong(judged(download(server_bytes=None, server_ms=None))) == [
        "the page downloaded model/a.bin, which the server never sent"
    ]


def test_nothing_may_come_out_of_a_cache_unless_warm_was_asked_for(pinned: Pinned) -> None:
    for caches in ("cold", "as found"):
        (reason,) = wrong(judged(cached(), download("b"), caches=caches))
        assert reason.startswith("model/a.bin came out of the browser's cache")
    assert wrong(judged(cached(), caches="warm")) == []
    (reason,) = wrong(judged(cached(), *(download(name) for name in "bcdef"), caches="warm"))
    pinned(reason)


def test_files_have_to_come_in_the_encoding_that_was_asked_for() -> None:
    assert wrong(judged(download(), encoding="br")) == ["model/a.bin came as identity, though br was asked for"]
    assert wrong(judged(download(encoding="gzip"), encoding="gzip")) == []


@pytest.mark.parametrize(
    ("turns", "doubts"),
    [
        ((60, 469), 0),
        ((60, 471), 1),  # 200 + 250 + 10 %
        ((60, 100), 1),  # the server let the next one go on before the page was done
        ((46, 230), 0),
        ((60,), 1),
        ((), 1),
    ],
)
def test_times_agree_within_the_tolerance(turns: tuple[float, ...], doubts: int) -> None:
    assert len(doubtful(judged(download(), turns=turns))) == doubts


def test_a_link_that_is_imitated_delays_what_the_server_is_told() -> None:
    assert doubtful(judged(download(), turns=(60, 960), link="4g")) == []
    assert len(doubtful(judged(download(), turns=(60, 1100), link="4g"))) == 1


def test_the_server_cannot_send_much_longer_than_the_page_waits() -> None:
    assert doubtful(judged(download(server_ms=271))) == []
    (doubt,) = doubtful(judged(download(server_ms=273)))
    assert doubt == "the server took 273 ms to send model/a.bin, the page 20 ms to get it"


def test_a_page_that_tells_nothing_lacks_a_proof() -> None:
    assert doubtful(judged()) == ["proof is missing: what the page downloaded"]
