"""The result table that the command line prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobilebench.analysis.labels import (
    case_details,
    case_label,
    duration,
    engine_label,
    model_label,
    percent,
    printable,
    size,
)
from mobilebench.analysis.stage_parts import CompilationStatistics, ReadbackStatistics
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, Status, TargetSummary
from mobilebench.core.records import Pass, Stage
from mobilebench.report import pages, watched
from mobilebench.report.phrases import counts_sentence, range_text

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


_LONG_READBACK = 0.01
"""Share of a prediction from which the terminal tells it: where nothing waits for a GPU, there is next to none."""


def result_table(summary: RunSummary) -> Group:
    """One table for each target that has cases, with the reasons below it; fits 80 columns.

    Verdicts are words first and colour second, and virtual targets say so in their title.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[Table | Text] = []
    for target in summary.targets:
        if target.cases:
            parts += [_table(target), *_reasons(target)]
            parts += [*_setups(target), *_inferences(target)]
            parts += [*_kernels(target), *_memory(target), *_page_memory(target), *_unread(target, "trace"), Text()]
    parts.append(Text(f"{counts_sentence(summary.counts)}."))
    if summary.watched:
        parts.append(Text(f"Watched beside the timing: {watched.counts(summary)}."))
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
            table.add_row(*_row(case, target))
        table.add_section()
    return table


def _title(target: TargetSummary) -> Text:
    from rich.text import Text

    mark = [("VIRTUAL ", "bold magenta")] if target.info.virtual else []
    return Text.assemble(*mark, (printable(f"{target.info.name} ({target.info.id}), {target.soc}"), "bold"))


def _row(case: CaseSummary, target: TargetSummary) -> list[Text]:
    from rich.text import Text

    cells = [f" {_name(case, target)}", str(case.case.threads)]
    for stage in STAGES:
        statistics = case.stages.get(stage)
        cells.append(duration(statistics.median) if statistics else "–")
    prediction = case.stages.get("prediction")
    many = prediction is not None and len(prediction.blocks) > 1
    cells.append(range_text(prediction.spread.low, prediction.spread.high) if prediction and many else "–")
    return [*map(Text, cells), Text(case.status, style=_STYLE[case.status])]


def _reasons(target: TargetSummary) -> list[Text]:
    """A line for each reason, with the cases that have it."""
    from rich.text import Text

    found: dict[tuple[Status, str], list[CaseSummary]] = {}
    for case in target.cases:
        for reason in case.reasons:
            found.setdefault((case.status, reason), []).append(case)
    return [
        Text.assemble((status, _STYLE[status]), printable(f" {_who(cases)}: {reason}"))
        for (status, reason), cases in found.items()
    ]


def _who(cases: Sequence[CaseSummary]) -> str:
    """The cases that share a reason: by name where they are of one engine's setting, else by their number."""
    engines = list(dict.fromkeys(engine_label(case.case) for case in cases))
    models = ", ".join(dict.fromkeys(case.case.model for case in cases))
    if len(engines) == 1:
        return f"{engines[0]}, {models}"
    named = ", ".join(dict.fromkeys(case.case.engine for case in cases))
    return f"{len(cases)} cases ({named}; {models})"


def _setups(target: TargetSummary) -> list[Table | Text]:
    """Setup of pages by part, the share of downloads, and how fast they came over which path."""
    from rich.text import Text

    table = _watched_table("setup of pages, ms", ("framework", "start", "model", "start", "share", "MB/s"))
    for key, cases in target.by_model().items():
        found = [(case, one) for case in pages.with_setup(cases) if (one := case.downloads) and one.share is not None]
        _add_model(table, key, [case for case, _ in found])
        for case, downloads in found:
            parts = [pages.part(case, part) for part in pages.PARTS]
            cells = (*parts, pages.share(downloads.share), watched.rate(downloads.megabytes_per_second))
            path = f", {downloads.path}" if downloads.path else ""
            table.add_row(*map(Text, (f" {_name(case, target)}{path}", str(case.case.threads), *cells)))
    return [table] if table.row_count else []


def _inferences(target: TargetSummary) -> list[Table | Text]:
    """Compilation within the first inference, and read-back within a prediction, where they are worth a line."""
    from rich.text import Text

    table = _watched_table("inside inferences, ms", ("first", "compiled", "share", "prediction", "read-back", "share"))
    for key, cases in target.by_model().items():
        found = [case for case in pages.with_parts_of_inference(cases) if case.compilation or _reads_long(case)]
        _add_model(table, key, found)
        for case in found:
            cells = (
                *_part_of(case, "warmup", case.compilation.get("warmup")),
                *_part_of(case, "prediction", case.readback),
            )
            table.add_row(*map(Text, (f" {_name(case, target)}", str(case.case.threads), *cells)))
    return [table] if table.row_count else []


