"""Chrome's own traces: where they are, and why one is missing. Their times enter no statistic."""

from __future__ import annotations

from mobilebench.analysis.labels import case_label, size
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import TraceFile
from mobilebench.report import document as doc
from mobilebench.report.views import ModelView, missing_pass, pass_title
from mobilebench.results.traces import FOLDER

_WHAT_TO_DO = (
    "Chrome's own traces are files beside this report, to be opened in the Performance panel of Chrome's "
    "DevTools or in Perfetto. Nothing of these blocks enters a statistic."
)


def section(view: ModelView) -> doc.Section | None:
    """Links to the traces of a model's cases, with their size."""
    traced = [(case, trace) for case in view.cases for trace in _traces(case)]
    missing = missing_pass(view.cases, "trace", {case.case.key for case, _ in traced})
    blocks: list[doc.Block] = []
    if traced:
        listed = (doc.Paragraph(_WHAT_TO_DO, "small"), doc.Items(tuple(_item(*one) for one in traced)))
        blocks.append(doc.Fold(pass_title("trace"), listed, forms=doc.DOCUMENTS))
    if missing.remarks:
        blocks.append(missing)
    return doc.Section("traces", blocks=tuple(blocks), style="part") if blocks else None


def _traces(case: CaseSummary) -> list[TraceFile]:
    """The stored traces of a case."""
    blocks = case.watched["trace"].blocks if "trace" in case.watched else ()
    measurements = (block.block.measurement for block in blocks)
    return [found.trace for found in measurements if found and found.trace]


def _item(case: CaseSummary, trace: TraceFile) -> tuple[str | doc.StatusWord | doc.Link | doc.Styled, ...]:
    whole = "" if trace.complete else ", without its end"
    return (
        f"{case_label(case.case)}: ",
        doc.StatusWord(case.watched["trace"].status),
        " ",
        doc.Link(trace.name, f"{FOLDER}/{trace.name}"),
        " ",
        doc.Styled(f"{size(trace.bytes / 1024)}{whole}", "small"),
    )
