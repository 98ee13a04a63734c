from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Conditions, Gate, GateReading, Proof, Run, Series, StageCost, Stopped, Verdict
from mobilebench.results import export
from tests.pinning import Pinned

from ..recorders.energy.traces import Window, rapl
from ..scenarios.made import result as scenario_result
from .making import failed, host, measured, phone, planned, run_info, unsupported

VIRTUAL = phone("127.0.0.1:5555", virtual=True, soc="virtual: Some CPU", profile_soc="Snapdragon 888")


@pytest.fixture
def run() -> Run:
    plan = [
        planned(0),
        planned(1, target="127.0.0.1:5555"),
        planned(2, engine="ortjs", backend="webgpu", gpu="hardware", browser="chrome"),
        planned(3, batch=4),
        planned(4, batch=8),
    ]
    doubtful = Verdict(status="suspect", reasons=["4 threads on 2 cores", "the page was hidden"])
    blocks = [
        measured(plan[0]),
        measured(plan[1]).model_copy(update={"verdict": doubtful}),
        unsupported(plan[2], "there is no GPU"),
        failed(plan[3], "the runner died, twice", "crash"),
    ]
    return Run(info=run_info("r1", host(), VIRTUAL), planned=plan, blocks=blocks)


def test_one_row_a_raw_value(run: Run) -> None:
    found = [row for row in export.rows(run) if row["block"] == 0]

    assert [(row["stage"], row["part"], row["position"], row["value_ms"]) for row in found] == [
        ("setup", "library_load", 0, 3.5),
        ("setup", "session_creation", 1, 1.25),
        ("warmup", None, 0, 9.0),
        ("prediction", None, 0, 4.0),
        ("prediction", None, 1, 3.75),
        ("prediction", None, 2, 4.25),
    ]
    assert {row["verdict"] for row in found} == {"valid"}


def test_what_has_no_values_is_still_a_row_that_says_why(run: Run) -> None:
    found = {row["block"]: row for row in export.rows(run) if row["value_ms"] is None}

    assert {index: (row["outcome"], row["fault"], row["reason"]) for index, row in found.items()} == {
        2: ("unsupported", None, "there is no GPU"),
        3: ("failed", "crash", "the runner died, twice"),
        4: ("not measured", None, None),
    }


def test_a_virtual_phone_is_marked_in_every_row_and_never_filed_under_its_profile(run: Run) -> None:
    for row in export.rows(run):
        assert row["virtual"] is (row["target"] == "127.0.0.1:5555")
        assert "Snapdragon" not in json.dumps(row)
    assert {row["soc"] for row in export.rows(run) if row["virtual"]} == {"virtual: Some CPU"}


def test_csv(run: Run) -> None:
    found = list(csv.DictReader(io.StringIO(export.to_csv(run))))

    assert list(found[0]) == list(export.COLUMNS["samples"])
    assert len(found) == len(export.rows(run))
    assert (found[0]["virtual"], found[0]["value_ms"], found[0]["browser"]) == ("false", "3.5", "")
    assert found[0]["weights"] == "seeded"
    assert found[6]["verdict_reasons"] == "4 threads on 2 cores; the page was hidden"


def test_json(run: Run) -> None:
    assert json.loads(export.to_json(run)) == export.rows(run)


def test_the_frame_keeps_types(run: Run) -> None:
    frame = export.to_frame(run)

    assert frame["value_ms"].dtype == "Float64"
    assert frame["virtual"].dtype == "boolean"
    predictions = frame[(frame["stage"] == "prediction") & (frame["target"] == "host")]
    assert predictions["value_ms"].tolist() == [4.0, 3.75, 4.25]
    assert frame["value_ms"].isna().sum() == 3


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_files(run: Run, tmp_path: Path, kind: export.Format) -> None:
    path = tmp_path / f"results.{kind}"
    export.write(run, path, kind)
    if kind == "parquet":
        import pyarrow.parquet as pq

        assert pq.read_table(path).to_pylist() == export.rows(run)
    else:
        assert path.read_text() == (export.to_csv(run) if kind == "csv" else export.to_json(run))


def test_a_file_that_cannot_be_written(run: Run, tmp_path: Path, pinned: Pinned) -> None:
    for kind in ("csv", "parquet"):
        with pinned.raises(BadInput):
            export.write(run, tmp_path / "absent" / "x", kind)


def test_a_name_that_is_no_column_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(export._VALUES, "samples", lambda measurement: iter([{"valeu_ms": 1.0}]))
    with pytest.raises(KeyError, match="valeu_ms"):
        export.rows(run)


