"""What HTML, Markdown and the terminal say of kernels, memory and traces."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.analysis.kernels import KernelSummary, kernels
from mobilebench.analysis.labels import MEMORY_STAGES, amount, duration, factor, percent, ratio, size
from mobilebench.analysis.memory import Growth, MemorySummary, memory
from mobilebench.analysis.page_memory import PageMemorySummary, page_memory
from mobilebench.analysis.summary import BlockSummary, CaseSummary, RunSummary
from mobilebench.core.records import Pass, TraceFile
from mobilebench.report.phrases import counts_sentence, plural
from mobilebench.results.traces import FOLDER as TRACES

DISTORTED = 1.10
"""Ratio from which a kernels pass is said to distort."""
_AT_ONCE = 1.02


def with_kernels(cases: Sequence[CaseSummary]) -> list[tuple[CaseSummary, KernelSummary]]:
    """Cases whose kernels pass can be read."""
    return [(case, found) for case in cases if (found := kernels(case))]


def with_memory(cases: Sequence[CaseSummary]) -> list[tuple[CaseSummary, MemorySummary]]:
    """Cases whose memory pass can be read."""
    return [(case, found) for case in cases if (found := memory(case))]


def with_page_memory(cases: Sequence[CaseSummary]) -> list[tuple[CaseSummary, PageMemorySummary]]:
    """Cases whose page told of its memory."""
    return [(case, found) for case in cases if (found := page_memory(case))]


def with_trace(cases: Sequence[CaseSummary]) -> list[tuple[CaseSummary, TraceFile]]:
    """Cases of which a browser's trace is kept."""
    blocks = [(case, block.block.measurement) for case in cases if "trace" in case.watched for block in _of(case)]
    return [(case, told.trace) for case, told in blocks if told and told.trace]


def _of(case: CaseSummary) -> Sequence[BlockSummary]:
    return case.watched["trace"].blocks


def without(cases: Sequence[CaseSummary], watched: Pass) -> list[tuple[CaseSummary, str]]:
    """Cases for which a pass was planned that cannot be shown, each with the reason; none that the results tell."""
    if watched == "kernels":
        shown = {case.case.key for case, _ in with_kernels(cases)}
    elif watched == "trace":
        shown = {case.case.key for case, _ in with_trace(cases)}
    else:
        shown = {case.case.key for case, _ in [*with_memory(cases), *with_page_memory(cases)]}
    return [
        (case, _why(case, watched))
        for case in cases
        if watched in case.watched and case.case.key not in shown and not _told_already(case, watched)
    ]


def _told_already(case: CaseSummary, watched: Pass) -> bool:
    """A case that is unsupported for the same reason, or that was not timed, has its reason in the results."""
    entry = case.watched[watched]
    told = set(entry.reasons) <= set(case.reasons)
    return told and (not case.timed or case.status == entry.status == "unsupported")


def _why(case: CaseSummary, watched: Pass) -> str:
    entry = case.watched[watched]
    if entry.reasons:
        return " ".join(entry.reasons)
    if not entry.blocks:
        return "The run ended before it."
    return "The profiler told of no kernel." if watched == "kernels" else "Nothing could be read."


def trace_words(trace: TraceFile) -> str:
    """How large it is, and whether it is whole."""
    return size(trace.bytes / 1024) + ("" if trace.complete else ", without its end")


def trace_link(trace: TraceFile) -> str:
    """From the report's folder."""
    return f"{TRACES}/{trace.name}"


def counts(summary: RunSummary) -> str:
    """Such as `kernels: 12 valid, 1 unsupported; memory: 13 valid`; empty when nothing was watched."""
    return "; ".join(f"{watched}: {counts_sentence(of)}" for watched, of in summary.watched.items())


def kernel_sentences(found: KernelSummary) -> list[str]:
    """What has to be known before a kernels pass is believed: what is missing, distorted, collapsed or merged."""
    told = [_explained(found), _first(found), _clock(found), _distortion(found)]
    if found.collapsed:
        names = ", ".join(f"`{node.name}` ({duration(node.median_ms)} ms)" for node in found.collapsed[:5])
        verb = "is" if len(found.collapsed) == 1 else "are"
        told.append(
            f"{plural(len(found.collapsed), 'kernel')} {verb} collapsed: {names}. A collapsed kernel stands for a "
            "whole delegated part, which the profiler does not look into."
        )
    if found.renamed:
        names = ", ".join(f"{count} × `{name}` compute {operator}" for name, operator, count in found.renamed[:5])
        told.append(f"Kernels are typed by the operator of the model's file that they compute: {names}.")
    if found.merged:
        told.append("This profiler does not tell depthwise convolutions apart: they are counted as convolutions.")
    if found.unknown:
        names = ", ".join(f"`{name}`" for name in found.unknown[:8])
        more = f" and {len(found.unknown) - 8} more" if len(found.unknown) > 8 else ""
        told.append(f"Names without a type are counted as other: {names}{more}.")
    return [sentence for sentence in told if sentence]


