"""Results in long form for other programs: one row a raw value. Statistics belong to `analysis`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mobilebench.errors import BadInput
from mobilebench.results.records import Block, Run, TargetInfo

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "json", "parquet"]

COLUMNS: dict[str, type] = {
    "run": str,
    "suite": str,
    "target": str,
    "target_name": str,
    "target_kind": str,
    "virtual": bool,
    "soc": str,
    "os": str,
    "engine": str,
    "engine_version": str,
    "backend": str,
    "setting": str,
    "threads": int,
    "browser": str,
    "browser_version": str,
    "cross_origin_isolated": bool,
    "model": str,
    "variant": str,
    "weights": str,
    "batch": int,
    "round": int,
    "block": int,
    "started_at": str,
    "outcome": str,
    "reason": str,
    "verdict": str,
    "verdict_reasons": str,
    "stage": str,
    "part": str,
    "position": int,
    "value_ms": float,
}
"""Name and type of every column. `soc` is the one that results are filed under: `virtual: <host CPU>` of a virtual
phone. `started_at` is ISO 8601 in UTC; `value_ms` is the raw value in milliseconds; what is unknown is empty."""


def rows(run: Run) -> list[dict[str, Any]]:
    """One row a measured value. A block without values (unsupported, failed, not measured yet) is one row with none."""
    targets = {info.id: info for info in run.info.targets}
    done = {block.planned.index: block for block in run.blocks}
    found = []
    for planned in run.planned:
        case = planned.case
        shared = {
            "run": run.info.id,
            "suite": run.info.suite,
            **_target(targets[case.target]),
            **case.model_dump(),
            "weights": run.info.weights.get(case.model),
            "round": planned.round,
            "block": planned.index,
            **_block(done.get(planned.index)),
        }
        values = list(_values(done.get(planned.index))) or [{}]
        found += [{column: {**shared, **value}.get(column) for column in COLUMNS} for value in values]
    return found


def to_frame(run: Run) -> pd.DataFrame:
    """The rows as a frame with pandas' nullable types, so that an empty value is `NA` in every column."""
    import pandas as pd

    types = {str: "string", int: "Int64", float: "Float64", bool: "boolean"}
    frame = pd.DataFrame(rows(run), columns=list(COLUMNS))
    return frame.astype({name: types[kind] for name, kind in COLUMNS.items()})


def to_csv(run: Run) -> str:
    """The rows as CSV with a header; an unknown value is an empty field, truth is `true` or `false`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows(run))
    return text.getvalue()


def to_json(run: Run) -> str:
    """The rows as a JSON array of objects; an unknown value is null."""
    return json.dumps(rows(run), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write(run: Run, path: Path, format: Format) -> None:  # noqa: A002
    """Write the rows to a file.

    Raises:
        BadInput: the file cannot be written.
    """
    try:
        path.write_bytes(encode(run, format))
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.", hint="Name another file by --out.") from error


def encode(run: Run, format: Format) -> bytes:  # noqa: A002
    """The rows as the bytes of a file of this format; text is UTF-8."""
    if format == "parquet":
        return _parquet(run)
    return (to_csv(run) if format == "csv" else to_json(run)).encode()


def _parquet(run: Run) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows(run), schema=schema), file)
    return file.getvalue()


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
        "reason": block.reason,
    }
    if block.verdict:
        found |= {"verdict": block.verdict.status, "verdict_reasons": "; ".join(block.verdict.reasons) or None}
    if block.measurement:
        proof = block.measurement.proof
        found |= {
            "engine_version": block.measurement.version,
            "browser_version": proof.browser_version,
            "cross_origin_isolated": proof.cross_origin_isolated,
        }
    return found


def _values(block: Block | None) -> Iterator[dict[str, Any]]:
    if block is None or block.measurement is None:
        return
    for position, (part, value) in enumerate(block.measurement.setup_ms.items()):
        yield {"stage": "setup", "part": part, "position": position, "value_ms": value}
    for stage, values in (("warmup", block.measurement.warmup_ms), ("prediction", block.measurement.prediction_ms)):
        for position, value in enumerate(values):
            yield {"stage": stage, "position": position, "value_ms": value}


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