def test_an_empty_run(tmp_path: Path) -> None:
    empty = Run(info=run_info("r1"), planned=[], blocks=[])
    assert export.to_json(empty) == "[]\n"
    assert export.to_csv(empty).splitlines() == [",".join(export.COLUMNS["samples"])]
    assert export.to_frame(empty).empty


DOWNLOAD = {
    "name": "model/a.bin",
    "bytes": 10,
    "decoded_bytes": 30,
    "start_ms": 0.5,
    "page_ms": 2.5,
    "from_cache": False,
    "server_bytes": 10,
    "server_ms": 1.5,
    "encoding": "gzip",
}
PROOF = {
    "files": [{"name": "backend-simd.wasm", "sha256": "ab12", "bytes": 7}, {"name": "model.onnx", "bytes": 9}],
    "backend": "wasm",
    "threads": 2,
    "thread_cpu_ms": [12.25, 3.0],
    "delegates": [{"name": "XNNPACK", "nodes": 66, "partitions": 1}],
    "renderer_fresh": True,
    "flags": ["--headless", "--rules=MAP * a"],
    "environment": {"workers_started": "1"},
}


TRACE = {
    "name": "00004-a.json.gz",
    "bytes": 2**33,
    "sha256": "0" * 64,
    "json_bytes": 2**40,
    "complete": False,
    "marks": ["setup", "warmup"],
    "categories": ["v8"],
}


SERIES = [
    Series(
        recorder="load",
        name="load_1min",
        unit="processes",
        interval_ms=250,
        times_ms=[1.5, 251.5],
        values=[0.5, 0.75],
    ),
    Series(recorder="thermal", name="cpu", unit="°C", times_ms=[], values=[], reason="the phone lists no such sensor"),
]


def page_quality_run() -> Run:
    """A run with one page that was used."""
    block = planned(0, engine="page", backend="none", browser="chrome", model="none", scenario="page", duty=0)
    used = measured(block).model_copy(update={"scenario": scenario_result()})
    return Run(info=run_info("r1"), planned=[block], blocks=[used])


def energy_run() -> Run:
    """A run with one window of energy."""
    window = Window()
    block = planned(0).model_copy(update={"pass_": "energy"})
    made = measured(block).model_copy(update={"measurement": window.measurement(), "series": rapl(window)})
    return Run(info=run_info("r1", host()), planned=[block], blocks=[made])


