"""`--trace` by the command line, on this computer and on a virtual phone."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.virtual import phones
from tests.e2e.conftest import CommandLine

pytestmark = [pytest.mark.browser, pytest.mark.build]

SMALL = (
    "--suite",
    "quick",
    "--model",
    "bert_small",
    "--wasm-build",
    "simd-threads",
    "--delegate",
    "xnnpack",
    "--engine",
    "tfjs,tflite",
)


def test_traces_of_a_phone_are_kept_listed_and_can_be_read(mobilebench: CommandLine) -> None:
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    serial = next(phone.serial for phone in phones.list_phones() if phone.running)
    done = mobilebench("run", "--serial", serial, *SMALL, "--blocks", "1", "--trace", "--json")
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr
    run = mobilebench.last()
    found = {(block.planned.case.engine, block.planned.pass_): block for block in run.blocks}
    assert set(found) == {(engine, name) for engine in ("tfjs", "tflite") for name in ("timing", "trace")}
    assert found["tflite", "trace"].outcome == "unsupported"
    assert "only browsers record traces" in (found["tflite", "trace"].reason or "")

    [path] = json.loads(done.stdout)["traces"]
    assert Path(path).parent == mobilebench.home / "runs" / run.info.id / "traces"
    events = json.loads(gzip.decompress(Path(path).read_bytes()))["traceEvents"]
    names = {event["name"] for event in events}
    assert {"mobilebench:setup", "mobilebench:warmup", "mobilebench:prediction"} <= names
    assert any(name.startswith("wasm.") for name in names)

    shown = mobilebench("results", "last").stdout
    assert "Perfetto (ui.perfetto.dev)" in shown
    assert f": {Path(path).parent}\n" in shown
    assert Path(path).name in shown
    [row] = csv.DictReader(io.StringIO(mobilebench("results", "last", "--format", "csv", "--data", "traces").stdout))
    assert (row["name"], row["bytes"], row["target"]) == (Path(path).name, str(Path(path).stat().st_size), serial)
    timed = list(csv.DictReader((Path(path).parents[1] / "results.csv").open()))
    assert {line["engine"] for line in timed} == {"tfjs", "tflite"}

    Path(path).unlink()
    assert f"{Path(path).name} (removed or changed since)" in mobilebench("results", "last").stdout
