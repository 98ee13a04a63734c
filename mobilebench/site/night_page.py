"""The page of one night: what ran, what else changed since the night before, and what was not measured and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from mobilebench.analysis import comparability
from mobilebench.analysis.labels import case_label, duration, filed_under, model_label
from mobilebench.analysis.over_nights import Night, NightCase, unit
from mobilebench.core.records import TargetInfo
from mobilebench.report import document as doc
from mobilebench.report.phrases import plural
from mobilebench.site import lines, names, words

Key = tuple[str, str, str, bool]
Before = Callable[[Night, NightCase], Mapping[str, object] | None]
"""The facts of a case in the last night before in which it was measured."""
MOST_FACTS = 30
MOST_REASONS = 100


def document(
    night: Night,
    absent: Sequence[NightCase],
    pages: Mapping[Key, str],
    before: Before,
    parts: Sequence[str],
    number: int,
) -> doc.Document:
    """A part of the page; the first one has everything but the further cases.

    Args:
        night: the night.
        absent: the cases that it did not plan because their phone was left out.
        pages: the name of each case's page.
        before: as described there.
        parts: the names of all parts.
        number: which one, from 1.
    """
    info = night.info
    start = (number - 1) * lines.MOST_ROWS
    shown = night.cases[start : start + lines.MOST_ROWS]
    first = (_left_out(night), *_changed(night, before), *_not_measured(night, absent)) if number == 1 else ()
    return doc.Document(
        title=f"Night of {info.created_at:%Y-%m-%d}",
        eyebrow=f"Suite {info.suite} · begun {info.created_at:%Y-%m-%d %H:%M} UTC · mobilebench "
        f"{info.mobilebench_version}",
        run_id=info.id,
        footer=words.FOOTER,
        head=tuple(_head(night, parts, number)),
        sections=(*filter(None, first), *_cases(shown, pages)),
        many=len(shown) > 10,
    )


def _head(night: Night, parts: Sequence[str], number: int) -> Iterator[doc.Block]:
    info = night.info
    yield doc.Counts(night.counts, "Cases by verdict")
    if info.status != "finished":
        yield doc.Note(
            "unfinished", (f"This run {'is still running' if info.status == 'running' else 'was interrupted'}.",)
        )
    if any(target.virtual for target in info.targets):
        virtual = sum(target.virtual for target in info.targets)
        yield doc.Paragraph(
            (
                doc.VirtualMark(),
                f" {virtual} of {plural(len(info.targets), 'target')}: stand-ins on a computer, not phones.",
            ),
            "small",
        )
    yield doc.Facts((doc.Fact("run", info.id, mono=True), doc.Fact("targets", _targets(info.targets))))
    if len(parts) > 1:
        links = [doc.Link(f"part {n} ", name) for n, name in enumerate(parts, 1) if n != number]
        yield doc.Paragraph((f"Part {number} of {len(parts)} of this page; ", *links), "small")


def _targets(infos: Sequence[TargetInfo]) -> str:
    shown = [f"{one.name}{' (virtual)' if one.virtual else ''}" for one in infos[:12]]
    return ", ".join(shown) + (f" and {len(infos) - 12} more" if len(infos) > 12 else "")


def _left_out(night: Night) -> doc.Section | None:
    if not night.gone:
        return None
    return doc.Section(
        "left-out-targets", "Skipped, lost or faulty targets", (lines.left_out(night.gone, hide_caption=True),)
    )


def _changed(night: Night, before: Before) -> Iterator[doc.Section]:
    found: Counter[str] = Counter()
    for case in night.cases:
        if case.facts and (earlier := before(night, case)):
            name = f"{case.target.name}{' (virtual)' if case.target.virtual else ''}"
            found.update(f"{name}: {one}" for one in comparability.changed(earlier, case.facts))
    if found:
        items = tuple(f"{one} ({plural(count, 'case')})" for one, count in found.most_common(MOST_FACTS))
        more = len(found) - MOST_FACTS
        blocks: list[doc.Block] = [doc.Items(items)]
        if more > 0:
            blocks.append(doc.Paragraph(f"And {more} more.", "small"))
        yield doc.Section(
            "changed-facts",
            "Changed since the night before",
            tuple(blocks),
            lead="Versions, files and conditions, from the stored proof.",
        )


def _not_measured(night: Night, absent: Sequence[NightCase]) -> Iterator[doc.Section]:
    without = [*absent, *(case for case in night.cases if not case.usable)]
    if not without:
        return
    by_reason: dict[tuple[str, str], list[NightCase]] = {}
    for case in without:
        by_reason.setdefault((case.status, "; ".join(case.reasons) or "No reason was stored."), []).append(case)
    columns = (
        doc.Column("reason", "name"),
        doc.Column("outcome"),
        doc.Column("cases", "number"),
        doc.Column("which", style="wide"),
    )
    rows = tuple(
        doc.Row((words.shortened(reason), doc.Cell(doc.StatusWord(own[0].status)), str(len(own)), _which(own)))
        for (_, reason), own in list(by_reason.items())[:MOST_REASONS]
    )
    note = f"The first {MOST_REASONS} of {len(by_reason)} reasons." if len(by_reason) > MOST_REASONS else ""
    table = doc.Table("reasons", columns, rows, "By reason", note, hide_caption=True)
    yield doc.Section("not-measured", "Not measured, and why", (table,))


def _which(own: Sequence[NightCase]) -> str:
    labels = [
        f"{case.case.model} {case_label(case.case)} on {case.target.name}{' (virtual)' if case.target.virtual else ''}"
        for case in own[:5]
    ]
    return "; ".join(labels) + (f"; and {len(own) - 5} more" if len(own) > 5 else "")


def _cases(shown: Sequence[NightCase], pages: Mapping[Key, str]) -> Iterator[doc.Section]:
    for number, (_, group) in enumerate(groupby(shown, key=lambda case: case.case.target), 1):
        own = list(group)
        target = own[0].target
        with_quantities = any(case.quantities for case in own)
        columns = (
            doc.Column("case", "name"),
            doc.Column("prediction", "number", "ms", style="big"),
            doc.Column("95 % interval", "number"),
            doc.Column("warmup", "number", "ms"),
            doc.Column("setup", "number", "ms"),
            *((doc.Column("energy and memory"),) if with_quantities else ()),
            doc.Column("verdict"),
        )
        rows = tuple(doc.Row(_row(case, pages, with_quantities=with_quantities)) for case in own)
        soc = filed_under(target)
        yield doc.Section(
            "target",
            f"{target.name} · {soc}",
            (doc.Table("lines", columns, rows, f"Cases on {target.name}", hide_caption=True),),
            anchor=f"target-{number}",
            lead=(f"{target.id} · {target.os} · ", doc.Link("history of this SoC", names.of_soc(soc))),
            mark=soc if target.virtual else None,
        )


def _row(case: NightCase, pages: Mapping[Key, str], *, with_quantities: bool) -> tuple[doc.Value, ...]:
    label = case_label(case.case)
    page = pages.get(key_of(case))
    model = model_label(case.case.model, case.case.precision, case.case.batch)
    typical = case.stages.get("prediction")
    interval = typical.interval if typical else None
    return (
        doc.Cell(doc.Link(label, page) if page else label, (model,)),
        duration(typical.value) if typical else "–",
        f"{duration(interval.low)}–{duration(interval.high)}" if interval else "–",
        *(duration(case.stages[stage].value) if stage in case.stages else "–" for stage in ("warmup", "setup")),
        *((_quantities(case),) if with_quantities else ()),
        doc.Cell(doc.StatusWord(case.status)),
    )


def _quantities(case: NightCase) -> doc.Cell:
    """Each value with its unit, and what it is of."""
    words = [f"{name} {duration(one.value)} {unit(name)}" for name, one in case.quantities.items()]
    return doc.Cell(words[0] if words else "–", tuple(words[1:]))


def key_of(case: NightCase) -> Key:
    """The key of the series to which a case belongs (`CaseSeries.key`)."""
    return case.case.key, case.target.machine, filed_under(case.target), case.target.virtual
