"""Exports results in long form for other programs, with one row for each raw value. Statistics are in `analysis`.

Stage times are in the table `samples`. Kernels, operators of the model's file, memory readings, memory that a page
reports (also after each kernel), the system's counts for each stage, compilation for a GPU, downloads, proofs, loaded
files, traces, and series of recorders have tables of their own. All tables begin with the same columns, which say what
was measured; the first one is the version of the columns (`columns.SCHEMA`).
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import mobilebench
from mobilebench.core import page_metrics, page_quality
from mobilebench.core.axes import AXES
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block, DelegateShare, Gate, Measurement, Proof, Run, Stopped, TargetInfo
from mobilebench.recorders.energy import quantities, window
from mobilebench.recorders.reading import Void
from mobilebench.results.columns import COLUMNS, PROOF, SCHEMA, TABLES
from mobilebench.results.names import TableName
from mobilebench.verdicts.stopped import judge_stopped

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "TABLES", "Format", "TableName", "rows", "to_csv", "to_frame", "to_json", "write", "write_to"]

Format = Literal["csv", "json", "parquet"]

_AS_THEY_ARE = tuple(name for name in PROOF if name in Proof.model_fields)
"""Columns of the table `proof` that are fields of the proof."""

_ROWS_AT_ONCE = 20_000
"""So many rows of a Parquet file are in memory together, and form one of its row groups."""


def rows(run: Run, table: TableName = "samples") -> list[dict[str, Any]]:
    """The rows of a table, in the order of the plan. See `each_row`."""
    return list(each_row(run, table))


def each_row(run: Run, table: TableName = "samples") -> Iterator[dict[str, Any]]:
    """The rows of a table one after the other, in the order of the plan.

    `samples` has at least one row for each planned block; for a block without values (unsupported, failed, not measured
    yet), the row has the reason. The other tables contain only blocks with such data.

    Raises:
        KeyError: a value has a name that is no column of the table, which is a defect here.
    """
    targets = {info.id: info for info in run.info.targets}
    done = {block.planned.index: block for block in run.blocks}
    for planned in run.planned:
        block = done.get(planned.index)
        values = list(_values(block, table)) if block else []
        if not values and table != "samples":
            continue
        shared = {
            "schema": SCHEMA,
            "run": run.info.id,
            "suite": run.info.suite,
            **_target(targets[planned.case.target]),
            **{axis.column: getattr(planned.case, name) for name, axis in AXES.items()},
            "weights": run.info.weights.get(planned.case.model),
            "priority": planned.conditions.priority,
            "model_access": planned.conditions.model_access,
            "conditions": planned.conditions.device,
            "pass": planned.pass_,
            "context": planned.context,
            "round": planned.round,
            "block": planned.index,
            **_block(block),
        }
        yield from (_row(shared, value, table) for value in values or [{}])


def _row(shared: dict[str, Any], value: dict[str, Any], table: TableName) -> dict[str, Any]:
    columns = COLUMNS[table]
    if undeclared := value.keys() - columns.keys():
        raise KeyError(f"table {table} has no columns {', '.join(sorted(undeclared))} (results/columns.py)")
    values = {**shared, **value}
    return {column: values.get(column) for column in columns}


def to_frame(run: Run, table: TableName = "samples") -> pd.DataFrame:
    """The rows as a frame with pandas' nullable types, so that an empty value is `NA` in every column."""
    return frame_of(rows(run, table), table)


def frame_of(found: list[dict[str, Any]], table: TableName) -> pd.DataFrame:
    """Rows of a table as a frame with pandas' nullable types."""
    import pandas as pd

    types = {str: "string", int: "Int64", float: "Float64", bool: "boolean"}
    columns = COLUMNS[table]
    frame = pd.DataFrame(found, columns=list(columns))
    return frame.astype({name: types[column.kind] for name, column in columns.items()})


def to_csv(run: Run, table: TableName = "samples") -> str:
    """The rows as CSV with a header. An unknown value is an empty field; a boolean is `true` or `false`."""
    return _as_bytes(run, "csv", table).decode()


def to_json(run: Run, table: TableName = "samples") -> str:
    """The rows as a JSON array of objects, one a line; an unknown value is null."""
    return _as_bytes(run, "json", table).decode()


def write(run: Run, path: Path, format: Format, table: TableName = "samples") -> None:  # noqa: A002
    """Write the rows of a table to a file.

    Raises:
        BadInput: the file cannot be written.
    """
    try:
        with path.open("wb") as stream:
            write_to(stream, run, format, table)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.", hint="Name another file with --file.") from error


