"""Use mobilebench as it would be if `Case` declared one more axis, and print what came of that axis, as JSON.

The declaration is put into the source of `core.axes` before anything else is imported. No other source is changed.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

DECLARATION = """\
    clock: Annotated[
        str,
        Axis(
            help="Keep the processor at this clock.",
            plural="clocks",
            metavar="free|locked",
            parse=one_of("a clock", "free", "locked"),
            in_key="clock-{}",
            label=lambda value: f"{value} clock",
        ),
    ] = "free"

"""
SUITE = """\
title: Clocks
description: For tests
models: [mlp_2x8]
threads: [1]
clocks: [free, locked]
rule: {min_predictions: 1, max_predictions: 1, max_seconds: 1}
blocks: 1
groups:
  - targets: [host]
    engines:
      sleep: [cpu]
"""


def declare() -> None:
    """Import `core.axes` with the declaration as the last field of `Case`."""
    import mobilebench.core

    spec = importlib.util.find_spec("mobilebench.core.axes")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    end = "    def __post_init__"
    assert source.count(end) == 1
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = mobilebench.core.axes = module  # type: ignore[attr-defined]
    code = compile(source.replace(end, DECLARATION + end), spec.origin, "exec", dont_inherit=True)
    exec(code, module.__dict__)


def main(folder: Path) -> dict[str, object]:
    """What becomes of the axis, from the suite file to the export."""
    from typer.testing import CliRunner

    from mobilebench.analysis.labels import case_label
    from mobilebench.cli.app import app
    from mobilebench.cli.plan_table import plan_table
    from mobilebench.core.records import Run
    from mobilebench.report.views import FURTHER_AXES
    from mobilebench.results import export
    from mobilebench.results.store import Store
    from mobilebench.suite import loading
    from mobilebench.suite.planning import Selection, plan
    from tests.results import before_axes
    from tests.results.making import host, measured, run_info

    path = folder / "clocks.yaml"
    path.write_text(SUITE)
    suite = loading.load(str(path))
    planned = plan(suite, [host()])
    selected = plan(suite, [host()], Selection({"clock": ("locked",)}))
    columns, rows = plan_table(planned)

    with Store.open(folder / "new") as store:
        info = run_info("20261121-120000-ab12", host())
        store.create_run(info, planned.blocks)
        for block in planned.blocks:
            store.append(info.id, measured(block))
        stored = store.load(info.id)
    with Store.open(folder / "new") as store:
        run: Run = store.load(info.id)
    (folder / "old").mkdir()
    before_axes.unpack_store(folder / "old")
    with Store.open(folder / "old") as store:
        old = store.load(store.resolve("last"))

    def invoke(*arguments: str) -> str:
        environment = {"COLUMNS": "200", "TERM": "dumb", "MOBILEBENCH_HOME": str(folder / "home")}
        result = CliRunner().invoke(app, ["run", *arguments], env=environment)
        return result.output

    return {
        "keys": sorted(block.case.key for block in planned.blocks),
        "selected": [block.case.key for block in selected.blocks],
        "help": invoke("--help"),
        "mistake": invoke("--serial", "host", "--suite", str(path), "--clock", "lokked", "--dry-run"),
        "dry run": sorted(row[columns.index("clock")] for row in rows),
        "round trip": stored == run and [one.case for one in run.planned] == [one.case for one in planned.blocks],
        "of an older store": sorted({str(getattr(one.case, "clock", None)) for one in old.planned}),
        "exported": sorted({(row["clock"], row["outcome"]) for row in export.rows(run)}),
        "csv": export.to_csv(run).splitlines()[0].split(","),
        "frame": str(export.to_frame(run)["clock"].dtype),
        "report": list(FURTHER_AXES),
        "labels": sorted(case_label(block.case) for block in run.planned),
    }


if __name__ == "__main__":
    declare()
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
