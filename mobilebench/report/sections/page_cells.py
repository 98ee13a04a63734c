"""Texts and cells about pages that are used while a model infers, shared by the sections on them."""

from __future__ import annotations

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.labels import case_details, factor, percent, plain_model_label, ratio
from mobilebench.analysis.page_quality import PageCase, PageScenario, Quality, without_page
from mobilebench.core.errors import as_sentence
from mobilebench.report import document as doc
from mobilebench.report.phrases import UNKNOWN
from mobilebench.report.sections.study import Notes


def page_name(of: PageScenario, *, browser: bool = True) -> str:
    """Such as `video in chrome`."""
    return f"{of.name} in {of.browser}" if browser and of.browser else of.name


def page_label(of: PageCase, *, model: bool = False) -> str:
    """Engine, backend and the other axes that matter here, such as `tfjs wasm simd, 4 threads, worker, 50 %`."""
    parts = [of.of.way, *label_details(of)]
    return ", ".join([plain_model_label(*of.model), *parts] if model else parts)


def label_details(of: PageCase) -> list[str]:
    """The parts of a label after engine and backend."""
    place = ["worker"] if of.place == "worker" else []
    return [*case_details(without_page(of.of), browser=False), f"{of.duty} %", *place]


def quality_cell(of: Quality | None, notes: Notes) -> doc.Value:
    """Mean, deviation and what is left of the baseline; a void one has its reason as a note."""
    if of is None:
        return None
    if of.mean is None:
        reason = as_sentence("; ".join(of.voids)) if of.voids else "No block has it."
        return doc.Cell("void", (notes.mention(reason),))
    some = (f"not in every block: {notes.mention(as_sentence('; '.join(of.voids)))}",) if of.voids else ()
    return doc.Cell(spread(of), (*_of_baseline(of), *some), of.mean)


def _of_baseline(of: Quality) -> tuple[str, ...]:
    """The share of the baseline that is left, or how many times as much it is, and its interval."""
    found = of.over_baseline
    if found is None:
        return ()
    value = f"{percent(found.value)} left" if of.higher_is_better else f"{ratio(found.value)} the baseline"
    if found.interval is None:
        return (value,)
    low, high = found.interval.low, found.interval.high
    return value, ends_text(low, high) if of.higher_is_better else f"{factor(low)}–{ratio(high)}"


def ends_text(low: float, high: float) -> str:
    """An interval of shares, such as `95.0–99.2 %`."""
    return f"{low * 100:.1f}–{percent(high)}"


def spread(of: Quality) -> str:
    """Such as `23.8 ± 1.83`."""
    if of.mean is None:
        return UNKNOWN
    if of.metric.unit == page_accuracy.SHARE:
        return f"{of.mean:.3f}" if of.deviation is None else f"{of.mean:.3f} ± {of.deviation:.3f}"
    digits = 0 if abs(of.mean) >= 1000 else 1 if abs(of.mean) >= 1 else 2
    if of.deviation is None:
        return f"{of.mean:.{digits}f}"
    digits += 0.005 <= of.deviation < 0.5 and digits == 1
    return f"{of.mean:.{digits}f} ± {of.deviation:.{digits}f}"


def published_text(mean: float | None, std: float | None) -> str:
    """A published mean with its standard deviation."""
    if mean is None:
        return UNKNOWN
    return f"{mean:g}" if std is None else f"{mean:g} ± {std:g}"