def write_to(stream: BinaryIO, run: Run, format: Format, table: TableName = "samples") -> None:  # noqa: A002
    """Write the rows of a table to a stream, one after the other; text is UTF-8."""
    if format == "parquet":
        _write_parquet(stream, run, table)
    else:
        for line in (_csv_lines if format == "csv" else _json_lines)(run, table):
            stream.write(line.encode())


def _as_bytes(run: Run, format: Format, table: TableName) -> bytes:  # noqa: A002
    stream = io.BytesIO()
    write_to(stream, run, format, table)
    return stream.getvalue()


def _csv_lines(run: Run, table: TableName) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    for values in itertools.chain([COLUMNS[table]], (row.values() for row in each_row(run, table))):
        writer.writerow(map(_plain, values))
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _json_lines(run: Run, table: TableName) -> Iterator[str]:
    before = "[\n"
    for row in each_row(run, table):
        yield before + json.dumps(row, ensure_ascii=False, allow_nan=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _write_parquet(stream: BinaryIO, run: Run, table: TableName) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    said = {"schema": str(SCHEMA), "table": table, "version": mobilebench.__version__}
    schema = pa.schema(
        [(name, types[column.kind]) for name, column in COLUMNS[table].items()],
        metadata={f"mobilebench.{name}": value for name, value in said.items()},
    )
    left = each_row(run, table)
    with pq.ParquetWriter(stream, schema) as writer:
        while batch := list(itertools.islice(left, _ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def _values(block: Block, table: TableName) -> Iterator[dict[str, Any]]:
    if table == "series":
        return _series(block)
    if table == "energy":
        return _energy(block)
    if table == "page_quality":
        return _page_quality(block)
    if table == "attempts":
        return _attempts(block)
    return _VALUES[table](block.measurement) if block.measurement else iter(())


def _target(info: TargetInfo) -> dict[str, Any]:
    return {
        "target_name": info.name,
        "target_kind": info.kind,
        "virtual": info.virtual,
        "soc": info.soc,
        "os": info.os,
    }


def _block(block: Block | None) -> dict[str, Any]:
    if block is None:
        return {"outcome": "not measured"}
    found: dict[str, Any] = {
        "started_at": block.started_at.isoformat(timespec="milliseconds"),
        "outcome": block.outcome,
        "fault": block.fault,
        "reason": block.reason,
    }
    if block.verdict:
        found |= {
            "verdict": block.verdict.status,
            "verdict_codes": " ".join(block.verdict.codes) or None,
            "verdict_reasons": "; ".join(block.verdict.sentences) or None,
            "rules": block.verdict.rules,
        }
    if block.recorded_verdict:
        found |= {
            "recorded_verdict": block.recorded_verdict.status,
            "recorded_codes": " ".join(block.recorded_verdict.codes) or None,
            "recorded_rules": block.recorded_verdict.rules,
        }
    if block.measurement:
        proof = block.measurement.proof
        found |= {
            "engine_version": block.measurement.version,
            "browser_version": proof.browser_version,
            "cross_origin_isolated": proof.cross_origin_isolated,
        }
    return found


def _samples(measurement: Measurement) -> Iterator[dict[str, Any]]:
    for position, (part, value) in enumerate(measurement.setup_ms.items()):
        yield {"stage": "setup", "part": part, "position": position, "value_ms": value}
    for position, value in enumerate(measurement.warmup_ms):
        yield {"stage": "warmup", "position": position, "value_ms": value}
    paired = len(measurement.readback_ms) == len(measurement.prediction_ms)
    for position, value in enumerate(measurement.prediction_ms):
        yield {
            "stage": "prediction",
            "position": position,
            "value_ms": value,
            "readback_ms": measurement.readback_ms[position] if paired else None,
            "predictions_per_sample": measurement.predictions_per_sample,
        }


def _kernels(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """One row for each time that a kernel ran."""
    for kernel in measurement.kernels:
        named = kernel.model_dump(include={"name", "node", "operator", "provider", "collapsed", "clock"})
        if kernel.warmup_ms is not None:
            yield {**named, "stage": "warmup", "position": 0, "value_ms": kernel.warmup_ms}
        for position, value in enumerate(kernel.times_ms):
            yield {**named, "stage": "prediction", "position": position, "value_ms": value}


def _graph(measurement: Measurement) -> Iterator[dict[str, Any]]:
    for operators in measurement.graph:
        yield operators.model_dump()


def _memory(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """One row for each reading. Values for the whole process (peak, graphics memory) have rows of their own."""
    use = measurement.memory
    if use is None:
        return
    for reading in use.readings:
        kind = "sample" if reading.stage is None else "stage end"
        yield {"kind": kind, "period_ms": use.period_ms, **reading.model_dump()}
    yield {"kind": "process", **use.model_dump(include={"period_ms", "peak_rss_kb", "graphics_kb"})}


def _page_memory(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """One row for each stage at whose end the page's memory was read."""
    for reading in measurement.memory.page if measurement.memory else []:
        yield reading.model_dump()


def _kernel_memory(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """One row for each kernel of the first inference, in the order in which they ran."""
    for position, kernel in enumerate(measurement.memory.kernels if measurement.memory else []):
        yield {"position": position, **kernel.model_dump()}


def _cost(measurement: Measurement) -> Iterator[dict[str, Any]]:
    for stage, cost in measurement.cost.items():
        yield {"stage": stage, **cost.model_dump()}


def _compilation(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """One row for each stage in which something was compiled for a GPU."""
    for stage, one in measurement.compilation.items():
        yield {"stage": stage, "shaders": one.shaders, "pipelines": one.pipelines, "compilation_ms": one.ms}


def _proof(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """One row for each block; None for values that could not be read.

    Each list becomes one text: numbers are separated by spaces, flags are quoted for a shell, sentences are joined by
    `; `.
    """
    proof = measurement.proof
    wasm = [file for file in proof.files if file.name.endswith(".wasm")]
    found = {name: getattr(proof, name) for name in _AS_THEY_ARE}
    yield {
        **found,
        "backend_read": proof.backend,
        "threads_read": proof.threads,
        "affinity_read": None if proof.affinity is None else ",".join(map(str, proof.affinity)),
        "priority_read": proof.priority,
        "model_access_read": proof.model_access,
        "regime": proof.device.regime if proof.device else None,
        "conditions_held": " ".join(one.name for one in proof.device.conditions if one.holds) if proof.device else None,
        **_app(proof),
        "thread_cpu_ms": _numbers(proof.thread_cpu_ms),
        "download_turns_ms": _numbers(proof.download_turns_ms),
        "wasm_file": "; ".join(file.name for file in wasm) or None,
        "wasm_sha256": "; ".join(file.sha256 or "" for file in wasm) or None,
        "delegates": "; ".join(map(_delegate, proof.delegates)) or None,
        "cpu_features": " ".join(proof.cpu_features) or None,
        "flags": shlex.join(proof.flags) or None,
        "environment": shlex.join(f"{name}={value}" for name, value in proof.environment.items()) or None,
        "notes": "; ".join(proof.notes) or None,
    }


def _app(proof: Proof) -> dict[str, Any]:
    if proof.app is None:
        return {}
    found = proof.app.model_dump(exclude={"virtual", "apk_version", "apk_sha256"})
    own = {f"app_{name}": value for name, value in found.items()}
    return {**own, "app_version": proof.app.apk_version, "app_sha256": proof.app.apk_sha256}


def _numbers(values: list[float]) -> str | None:
    return " ".join(map(repr, values)) or None


def _delegate(of: DelegateShare) -> str:
    return f"{of.name}: {of.nodes} nodes" + ("" if of.partitions is None else f", {of.partitions} partitions")


def _files(measurement: Measurement) -> Iterator[dict[str, Any]]:
    for file in measurement.proof.files:
        yield file.model_dump()


def _downloads(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """One row for each file, with the requested encoding (`encoding`) and the one that was sent (`sent_encoding`)."""
    for one in measurement.proof.downloads:
        found = one.model_dump(exclude={"encoding"})
        yield {**found, "sent_encoding": one.encoding, "download_path": measurement.proof.download_path}


def _traces(measurement: Measurement) -> Iterator[dict[str, Any]]:
    """The file of a trace pass, with its name in the run's folder `traces`."""
    if measurement.trace:
        yield {**measurement.trace.model_dump(exclude={"categories"}), "marks": " ".join(measurement.trace.marks)}


def _series(block: Block) -> Iterator[dict[str, Any]]:
    """One row for each value that a recorder read; a series without values has one row with the reason."""
    for one in block.series:
        named = {**one.model_dump(include={"recorder", "name", "unit", "interval_ms"}), "missing": one.reason}
        for position, (time_ms, value) in enumerate(zip(one.times_ms, one.values, strict=False)):
            yield {**named, "position": position, "time_ms": time_ms, "value": value}
        if not one.values:
            yield named


def _attempts(block: Block) -> Iterator[dict[str, Any]]:
    """One row for each attempt that was stopped because of heat, and one for the attempt whose outcome counts."""
    for number, one in enumerate(block.stopped, 1):
        verdict = judge_stopped(one)
        yield {
            "attempt": number,
            "stopped": True,
            "started_at": one.started_at.isoformat(timespec="milliseconds"),
            "ended_at": one.ended_at.isoformat(timespec="milliseconds"),
            "outcome": "stopped",
            "fault": None,
            "verdict": verdict.status,
            "verdict_codes": " ".join(verdict.codes),
            "rules": verdict.rules,
            "recorded_verdict": None,
            "stopped_by": one.source,
            "stopped_celsius": one.celsius,
            "stop_above_celsius": one.limit,
            "predictions": len(one.measurement.prediction_ms) if one.measurement else None,
            "prediction_ms": _numbers(one.measurement.prediction_ms) if one.measurement else None,
            **_gate(one.gate),
        }
    if len(block.stopped) > Stopped.REPEATS:
        return  # it was given up, so that no further attempt was made
    yield {
        "attempt": len(block.stopped) + 1,
        "stopped": False,
        "ended_at": block.ended_at.isoformat(timespec="milliseconds"),
        **_gate(block.gate),
        **{f"{what}_ms": spent for what, spent in block.spent_ms.items()},
    }


def _gate(gate: Gate | None) -> dict[str, Any]:
    if gate is None:
        return {}
    readings = "; ".join(one.describe() for one in gate.readings)
    return {"gate": gate.outcome, "gate_waited_ms": gate.waited_ms, "gate_readings": readings or None}


def _energy(block: Block) -> Iterator[dict[str, Any]]:
    """One row for each stage and method of an energy pass."""
    if block.measurement is None or block.planned.pass_ != quantities.PASS:
        return
    for account in window.accounts(block.series, block.measurement):
        shared = {
            "method": account.method,
            "scope": quantities.SCOPES[account.method],
            "idle_before_mw": _known(account.idle_before_mw),
            "idle_after_mw": _known(account.idle_after_mw),
        }
        for stage, found in account.stages.items():
            if isinstance(found, Void):
                yield {**shared, "stage": stage, "missing": found.reason}
                continue
            yield {
                **shared,
                "stage": stage,
                "gross_mj": found.gross_mj,
                "net_mj": _known(found.net_mj),
                "power_mw": found.power_mw,
                "updates": found.updates,
                "averaged_s": found.seconds,
                "missing": found.net_mj.reason if isinstance(found.net_mj, Void) else None,
            }


def _page_quality(block: Block) -> Iterator[dict[str, Any]]:
    """One row for each metric that the block's scenario has."""
    if block.scenario is None:
        return
    reached = _reached_duty(block.scenario, block.measurement)
    for one in page_metrics.readings(block.scenario):
        value = one.value
        yield {
            "metric": one.metric.name,
            "value": None if isinstance(value, page_quality.Void) else value,
            "unit": one.metric.unit,
            "direction": one.metric.direction,
            "missing": value.reason if isinstance(value, page_quality.Void) else None,
            "reached_duty": reached,
        }


def _reached_duty(scenario: page_quality.ScenarioResult, measurement: Measurement | None) -> float | None:
    if measurement is None or isinstance(scenario.inferring, page_quality.Void):
        return None
    starts, times = scenario.inferring.start_ms, measurement.prediction_ms
    return page_metrics.reached_duty(starts, times) if len(starts) == len(times) else None


def _known(value: float | Void) -> float | None:
    return None if isinstance(value, Void) else value


_VALUES: dict[TableName, Callable[[Measurement], Iterator[dict[str, Any]]]] = {
    "samples": _samples,
    "kernels": _kernels,
    "graph": _graph,
    "memory": _memory,
    "page_memory": _page_memory,
    "kernel_memory": _kernel_memory,
    "cost": _cost,
    "compilation": _compilation,
    "downloads": _downloads,
    "proof": _proof,
    "files": _files,
    "traces": _traces,
}


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