def _reads_long(case: CaseSummary) -> bool:
    return case.readback is not None and (case.readback.share or 0) >= _LONG_READBACK


def _part_of(
    case: CaseSummary, stage: Stage, part: CompilationStatistics | ReadbackStatistics | None
) -> tuple[str, str, str]:
    """A stage, the part of it, and that as a share."""
    whole = case.stages.get(stage)
    inside = (duration(part.time.median), pages.share(part.share)) if part else ("–", "–")
    return duration(whole.median) if whole else "–", *inside


def _kernels(target: TargetSummary) -> list[Table | Text]:
    """What kernels add up to, and the classes that they belong to."""
    from rich.text import Text

    table = _watched_table("kernels, ms", ("sum", "explained", "vs timing", "compute", "memory"))
    for key, cases in target.by_model().items():
        read = watched.with_kernels(cases)
        _add_model(table, key, [case for case, _ in read])
        for case, found in read:
            classes = (percent(found.share_of("compute")), percent(found.share_of("memory")))
            cells = (duration(found.sum_ms), percent(found.explained), watched.times(found.distortion), *classes)
            table.add_row(*map(Text, (f" {_name(case, target)}", str(case.case.threads), *cells)))
    return [*([table] if table.row_count else []), *_unread(target, "kernels")]


def _memory(target: TargetSummary) -> list[Table | Text]:
    """The peak, and what was read when the last prediction ended."""
    from rich.text import Text

    table = _watched_table("memory", ("peak RSS", "/ model", "RSS", "PSS", "USS"))
    for key, cases in target.by_model().items():
        read = watched.with_memory(cases)
        _add_model(table, key, [case for case, _ in read])
        for case, found in read:
            others = map(watched.optional_size, (found.steady.pss_kb, found.steady.uss_kb))
            peak = (watched.optional_size(found.peak_rss_kb), watched.times(found.peak_to_model))
            cells = (*peak, size(found.steady.rss_kb), *others)
            table.add_row(*map(Text, (f" {_name(case, target)}", str(case.case.threads), *cells)))
    return [*([table] if table.row_count else []), *_unread(target, "memory")]


def _page_memory(target: TargetSummary) -> list[Table | Text]:
    """The highest values that pages told."""
    from rich.text import Text

    table = _watched_table("memory told by pages", ("wasm", "perf.memory", "userAgent", "tensors", "/ model"))
    for key, cases in target.by_model().items():
        read = watched.with_page_memory(cases)
        _add_model(table, key, [case for case, _ in read])
        for case, found in read:
            fields = ("wasm_heap_bytes", "performance_memory_bytes", "user_agent_bytes")
            told = [watched.told_size(one.highest if (one := found.of(field)) else None) for field in fields]
            cells = (*told, watched.told_size(found.peak_tensors), watched.times(found.tensors_to_model))
            table.add_row(*map(Text, (f" {_name(case, target)}", str(case.case.threads), *cells)))
    return [table] if table.row_count else []


def _add_model(table: Table, key: tuple[str, str, int], cases: Sequence[CaseSummary]) -> None:
    from rich.text import Text

    if cases:
        table.add_row(Text(printable(model_label(*key)), style="bold"))


def _watched_table(name: str, columns: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column(name, min_width=24, overflow="fold")
    table.add_column("thr", justify="right")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _name(case: CaseSummary, target: TargetSummary) -> str:
    """Engine, backend and setting, and what else tells it apart; threads have a column of their own.

    The browser is named where the target has more than one.
    """
    browsers = {one.case.browser for one in target.cases if one.case.browser}
    chosen = case_details(case.case, browser=len(browsers) > 1, threads=False)
    return printable(", ".join([engine_label(case.case), *chosen]))


def _unread(target: TargetSummary, of_pass: Pass) -> list[Text]:
    from rich.text import Text

    found = []
    for case, reason in watched.without(target.cases, of_pass):
        status = case.watched[of_pass].status
        sentence = printable(f" {of_pass} of {case_label(case.case, browser=False)}, {case.case.model}: {reason}")
        found.append(Text.assemble((status, _STYLE[status]), sentence))
    return found
