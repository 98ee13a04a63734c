"""How to read the numbers: stages, verdicts, spread, gaps and marks."""

from __future__ import annotations

from mobilebench.analysis.summary import Status
from mobilebench.report import document as doc
from mobilebench.report.views import RunView

STATUS_MEANING: dict[Status, str] = {
    "valid": "ran as requested, its answer is right, and nothing disturbed it",
    "suspect": "ran as requested, but something may have disturbed it; it counts, and is marked",
    "invalid": "did not run as requested, or its answer is wrong; it is shown, but never counts",
    "failed": "gave no usable answer",
    "unsupported": "this target or engine cannot run it, for the stated reason",
    "not measured": "was planned, but the run ended before it",
}

_STAGES = (
    doc.Fact(
        "setup",
        "Runtime and model obtained, loaded and started, and the session created. Its parts are stored separately.",
    ),
    doc.Fact("warmup", "The first inference."),
    doc.Fact("prediction", "Every later inference, from input in host memory to output in host memory."),
)
_WATCHED: tuple[doc.Block, ...] = (
    doc.Heading("Kernels and memory"),
    doc.Paragraph(
        "They are recorded in passes of their own, because recording takes time; these passes do not enter the times "
        "of the stages. The time of a kernel comes from the engine's own profiler. Shares are of the time of all "
        "kernels together. FLOPs are 2 × the multiply-accumulates of the model's file; GFLOP/s are shown only if the "
        "file has as many operators of a type as kernels of that type ran."
    ),
    doc.Paragraph(
        "Compute-intensive kernels use each value that they read in many multiply-adds; memory-intensive ones "
        "read each value about once, or only move it."
    ),
    doc.Paragraph(
        "Peak RSS is VmHWM, which the system itself maintains. RSS, PSS and USS are readings: a higher value between "
        "two readings is not seen, so they are never called a peak."
    ),
)
_SPREAD: tuple[doc.Block, ...] = (
    doc.Heading("Spread"),
    doc.Paragraph(
        "A block is one case measured once in a fresh process or page. Each block gives one median; a case's number is "
        "the geometric mean of its blocks' medians. Samples within a block share a process and are not independent, so "
        "the interval comes from the variation between blocks."
    ),
    doc.Paragraph(
        "The 95 % interval is of this geometric mean: Student's t on the logarithms of the block medians, widened if "
        "neighbouring blocks resemble each other. With fewer than three blocks there is none: for two blocks Student's "
        "factor is 12.7, and the interval would be too wide to be useful. A case is suspect if its largest block "
        "median is more than 1.5 times the smallest, or if its blocks drift, correlate or fall into two groups."
    ),
    doc.Heading("Gap"),
    doc.Paragraph(
        "A round holds every case of a target once, in seeded random order. A gap is the web case's median over the "
        "native one's, within the same round; the geometric mean over rounds and its 95 % interval are shown, or the "
        "range if there are fewer than three rounds. Pairs whose proofs do not allow a comparison are refused, and the "
        "refusal names the field."
    ),
    doc.Heading("Colours and marks"),
    doc.Paragraph(
        (
            "Discs are native and squares are web. Everything that was measured on a virtual target is marked ",
            doc.VirtualMark(),
            ": its numbers are those of the computer that ran it, not those of the phone that it imitates.",
        )
    ),
)
_IN_SHORT = (
    "Milliseconds. A case's number is the geometric mean of its blocks' medians; then come the lowest and highest "
    "block and the 95 % interval of this mean (Student's t on logarithms; none with fewer than three blocks). Only "
    "valid and suspect blocks count. A case whose blocks differ by more than 1.5× is suspect. Gaps are paired within "
    "rounds. A virtual target's numbers are those of the computer that ran it."
)


def section(view: RunView) -> doc.Section | None:
    """The complete explanation in HTML, and a short form in Markdown."""
    verdicts = tuple(doc.Fact(doc.StatusWord(status), meaning) for status, meaning in STATUS_MEANING.items())
    words = (doc.Heading("Stages"), doc.Facts(_STAGES, "words"), doc.Heading("Verdicts"), doc.Facts(verdicts, "words"))
    columns = (doc.Group(words, "column"), doc.Group((*(_WATCHED if view.run.watched else ()), *_SPREAD), "column"))
    blocks = (doc.Group(columns, "columns", forms=doc.HTML), doc.Paragraph(_IN_SHORT, forms=doc.MARKDOWN))
    return doc.Section("method", "How to read the numbers", blocks)
