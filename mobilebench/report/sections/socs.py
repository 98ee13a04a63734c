"""Per SoC, or per group of another fact: each group with its fastest cases, and each engine over all groups.

Phones of one group are pooled: the mean over phones, the spread between them, and their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilebench.analysis.by_soc import GroupSummary, Pooled, by_group, engines
from mobilebench.analysis.grouping import TargetGroup, grouping
from mobilebench.analysis.labels import case_details, case_label, duration, plain_model_label
from mobilebench.profiles.schema import Profile
from mobilebench.report import document as doc
from mobilebench.report.phrases import interval, listed, plural, range_text
from mobilebench.report.views import RunView, csv_columns, opens, target_names

CSV_COLUMNS = (
    "run",
    "grouped_by",
    "group",
    "virtual",
    "engine",
    "backend",
    "engine_version",
    "context",
    "model",
    "precision",
    "batch",
    "case",
    "targets",
    "prediction_ms",
    "lowest_ms",
    "highest_ms",
    "suspect",
)
"""Columns of `socs.csv`: one row for each pooled case of each group; milliseconds are those of its targets."""

_NOTE = (
    "Milliseconds per prediction. Over several targets: the geometric mean, the fastest and the slowest target, and "
    "their number; on one target: its typical time and the 95 % interval."
)


def section(view: RunView) -> doc.Section | None:
    """A part for each group, and for each engine and backend; None for one target, unless a grouping was asked for."""
    groups = [group for group in by_group(view.run, view.group_by or "soc") if group.pooled]
    if not groups or (len(view.run.targets) < 2 and view.group_by is None):
        return None
    title = grouping(view.group_by or "soc").title
    parts = [_group(view, number, group) for number, group in enumerate(groups, 1)]
    if len(groups) > 1:
        shared = [one for one in engines(groups) if sum(one in engines([group]) for group in groups) > 1]
        parts += [_engine(view, number, engine, groups) for number, engine in enumerate(shared, 1)]
    lead = (
        f"Targets are grouped by {title}. Cases are pooled only if they are equal but for the target, ran under the "
        f"same conditions and with the same version of the engine; virtual targets are never pooled with real ones. "
        f"{_NOTE}"
    )
    rows = tuple(_data_row(view, title, group, one) for group in groups for one in group.pooled)
    data = doc.Table("socs-data", csv_columns(CSV_COLUMNS), rows, csv="socs.csv", forms=doc.CSV)
    return doc.Section("socs", f"By {title}", (data,), sections=tuple(parts), lead=lead)


def _data_row(view: RunView, title: str, group: GroupSummary, one: Pooled) -> doc.Row:
    whose = (view.run.info.id, title, group.group.name, group.group.virtual)
    what = (*one.engine, one.version, one.regime[0], *one.model, one.case.key)
    times = (len(one.members), one.mean, one.spread.low, one.spread.high)
    return doc.Row((*whose, *what, *times, one.suspect))


def _group(view: RunView, number: int, group: GroupSummary) -> doc.Section:
    """One group: the fastest case of each model on each engine and backend, and the fastest model of each task."""
    own = engines([group])
    models = list(dict.fromkeys(one.model for one in group.pooled))
    columns = (doc.Column("Model", "name"), *(doc.Column(" ".join(engine), "number", style="big") for engine in own))
    rows = tuple(
        doc.Row((plain_model_label(*model), *(_fastest(view, group.fastest(model, engine)) for engine in own)))
        for model in models
    )
    name = group.group.name
    tables = [
        doc.Table("soc-models", columns, rows, f"Fastest case of each model on {name}", forms=doc.DOCUMENTS),
        *_tasks(view, group),
    ]
    return doc.Section(
        "soc",
        _title(group.group),
        (doc.Facts(tuple(_facts(view, group.group)), forms=doc.HTML), *tables),
        anchor=f"soc-{number}",
        summary=plural(len(group.group.targets), "target"),
        style="model",
        open=False,
        mark=name if group.group.virtual else None,
    )


def _tasks(view: RunView, group: GroupSummary) -> Iterator[doc.Table]:
    found = group.fastest_by_task()
    if found:
        columns = (
            doc.Column("Task", "name"),
            doc.Column("Fastest model"),
            doc.Column("Prediction", "number", style="big"),
        )
        rows = tuple(
            doc.Row((task, plain_model_label(*one.model), _cell(view, one, (case_label(one.case),))))
            for task, one in found.items()
        )
        caption = f"Fastest model of each task on {group.group.name}"
        yield doc.Table("soc-tasks", columns, rows, caption, forms=doc.DOCUMENTS)


def _engine(view: RunView, number: int, engine: tuple[str, str], groups: Sequence[GroupSummary]) -> doc.Section:
    """One engine and backend: every way to run a model, on all groups that ran it beside each other."""
    own = [group for group in groups if any(one.engine == engine for one in group.pooled)]
    ways: dict[tuple[object, ...], dict[int, Pooled]] = {}
    for place, group in enumerate(own):
        for one in group.pooled:
            if one.engine == engine:
                ways.setdefault(one.way, {})[place] = one
    titles = [doc.Column(_title(group.group), "number", style="big") for group in own]
    rows = []
    for found in ways.values():
        first = next(iter(found.values()))
        details = (*_way(first), f"version {first.version or 'not read'}")
        name = doc.Cell(plain_model_label(*first.model), details)
        rows.append(doc.Row((name, *(_cell(view, found[n]) if n in found else None for n in range(len(own))))))
    label = " ".join(engine)
    table = doc.Table("soc-engines", (doc.Column("Model", "name"), *titles), tuple(rows), label, forms=doc.DOCUMENTS)
    return doc.Section(
        "engine",
        label,
        (table,),
        anchor=f"engine-{number}",
        summary=plural(len(own), "group"),
        style="model",
        open=False,
    )


def _title(group: TargetGroup) -> str:
    computer = any(target.info.kind == "host" for target in group.targets)
    return f"{group.name} (PC)" if computer else group.name


def _fastest(view: RunView, one: Pooled | None) -> doc.Cell | None:
    return _cell(view, one, _way(one)) if one else None


def _cell(view: RunView, one: Pooled, way: tuple[str, ...] = ()) -> doc.Cell:
    """The number; with a link to its proof if it is that of one target."""
    _, first = one.members[0]
    doubt = ("suspect",) if one.suspect else ()
    if len(one.members) == 1:
        text = opens(view.panels, first, duration(one.mean))
        found = first.stages["prediction"]
        sure = f"95 % {interval(found)}" if found.interval else plural(len(found.blocks), "block")
        return doc.Cell(text, (*way, sure, *doubt), one.mean)
    between = f"{range_text(one.spread.low, one.spread.high)}, {plural(len(one.members), 'target')}"
    versions = (f"browser {listed(one.browsers, 'version')}",) if len(one.browsers) > 1 else ()
    return doc.Cell(duration(one.mean), (*way, between, *versions, *doubt), one.mean)


def _way(one: Pooled) -> tuple[str, ...]:
    """The options of engine and backend, threads, and so on; empty if there are none."""
    options = one.case.way.removeprefix(" ".join(one.engine)).strip()
    text = ", ".join([*([options] if options else []), *case_details(one.case)])
    return (text,) if text else ()


def _facts(view: RunView, group: TargetGroup) -> Iterator[doc.Fact]:
    names = target_names(view.run)
    yield doc.Fact("targets", ", ".join(f"{names[target.info.id]} ({target.info.os})" for target in group.targets))
    if group.profile:
        yield from _profile(group.profile)


def _profile(profile: Profile) -> Iterator[doc.Fact]:
    clusters = (f"{one.count} × {one.core} at {one.max_mhz} MHz" for one in profile.cpu.clusters)
    yield doc.Fact("SoC", f"{profile.soc}, {profile.vendor}, {profile.year}")
    yield doc.Fact("CPU", ", ".join(clusters))
    yield doc.Fact("GPU", profile.gpu.name)
    if profile.npu:
        yield doc.Fact("NPU", profile.npu.name)
    if profile.memory:
        yield doc.Fact("memory", profile.memory.type)
