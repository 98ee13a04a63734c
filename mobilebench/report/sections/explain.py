"""Why there is a gap: the measured steps from a native engine to a page, as a ladder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilebench.analysis.explain import Explained, Explanation, Growth, Step, explanations
from mobilebench.analysis.gaps import Ratio
from mobilebench.analysis.labels import case_label, duration, factor, model_label, percent, ratio
from mobilebench.analysis.summary import CaseSummary, RunSummary
from mobilebench.core.errors import as_sentence
from mobilebench.report import document as doc
from mobilebench.report.phrases import UNKNOWN, plural, ratio_range, times
from mobilebench.report.views import ModelView

_SEVERAL = " †"
_NOTE = (
    "Predictions are in milliseconds. Factors are times of a rung over those of the rung above, paired within rounds: "
    "geometric means with their 95 % intervals (with fewer than three rounds: the lowest and highest ratio). A step "
    "marked † changes several things, which are listed: its factor is not taken apart."
)
_STEPS = (
    doc.Column("Step, and the rung that it leads to", "name", short="step: rung"),
    doc.Column("Prediction", "number", unit="ms", short="ms"),
    doc.Column("Factor", "number", style="big"),
    doc.Column("Interval", "number", short="95 %"),
    doc.Column("So far", "number"),
    doc.Column("Interval so far", "number", short="95 %"),
)
_SIDES = _STEPS[:4]
_KERNELS = (
    doc.Column("Kernels", "name"),
    doc.Column("Native", "number", unit="ms", short="native ms"),
    doc.Column("Page", "number", unit="ms", short="page ms"),
    doc.Column("Factor", "number"),
    doc.Column("Share of the growth", "number", short="of growth"),
)


def section(view: ModelView) -> doc.Section | None:
    """The ladders of a model, behind a fold; None if the run has none."""
    group = view.group
    found = explanations(view.target, group.model, group.precision, group.batch)
    folds = tuple(doc.Fold(title(one), _folded(one, view.caption("Steps")), forms=doc.DOCUMENTS) for one in found)
    return doc.Section("explain", blocks=folds, style="part") if folds else None


def _folded(found: Explanation, caption: str) -> tuple[doc.Block, ...]:
    """The blocks of a ladder; Markdown shows no title of a fold."""
    return doc.Heading(title(found), forms=doc.MARKDOWN), *blocks(found, caption)


def document(summary: RunSummary, found: Sequence[Explained]) -> doc.Document:
    """The ladders alone, as a document for the terminal or as Markdown."""
    sections = tuple(
        doc.Section(
            "explain",
            f"{model_label(one.model, one.precision, one.batch)} on {one.target.info.name} ({one.target.soc})",
            lead=title(ladder),
            blocks=tuple(blocks(ladder, "Steps")),
            mark=one.target.soc if one.target.info.virtual else None,
        )
        for one in found
        for ladder in one.ladders
    )
    return doc.Document("Why there is a gap", f"Suite {summary.info.suite}", summary.info.id, "", sections)


def title(found: Explanation) -> str:
    """Such as `Why the gap: from onnxruntime to ortjs, step by step`."""
    return f"Why the gap: from {found.ladder.native} to {found.ladder.web}, step by step"


def blocks(found: Explanation, caption: str) -> Iterator[doc.Block]:
    """Everything about one ladder; `caption` names the model and the target."""
    yield doc.Paragraph(doc.Sentence(summary(found)), "lead")
    yield doc.Table("explain", _STEPS, (_top(found), *map(_row, found.steps)), caption, _NOTE)
    if found.sides:
        rows = tuple(_side(step) for step in found.sides)
        note = "Each step changes one case of the ladder; it is in no product."
        yield doc.Table("explain-sides", _SIDES, rows, f"{caption}: beside the ladder", note)
    if missing := tuple(_missing(found)):
        yield doc.Items(missing)
    yield from _kernels(found, caption)


def summary(found: Explanation) -> str:
    """The gap, the part of it that single changes explain, and what stays."""
    last = found.steps[-1].lower
    gap = f"{case_label(last.case)} takes {_with_range(found.total)} as long as {case_label(found.top.case)}."
    parts = []
    if found.single:
        parts.append(f"steps that change one thing make {_with_range(found.single)}")
    if found.several:
        parts.append(f"steps that change several things (†) make {_with_range(found.several)}, not taken apart")
    shares = f" {as_sentence(' and '.join(parts))}" if parts else ""
    left, between = factor(found.remainder.value), ratio_range(found.remainder)
    left += f" ({between})" if between not in ("", left) else ""
    rest = f"The product of all steps is {ratio(found.product)}, which leaves a factor of {left} unexplained."
    return f"{gap}{shares} {rest}"


def _with_range(found: Ratio) -> str:
    return f"{ratio(found.value)} ({_range(found)})"


def _range(found: Ratio) -> str:
    return ratio_range(found) or plural(found.rounds, "round")


def _time(case: CaseSummary) -> doc.Cell:
    value = case.stages["prediction"].value
    return doc.Cell(duration(value), (case.status,) if case.status != "valid" else (), value)


def _top(found: Explanation) -> doc.Row:
    case = found.top
    name = doc.Cell(found.top_title, (case_label(case.case),), terminal=found.top_title)
    return doc.Row((name, _time(case), None, None, None, None))


def _row(step: Step) -> doc.Row:
    return doc.Row((_name(step), _time(step.lower), *_factor(step.ratio), *_factor(step.cumulative)))


def _side(step: Step) -> doc.Row:
    return doc.Row((_name(step, against=case_label(step.upper.case)), _time(step.lower), *_factor(step.ratio)))


def _name(step: Step, against: str = "") -> doc.Cell:
    mark = "" if step.one_thing else _SEVERAL
    changes = "; ".join(f"{one.name}: {one.before} → {one.after}" for one in step.changes)
    doubt = ("one side is suspect",) if step.suspect else ()
    details = (
        *(step.rung, case_label(step.lower.case)),
        *((f"against {against}",) if against else ()),
        *(changes, *doubt),
    )
    end = f" (against {against})" if against else ""
    return doc.Cell(f"{step.title}{mark}", details, terminal=f"{step.title}{mark}: {step.rung}{end}")


def _factor(found: Ratio | None) -> tuple[doc.Cell, doc.Cell]:
    if found is None:
        return doc.Cell(UNKNOWN), doc.Cell(UNKNOWN)
    return doc.Cell(ratio(found.value), (), found.value), doc.Cell(ratio_range(found) or UNKNOWN)


def _missing(found: Explanation) -> Iterator[doc.Text]:
    for one in found.missing:
        where = "beside the ladder, " if one.side else ""
        spans = "; the next step spans it" if one.spanned else ""
        yield f"Not measured: {where}{one.rung} ({one.step or 'first rung'}): {one.reason}{spans}."


def _kernels(found: Explanation, caption: str) -> Iterator[doc.Block]:
    growth = found.growth
    if growth is None:
        text = "Which kernels grow is not known: no kernels pass counts at both ends (`--pass timing,kernels`)."
        yield doc.Paragraph(doc.Sentence(text), "small")
        return
    note = (
        f"Milliseconds of one prediction by type of operator, of {case_label(growth.upper)} (native) and "
        f"{case_label(growth.lower)} (page), from their kernels passes, which take time themselves. The largest growth "
        "comes first."
    )
    rows = tuple(map(_growth, growth.rows))
    yield doc.Table("explain-kernels", _KERNELS, rows, f"{caption}: kernels that grow most", note)


def _growth(one: Growth) -> doc.Row:
    above = duration(one.above_ms) if one.above_ms else UNKNOWN
    return doc.Row((one.type, above, duration(one.below_ms), times(one.factor), percent(one.share)))