class TestTables:
    """What the kernels and memory passes of a case brought, and what the system counted."""

    @pytest.fixture
    def watched(self) -> Run:
        kernels = planned(1).model_copy(update={"pass_": "kernels", "conditions": Conditions(priority=5)})
        memory = planned(2, affinity="big", caches="cold").model_copy(update={"pass_": "memory"})
        cost = {
            "setup": dict.fromkeys(StageCost.model_fields, 3),
            "prediction": dict.fromkeys(StageCost.model_fields, 7),
        }
        found = [
            measured(planned(0), predictions_per_sample=8, cost=cost).model_copy(update={"series": SERIES}),
            measured(
                kernels,
                kernels=[
                    {"name": "CONV_2D", "node": 4, "clock": "gpu", "warmup_ms": 2.5, "times_ms": [1.5, 1.25]},
                    {"name": "Delegate", "provider": "XNNPACK", "collapsed": True, "times_ms": [3.0]},
                ],
                graph=[{"operator": "CONV_2D", "count": 30, "parameters": 1000, "macs": 5 * 2**40}],
            ),
            measured(
                planned(3, browser="chrome", link="4g"),
                proof={"download_path": "shaped", "downloads": [DOWNLOAD], **PROOF},
                readback_ms=[0.5, 1.0, 0.25],
                compilation={"warmup": {"shaders": 4, "pipelines": 2, "ms": 6.5}},
            ),
            measured(
                memory,
                memory={
                    "peak_rss_kb": 900,
                    "period_ms": 5,
                    "readings": [
                        {"at_ms": 1.5, "rss_kb": 500, "uss_kb": 400},
                        {"at_ms": 2.5, "stage": "setup/model_read", "rss_kb": 600},
                    ],
                    "page": [
                        {"at_ms": 1.5, "stage": "process_start", "wasm_heap_bytes": 0},
                        {"at_ms": 9.5, "stage": "warmup", "wasm_heap_bytes": 2**34, "tf_tensors": 7},
                    ],
                    "kernels": [
                        {"name": "Conv2D", "bytes_added": 40, "total_bytes": 140, "wasm_heap_bytes": 65536},
                        {"name": "Reshape", "bytes_added": -4, "total_bytes": 136},
                    ],
                },
            ),
            measured(planned(4).model_copy(update={"pass_": "trace"}), trace=TRACE),
        ]
        return Run(info=run_info("r1", host()), planned=[block.planned for block in found], blocks=found)

    def shown(self, run: Run, table: export.TableName, *columns: str) -> list[tuple[object, ...]]:
        return [tuple(row[column] for column in columns) for row in export.rows(run, table)]

    def test_kernels(self, watched: Run) -> None:
        assert self.shown(watched, "kernels", "name", "node", "provider", "collapsed", "stage", "value_ms") == [
            ("CONV_2D", 4, None, False, "warmup", 2.5),
            ("CONV_2D", 4, None, False, "prediction", 1.5),
            ("CONV_2D", 4, None, False, "prediction", 1.25),
            ("Delegate", None, "XNNPACK", True, "prediction", 3.0),
        ]
        assert set(self.shown(watched, "kernels", "pass", "block", "priority")) == {("kernels", 1, 5)}
        assert set(self.shown(watched, "kernels", "name", "clock")) == {("CONV_2D", "gpu"), ("Delegate", None)}

    def test_memory_as_a_page_tells_it(self, watched: Run) -> None:
        assert self.shown(watched, "page_memory", "stage", "wasm_heap_bytes", "tf_tensors", "js_heap_bytes") == [
            ("process_start", 0, None, None),
            ("warmup", 2**34, 7, None),
        ]
        columns = ("position", "name", "bytes_added", "total_bytes", "wasm_heap_bytes")
        assert self.shown(watched, "kernel_memory", *columns) == [
            (0, "Conv2D", 40, 140, 65536),
            (1, "Reshape", -4, 136, None),
        ]

    def test_graph(self, watched: Run) -> None:
        columns = ("operator", "count", "parameters", "macs")
        assert self.shown(watched, "graph", *columns) == [("CONV_2D", 30, 1000, 5 * 2**40)]

    def test_memory(self, watched: Run) -> None:
        assert self.shown(watched, "memory", "kind", "at_ms", "stage", "rss_kb", "uss_kb", "peak_rss_kb") == [
            ("sample", 1.5, None, 500, 400, None),
            ("stage end", 2.5, "setup/model_read", 600, None, None),
            ("process", None, None, None, None, 900),
        ]
        assert set(self.shown(watched, "memory", "pass", "affinity", "caches", "period_ms")) == {
            ("memory", "big", "cold", 5.0)
        }

    def test_downloads(self, watched: Run) -> None:
        columns = ("name", "bytes", "page_ms", "server_ms", "from_cache", "link", "encoding", "sent_encoding")
        assert self.shown(watched, "downloads", *columns, "download_path", "context") == [
            ("model/a.bin", 10, 2.5, 1.5, False, "4g", "identity", "gzip", "shaped", "browser")
        ]

    def test_what_was_compiled_for_a_gpu(self, watched: Run) -> None:
        columns = ("block", "stage", "shaders", "pipelines", "compilation_ms")
        assert self.shown(watched, "compilation", *columns) == [(3, "warmup", 4, 2, 6.5)]

    def test_read_back_stands_beside_its_prediction(self, watched: Run) -> None:
        found = [one for one in self.shown(watched, "samples", "block", "stage", "value_ms", "readback_ms") if one[3]]
        assert found == [(3, "prediction", 4.0, 0.5), (3, "prediction", 3.75, 1.0), (3, "prediction", 4.25, 0.25)]

    def test_read_back_that_no_prediction_has_is_left_out(self) -> None:
        block = measured(planned(0), readback_ms=[0.5])
        run = Run(info=run_info("r1", host()), planned=[block.planned], blocks=[block])
        assert {row["readback_ms"] for row in export.rows(run)} == {None}

    def test_proof(self, watched: Run) -> None:
        columns = ("backend_read", "threads_read", "thread_cpu_ms", "wasm_file", "wasm_sha256", "delegates")
        told = {row[0]: row[1:] for row in self.shown(watched, "proof", "block", *columns)}
        assert told[3] == ("wasm", 2, "12.25 3.0", "backend-simd.wasm", "ab12", "XNNPACK: 66 nodes, 1 partitions")
        assert told[0] == (None,) * len(columns)
        more = self.shown(watched, "proof", "renderer_fresh", "flags", "environment", "browser", "download_path")
        assert more[2] == (True, "--headless '--rules=MAP * a'", "workers_started=1", "chrome", "shaped")

    def test_no_field_of_a_proof_is_left_out(self) -> None:
        elsewhere = {"files", "downloads", "browser_version", "cross_origin_isolated", "device", "app"}
        exported = {column.removesuffix("_read") for column in export.COLUMNS["proof"]}
        assert set(Proof.model_fields) - elsewhere <= exported

    def test_files(self, watched: Run) -> None:
        assert self.shown(watched, "files", "block", "name", "bytes", "sha256") == [
            (3, "backend-simd.wasm", 7, "ab12"),
            (3, "model.onnx", 9, None),
        ]

    def test_traces(self, watched: Run) -> None:
        found = self.shown(watched, "traces", "block", "pass", "name", "bytes", "sha256", "complete", "marks")
        assert found == [(4, "trace", "00004-a.json.gz", 2**33, "0" * 64, False, "setup warmup")]

    def test_series_have_a_row_a_value_and_one_with_the_reason_where_there_are_none(self, watched: Run) -> None:
        columns = ("block", "recorder", "name", "unit", "interval_ms", "position", "time_ms", "value", "missing")
        assert self.shown(watched, "series", *columns) == [
            (0, "load", "load_1min", "processes", 250.0, 0, 1.5, 0.5, None),
            (0, "load", "load_1min", "processes", 250.0, 1, 251.5, 0.75, None),
            (0, "thermal", "cpu", "°C", None, None, None, None, "the phone lists no such sensor"),
        ]

    def test_attempts_have_a_row_each_and_stopped_ones_are_invalid(self) -> None:
        gate = Gate(
            outcome="open",
            waited_ms=5000.0,
            readings=[GateReading(key="temperature", source="skin", unit="°C", value=39.0, limit=40.0)],
        )
        block = measured(planned(0))
        attempt = Stopped(
            started_at=block.started_at,
            ended_at=block.ended_at,
            source="skin",
            celsius=51.0,
            limit=50.0,
            measurement=block.measurement,
        )
        done = block.model_copy(update={"gate": gate, "stopped": [attempt]})
        given_up = failed(planned(1), "too hot").model_copy(update={"stopped": [attempt] * 3})
        run = Run(info=run_info("r1", host()), planned=[planned(0), planned(1)], blocks=[done, given_up])
        columns = ("block", "attempt", "stopped", "outcome", "verdict", "verdict_codes")
        assert self.shown(run, "attempts", *columns) == [
            (0, 1, True, "stopped", "invalid", "stopped-hot"),
            (0, 2, False, "measured", "valid", None),
            *((1, number, True, "stopped", "invalid", "stopped-hot") for number in (1, 2, 3)),
        ]
        first, second, *_ = self.shown(run, "attempts", "stopped_celsius", "predictions", "prediction_ms", "gate")
        assert (first, second) == ((51.0, 3, "4.0 3.75 4.25", None), (None, None, None, "open"))
        assert self.shown(run, "attempts", "gate_waited_ms", "gate_readings")[1] == (
            5000.0,
            "skin 39 °C, limit 40 °C",
        )
        counted = [row for row in export.rows(run) if row["block"] == 0 and row["stage"] == "prediction"]
        assert len(counted) == 3, "samples of stopped attempts are in no statistic"

    def test_cost(self, watched: Run) -> None:
        assert self.shown(watched, "cost", "block", "stage", "user_ms", "major_faults") == [
            (0, "setup", 3.0, 3),
            (0, "prediction", 7.0, 7),
        ]

    def test_a_group_mean_says_of_how_many_predictions(self, watched: Run) -> None:
        found = self.shown(watched, "samples", "block", "stage", "predictions_per_sample")
        assert {one for one in found if one[0] == 0} == {
            (0, "setup", None),
            (0, "warmup", None),
            (0, "prediction", 8),
        }

    @pytest.mark.parametrize("table", export.TABLES)
    def test_every_table_in_every_format(self, watched: Run, table: export.TableName, tmp_path: Path) -> None:
        import pyarrow.parquet as pq

        others = {"energy": energy_run, "page_quality": page_quality_run}
        watched = others[table]() if table in others else watched
        expected = export.rows(watched, table)
        assert expected
        header = csv.DictReader(io.StringIO(export.to_csv(watched, table))).fieldnames
        assert header == list(export.COLUMNS[table])
        assert json.loads(export.to_json(watched, table)) == expected
        export.write(watched, tmp_path / "x.parquet", "parquet", table)
        assert pq.read_table(tmp_path / "x.parquet").to_pylist() == expected
        assert len(export.to_frame(watched, table)) == len(expected)