def _explained(found: KernelSummary) -> str:
    start = f"The kernels take {duration(found.sum_ms)} ms, {percent(found.explained)} of the same pass's prediction"
    start += f" ({duration(found.whole_ms)} ms)"
    if found.explained > _AT_ONCE:
        return f"{start}: more than the whole, so some ran at the same time."
    rest = max(0.0, found.whole_ms - found.sum_ms)
    return f"{start}; the other {duration(rest)} ms went to what lies between and around them."


def _first(found: KernelSummary) -> str:
    if found.explained_first is None or found.warmup_sum_ms is None or found.warmup_ms is None:
        return ""
    return (
        f"In the first inference they take {duration(found.warmup_sum_ms)} ms, {percent(found.explained_first)} of its "
        f"{duration(found.warmup_ms)} ms."
    )


def explained_first(found: KernelSummary) -> str:
    """How much of the first inference its kernels explain, such as `97.1 % of 41.2`; empty where it is not known."""
    if found.explained_first is None or found.warmup_ms is None:
        return ""
    return f"{percent(found.explained_first)} of {duration(found.warmup_ms)}"


def clock_mark(found: KernelSummary) -> str:
    """Whose clock it was, where a GPU computed."""
    if found.clock == "gpu":
        return "by the GPU"
    return "CPU-side" if found.clock == "cpu" and found.on_gpu else ""


def _clock(found: KernelSummary) -> str:
    match found.clock:
        case "gpu":
            return "These are times of the GPU, by its own timers, and of the processor for what ran there."
        case "cpu" if found.on_gpu:
            return (
                "CPU-side: this browser lets the GPU's own timers be read by nobody, so these are times until the "
                "processor had each kernel's result, or had handed it over."
            )
    return ""


def _distortion(found: KernelSummary) -> str:
    if found.apart:
        return f"It is not set beside the timing blocks, because it ran something else: {'; '.join(found.apart)}."
    if found.distortion is None or found.timing_ms is None:
        return "This case has no timing blocks that count, so how far watching bends the numbers is not known."
    compared = f"{ratio(found.distortion)} the {duration(found.timing_ms)} ms of the timing blocks"
    if found.distortion >= DISTORTED:
        return f"Watching distorts: a watched prediction takes {compared}."
    return f"A watched prediction takes {compared}."


def memory_sentences(found: MemorySummary) -> list[str]:
    """How a memory pass was read."""
    if found.period_ms is None:
        told = [f"{plural(len(found.readings), 'reading')}, each at the end of a stage."]
    else:
        samples = f"{plural(found.samples, 'sample')} taken every {found.period_ms:g} ms"
        told = [f"Read at the end of every stage, and in {samples}."]
    highest = found.highest_sampled
    if found.peak_rss_kb is not None and highest.rss_kb < 0.98 * found.peak_rss_kb:
        told.append(
            f"The largest RSS that was read is {size(highest.rss_kb)}: the peak of {size(found.peak_rss_kb)} lay "
            "between two readings."
        )
    return [*told, *(f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in found.notes)]


def page_memory_sentences(found: PageMemorySummary) -> list[str]:
    """What has to be known before values of different origin are read side by side."""
    told = ["Each value counts something else, and stands under the name of what told it."]
    heap = found.of("wasm_heap_bytes")
    if heap and heap.highest:
        told.append("WebAssembly.Memory never shrinks: what it once held stays.")
    if found.kernels:
        told.append(
            f"The first inference was read after each of its {len(found.kernels)} kernels: bytesAdded and "
            "totalBytesSnapshot are tensors, as TensorFlow.js counts them."
        )
    return told


def told_size(count: int | None) -> str:
    """Bytes as a size; a dash where they were not told."""
    return "–" if count is None else size(count / 1024)


def added_size(count: int | None) -> str:
    """Bytes that were added or, with a minus sign, given back."""
    return signed(None if count is None else round(count / 1024))


def stage_name(after: str) -> str:
    """The stage that had ended, in words; a kernel keeps its name."""
    return MEMORY_STAGES.get(after, after)


def growth_label(growth: Growth) -> str:
    """The stage that grew, and which part of it where it is read more than once."""
    name = MEMORY_STAGES.get(growth.stage, growth.stage)
    return name if growth.part == 1 else f"{name}, part {growth.part}"


def signed(kib: int | None) -> str:
    """Growth with its sign, such as `+ 12.3 MiB`; a dash where it is not known."""
    if kib is None:
        return "–"
    return size(0) if kib == 0 else f"{'+' if kib > 0 else '−'}\u202f{size(abs(kib))}"  # noqa: RUF001 - a minus sign


def optional_size(kib: int | None) -> str:
    return "–" if kib is None else size(kib)


def optional_amount(count: float | None) -> str:
    """A dash where the count is not known or nothing."""
    return amount(count) if count else "–"


def times(value: float | None) -> str:
    return "–" if value is None else ratio(value)


def rate(gflops: float | None) -> str:
    return "–" if gflops is None else factor(gflops)
