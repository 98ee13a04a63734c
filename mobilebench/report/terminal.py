"""The result table that the command line prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilebench.analysis.labels import duration, engine_label, model_label, printable
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, Status, TargetSummary
from mobilebench.report.words import counts_sentence, range_text

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

_STYLE: dict[Status, str] = {
    "valid": "green",
    "suspect": "yellow",
    "invalid": "bold red",
    "failed": "bold red",
    "unsupported": "dim",
    "not measured": "dim",
}


def result_table(summary: RunSummary) -> Group:
    """One table for each target that has cases, with the reasons below it; fits 80 columns.

    Verdicts are words first and colour second, and virtual targets say so in their title.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[Table | Text] = []
    for target in summary.targets:
        if target.cases:
            parts += [_table(target), *_reasons(target), Text()]
    parts.append(Text(f"{counts_sentence(summary.counts)}."))
    return Group(*parts)


def _table(target: TargetSummary) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=_title(target), title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("ms", min_width=24, overflow="fold")
    table.add_column("thr", justify="right")
    for stage in STAGES:
        table.add_column(stage, justify="right", no_wrap=True)
    table.add_column("blocks", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for key, cases in target.by_model().items():
        table.add_row(Text(printable(model_label(*key)), style="bold"))
        for case in cases:
            table.add_row(*_row(case))
        table.add_section()
    return table


def _title(target: TargetSummary) -> Text:
    from rich.text import Text

    mark = [("VIRTUAL ", "bold magenta")] if target.info.virtual else []
    return Text.assemble(*mark, (printable(f"{target.info.name} ({target.info.id}), {target.soc}"), "bold"))


def _row(case: CaseSummary) -> list[Text]:
    from rich.text import Text

    cells = [f" {printable(engine_label(case.case))}", str(case.case.threads)]
    for stage in STAGES:
        statistics = case.stages.get(stage)
        cells.append(duration(statistics.median) if statistics else "–")
    prediction = case.stages.get("prediction")
    many = prediction is not None and len(prediction.blocks) > 1
    cells.append(range_text(prediction.spread.low, prediction.spread.high) if prediction and many else "–")
    return [*map(Text, cells), Text(case.status, style=_STYLE[case.status])]


def _reasons(target: TargetSummary) -> list[Text]:
    from rich.text import Text

    found = []
    for case in target.cases:
        for reason in case.reasons:
            sentence = printable(f" {engine_label(case.case)}, {case.case.model}: {reason}")
            found.append(Text.assemble((case.status, _STYLE[case.status]), sentence))
    return found
