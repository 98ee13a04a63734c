"""How to read the numbers: stages, verdicts, spread, gaps and marks."""

from __future__ import annotations

from mobilebench.analysis.summary import Status
from mobilebench.report import document as doc
from mobilebench.report.views import RunView

STATUS_MEANING: dict[Status, str] = {
    "valid": "ran as asked, its answer is right, nothing disturbed it",
    "suspect": "ran as asked, but something may have disturbed it; counted, and marked",
    "invalid": "did not run as asked, or its answer is wrong; shown, never counted",
    "failed": "gave no usable answer",
    "unsupported": "this target or engine cannot run it, for the stated reason",
    "not measured": "was planned, but the run ended before it",
}

_STAGES = (
    doc.Fact("setup", "Runtime and model obtained, loaded and started, and the session created. It is kept by part."),
    doc.Fact("warmup", "The first inference."),
    doc.Fact("prediction", "Every later inference, from input in host memory to output in host memory."),
)
_WATCHED: tuple[doc.Block, ...] = (
    doc.Heading("Kernels and memory"),
    doc.Paragraph(
        "They are watched in passes of their own, because watching costs time; nothing of them enters the stages. A "
        "kernel's time is that of the engine's own profiler. Shares are of all kernels together. FLOPs are 2 × "
        "multiply-accumulates of the model's file; GFLOP/s stand only where the file holds as many operators of a type "
        "as there were kernels."
    ),
    doc.Paragraph(
        "Compute-intensive kernels use each value that they read in many multiply-adds; memory-intensive ones "
        "read each value about once, or only move it."
    ),
    doc.Paragraph(
        "Peak RSS is VmHWM, which the system itself keeps. RSS, PSS and USS are readings: what lies between two "
        "of them is not seen, so they are never called a peak."
    ),
)
_SPREAD: tuple[doc.Block, ...] = (
    doc.Heading("Spread"),
    doc.Paragraph(
        "A block is one case measured once in a fresh process or page. Each block gives one median; a case's number is "
        "the median of its blocks. Samples within a block share a process and its luck, so the spread shown is the one "
        "between blocks."
    ),
    doc.Paragraph(
        "The 95 % interval is Student's t interval of the mean block median, cut at 0. With fewer than three blocks "
        "there is none: its factor for two is 12.7, so it would only say that two blocks are few. A case whose largest "
        "block median is more than 1.5 times the smallest is suspect: something happened to one of its blocks."
    ),
    doc.Heading("Gap"),
    doc.Paragraph(
        "A round holds every case of a target once, in seeded random order. A gap is the web case's median over the "
        "native one's, within the same round; the median and the range over rounds are shown. Pairs whose proofs "
        "do not allow a comparison are refused, and the refusal names the field."
    ),
    doc.Heading("Colours and marks"),
    doc.Paragraph(
        (
            "Discs are native and squares are web. Everything that a virtual target measured says ",
            doc.VirtualMark(),
            ": it is the number of the computer that ran it, never the imitated phone's.",
        )
    ),
)
_IN_SHORT = (
    "Milliseconds. A case's number is the median of its blocks' medians; then come the lowest and highest block "
    "and the 95 % interval between blocks (Student's t, cut at 0; none with fewer than three blocks). Only valid "
    "and suspect blocks count. A case whose blocks differ by more than 1.5× is suspect. Gaps are paired within "
    "rounds. A virtual target's numbers are those of the computer that ran it."
)


def section(view: RunView) -> doc.Section | None:
    """The complete explanation in HTML, and a short form in Markdown."""
    verdicts = tuple(doc.Fact(doc.StatusWord(status), meaning) for status, meaning in STATUS_MEANING.items())
    words = (doc.Heading("Stages"), doc.Facts(_STAGES, "words"), doc.Heading("Verdicts"), doc.Facts(verdicts, "words"))
    columns = (doc.Group(words, "column"), doc.Group((*(_WATCHED if view.run.watched else ()), *_SPREAD), "column"))
    blocks = (doc.Group(columns, "columns", forms=doc.HTML), doc.Paragraph(_IN_SHORT, forms=doc.MARKDOWN))
    return doc.Section("method", "How to read the numbers", blocks)
