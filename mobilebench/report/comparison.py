"""The comparison of two runs as a document, as JSON and as JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from mobilebench.analysis.comparability import Difference
from mobilebench.analysis.compare import ASSUMED, CaseChange, Comparison, Limit, StageChange
from mobilebench.analysis.labels import case_label, model_label, printable
from mobilebench.core.records import Case, RunInfo, Stage
from mobilebench.report import document as doc
from mobilebench.report.phrases import UNKNOWN, milliseconds, plural, share, stopped_sentence
from mobilebench.statistics.estimates import Interval
from mobilebench.verdicts.codes import Code

_TITLES: dict[str, str] = {
    "runs": "Changes between two runs",
    "releases": "Releases of an engine",
    "browsers": "Browsers",
    "targets": "Targets",
}
_MOST_NAMED = 12
NO_CHANGE = "no change seen"
"""How people read `no change`: none was seen, which does not show that there is none."""
_ILLEGAL_IN_XML = re.compile("[\ufffe\uffff]")


def percent_change(ratio: float) -> str:
    """A ratio as a change with its sign: 1.052 is `+5.2 %`."""
    value = (ratio - 1) * 100
    digits = 0 if abs(value) >= 99.5 else 1
    text = f"{abs(value):.{digits}f}"
    sign = "" if float(text) == 0 else "+" if value > 0 else "−"  # noqa: RUF001 - a minus sign
    return f"{sign}{text}\u202f%"


def change_range(interval: Interval) -> str:
    """Such as `+3.1 % to +7.4 %`."""
    return f"{percent_change(interval.low)} to {percent_change(interval.high)}"


def document(comparison: Comparison, limits: Sequence[Limit] = ()) -> doc.Document:
    """Everything that the terminal and Markdown show."""
    before, after = comparison.before, comparison.after
    return doc.Document(
        title=_TITLES[comparison.kind],
        eyebrow=_between(before, after),
        run_id=after.id,
        footer="",
        sections=(doc.Section("found", blocks=tuple(_head(comparison, limits))), *_sections(comparison)),
    )


def _between(before: RunInfo, after: RunInfo) -> str:
    return f"within {_run(before)}" if before.id == after.id else f"from {_run(before)} to {_run(after)}"


def _run(info: RunInfo) -> str:
    status = "" if info.status == "finished" else f", {info.status}"
    return f"{info.id} ({info.created_at:%Y-%m-%d %H:%M} UTC, suite {info.suite}{status})"


def _head(comparison: Comparison, limits: Sequence[Limit]) -> Iterator[doc.Block]:
    title = f"{_TITLES[comparison.kind]}: {_between(comparison.before, comparison.after)}"
    yield doc.Heading(title, forms=doc.TERMINAL)
    yield doc.Paragraph(found_sentence(comparison), "lead")
    for limit in limits:
        yield doc.Paragraph(doc.Sentence(limit_sentence(limit)))
    if comparison.differences:
        yield doc.Paragraph("What differs between the two sides:")
        shown = [_difference(one, count, len(comparison.cases)) for one, count in comparison.differences[:_MOST_NAMED]]
        if len(comparison.differences) > _MOST_NAMED:
            shown.append(f"and {len(comparison.differences) - _MOST_NAMED} more")
        yield doc.Items(tuple(shown))
    if comparison.together is not None:
        yield doc.Paragraph(
            f"All predictions changed the same way (by {percent_change(comparison.together)}): perhaps the machine was "
            "slower or faster, and not the cases."
        )
    if any(comparison.stopped):
        yield doc.Paragraph(doc.Sentence(stopped_attempts(comparison)), "small")
    if comparison.before.id != comparison.after.id:
        yield doc.Paragraph(between_sentence(comparison), "small")


def found_sentence(comparison: Comparison) -> str:
    """How many changes there are, as the first line."""
    words = []
    for stage in comparison.stages:
        own = [one for _, one in comparison.changes if one.stage == stage]
        counts = [(call, sum(one.call == call for one in own)) for call in ("slower", "faster")]
        told = sum(one.call != "cannot be told" for one in own)
        changes = ", ".join(f"{count} {call}" for call, count in counts if count) or NO_CHANGE
        words.append(f"{stage}: {changes} in {plural(told, 'case')}" if told else f"{stage}: nothing can be told")
    rest = []
    if untold := comparison.called("cannot be told"):
        rest.append(f"{len(untold)} cannot be told")
    if refused := [case for case in comparison.cases if case.refusal]:
        rest.append(f"{len(refused)} not compared")
    sentence = "; ".join([*words, *rest])
    return f"{sentence[0].upper()}{sentence[1:]}."


def stopped_attempts(comparison: Comparison) -> str:
    """How many attempts of each run were stopped because of heat."""
    if comparison.before.id == comparison.after.id:
        return stopped_sentence(comparison.stopped[0])
    first, second = comparison.stopped
    return (
        f"Attempts that were stopped because of heat, which are invalid (`{Code.STOPPED_HOT}`) and in no time: {first} "
        f"in the first run, {second} in the second one."
    )


def limit_sentence(limit: Limit) -> str:
    """Whether a limit was kept."""
    if not limit.broken:
        return f"Limit `{limit.text}`: kept; no case is slower by more than that for sure."
    return f"Limit `{limit.text}`: broken by {plural(len(limit.broken), 'case')}."


def between_sentence(comparison: Comparison) -> str:
    """From where the variation between runs is known."""
    assumed = ", ".join(f"{stage} {share(ASSUMED[stage])}" for stage in comparison.stages)
    if comparison.earlier:
        return (
            f"Intervals contain the variation between runs, from {plural(comparison.earlier, 'earlier run')} and an "
            f"assumed value ({assumed})."
        )
    return (
        f"Intervals contain an assumed variation between runs ({assumed}), because there is no earlier run of these "
        "cases. On a machine that varies more, too many changes are called: measure the same several times before."
    )


def _difference(one: Difference, count: int, cases: int) -> str:
    where = "" if count == cases else f" ({plural(count, 'case')})"
    return f"{one.change}{where}"


_COLUMNS = (
    doc.Column("Case", "name"),
    doc.Column("Before", "number", unit="ms"),
    doc.Column("After", "number", unit="ms"),
    doc.Column("Change", "number"),
    doc.Column("95 % interval", "number"),
    doc.Column("Corrected p", "number", short="p"),
    doc.Column("Found"),
)


def _sections(comparison: Comparison) -> Iterator[doc.Section]:
    for stage in comparison.stages:
        if tables := tuple(_tables(comparison, stage)):
            yield doc.Section(stage, stage.capitalize(), sections=tables)
    refused = [(f"{_where(case.after)}, {case.label}", case.refusal) for case in comparison.cases if case.refusal]
    if refused:
        yield doc.Section("refused", "Not compared", (_by_reason(refused, _MOST_NAMED),))
    untold = [
        (f"{_where(case.after)}, {case.label}, {stage.stage}", f"{stage.reason}.")
        for case, stage in comparison.called("cannot be told")
    ]
    if untold:
        yield doc.Section("untold", "Cannot be told", (_by_reason(untold),))
    for title, run, cases in (
        ("before", comparison.before, comparison.only_before),
        ("after", comparison.after, comparison.only_after),
    ):
        if cases:
            items = tuple(f"{_where(case)}, {case_label(case)}" for case in cases)
            yield doc.Section(f"only-{title}", f"Only in {run.id}", (doc.Items(items),))


def _by_reason(cases: Sequence[tuple[str, str]], most: int = 3) -> doc.Items:
    """Each reason once, with the cases that share it; of more than `most` only their number."""
    groups: dict[str, list[str]] = {}
    for name, reason in cases:
        groups.setdefault(reason, []).append(name)
    return doc.Items(
        tuple(
            f"{'; '.join(names) if len(names) <= most else plural(len(names), 'case')}: {reason}"
            for reason, names in groups.items()
        )
    )


def _where(case: Case) -> str:
    return f"{case.target}, {model_label(case.model, case.precision, case.batch)}"


def _tables(comparison: Comparison, stage: Stage) -> Iterator[doc.Section]:
    """One table for each model on each target."""
    groups: dict[tuple[str, bool], list[CaseChange]] = {}
    for case in comparison.cases:
        if not case.refusal:
            groups.setdefault((f"{case.target} · {_where(case.after)}", case.virtual), []).append(case)
    for number, ((place, virtual), cases) in enumerate(groups.items()):
        rows = tuple(_row(case, case.stages[stage]) for case in cases)
        title = f"{place} (virtual)" if virtual else place
        yield doc.Section(f"{stage}-{number}", title, (doc.Table("changes", _COLUMNS, rows),))


def _row(case: CaseChange, change: StageChange) -> doc.Row:
    found = NO_CHANGE if change.call == "no change" else change.call
    if case.suspect:
        found += " (suspect)"
    return doc.Row(
        (
            case.label,
            milliseconds(change.before_ms),
            milliseconds(change.after_ms),
            UNKNOWN if change.ratio is None else percent_change(change.ratio),
            UNKNOWN if change.interval is None else change_range(change.interval),
            UNKNOWN if change.corrected_p is None else probability(change.corrected_p),
            found,
        )
    )


def probability(p: float) -> str:
    """Such as `0.032` or `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def as_json(comparison: Comparison, limits: Sequence[Limit] = ()) -> dict[str, Any]:
    """The comparison for programs. Times are milliseconds, changes are ratios."""
    return {
        "before": comparison.before.id,
        "after": comparison.after.id,
        "kind": comparison.kind,
        "stages": list(comparison.stages),
        "earlier_runs": comparison.earlier,
        "stopped_attempts": {"before": comparison.stopped[0], "after": comparison.stopped[1]},
        "differences": [
            {"field": one.field, "before": one.before, "after": one.after, "cases": count}
            for one, count in comparison.differences
        ],
        "cases": [
            {
                "before": case.before.key,
                "after": case.after.key,
                "virtual": case.virtual,
                "suspect": case.suspect,
                "refusal": case.refusal,
                "stages": {name: _stage_json(stage) for name, stage in case.stages.items()},
            }
            for case in comparison.cases
        ],
        "only_before": [case.key for case in comparison.only_before],
        "only_after": [case.key for case in comparison.only_after],
        "limits": [
            {
                "limit": limit.text,
                "kept": not limit.broken,
                "broken_by": [case.after.key for case, _ in limit.broken],
            }
            for limit in limits
        ],
    }


def _stage_json(stage: StageChange) -> dict[str, Any]:
    return {
        "call": stage.call,
        "reason": stage.reason,
        "before_ms": stage.before_ms,
        "after_ms": stage.after_ms,
        "ratio": stage.ratio,
        "interval": [stage.interval.low, stage.interval.high] if stage.interval else None,
        "p": stage.p,
        "corrected_p": stage.corrected_p,
        "between_runs": stage.between.deviation if stage.between else None,
        "between_runs_from": stage.between.runs if stage.between else None,
    }


def junit(comparison: Comparison, limits: Sequence[Limit] = ()) -> str:
    """JUnit XML: one test for each case and stage. It fails if a limit is broken, and is skipped if nothing is told."""
    tests = list(_tests(comparison, limits))
    root = ElementTree.Element("testsuites", name="mobilebench compare")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=f"{comparison.before.id} to {comparison.after.id}",
        tests=str(len(tests)),
        failures=str(sum(test.find("failure") is not None for test in tests)),
        errors="0",
        skipped=str(sum(test.find("skipped") is not None for test in tests)),
        timestamp=f"{comparison.after.created_at:%Y-%m-%dT%H:%M:%S}",
    )
    suite.extend(tests)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _tests(comparison: Comparison, limits: Sequence[Limit]) -> Iterator[ElementTree.Element]:
    broken = {(id(case), stage.stage): limit for limit in limits for case, stage in limit.broken}
    for case in comparison.cases:
        place = _xml(f"{case.after.target}.{case.after.model}.{case.after.precision}")
        if case.refusal:
            test = ElementTree.Element("testcase", classname=place, name=_xml(case.label))
            ElementTree.SubElement(test, "skipped", message=_xml(f"not compared: {case.refusal}"))
            yield test
        for stage in case.stages.values() if not case.refusal else ():
            test = ElementTree.Element("testcase", classname=place, name=_xml(f"{case.label}: {stage.stage}"))
            if stage.after_ms is not None:
                test.set("time", f"{stage.after_ms / 1000:.9f}")
            if stage.reason:
                ElementTree.SubElement(test, "skipped", message=_xml(f"cannot be told: {stage.reason}"))
            elif (limit := broken.get((id(case), stage.stage))) and stage.interval and stage.ratio:
                ElementTree.SubElement(
                    test,
                    "failure",
                    type="slower",
                    message=_xml(
                        f"{stage.stage} is slower: {percent_change(stage.ratio)} (95 % interval "
                        f"{change_range(stage.interval)}); the limit is {limit.text}"
                    ),
                )
            yield test


def _xml(text: str) -> str:
    """Text without characters that XML 1.0 does not allow."""
    return _ILLEGAL_IN_XML.sub("\ufffd", printable(text))
