"""Memory of pages, as reported by the page, its engine and its browser."""

from __future__ import annotations

from mobilebench.analysis.labels import MEMORY_STAGES, case_label
from mobilebench.analysis.memory import KernelGrowth, PageMemorySummary, page_memory
from mobilebench.analysis.summary import CaseSummary
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.figures.memory import kernel_curve
from mobilebench.report.phrases import memory_bytes, signed_size, times

Watched = tuple[CaseSummary, PageMemorySummary]

_FIELDS = ("wasm_heap_bytes", "performance_memory_bytes", "user_agent_bytes")
_COLUMNS = (
    views.case_column("memory of pages"),
    views.THREADS,
    doc.Column("WebAssembly.Memory", "number", short="wasm"),
    doc.Column("performance.memory", "number", short="perf.memory"),
    doc.Column("measureUserAgentSpecificMemory()", "number", short="userAgent"),
    doc.Column("Tensors", "number"),
    doc.Column("Tensors to model", "number", short="/ model", forms=doc.TERMINAL),
)
_SOURCE_COLUMNS = (
    doc.Column("Reported by", "name"),
    *(doc.Column(name, "number") for name in ("At first", "Highest", "After", "At the end", "Times the model")),
)
_KERNEL_COLUMNS = (
    doc.Column("Kernel", "name"),
    *(
        doc.Column(name, "number")
        for name in ("Number", "bytesAdded", "totalBytesSnapshot", "Heap growth", "performance.memory")
    ),
)


def section(view: views.ModelView) -> doc.Section | None:
    """Highest values of every page, the values by stage, and the curve over the kernels of the first inference."""
    watched = [(case, found) for case in view.cases if (found := page_memory(case))]
    if not watched:
        return None
    blocks: list[doc.Block] = [
        _table(view, watched),
        _by_source(view, watched),
        doc.Items(tuple(_tensors(case, found) for case, found in watched if found.kernels), forms=doc.MARKDOWN),
    ]
    if not view.detailed:
        sentence = (
            "This run is large: the values of every case and stage are in `memory.csv`, and those after every kernel "
            f"in the output of `mobilebench results {view.run.info.id} --data kernel_memory --format csv`."
        )
        blocks.append(doc.Paragraph(doc.Sentence(sentence), "small", forms=doc.HTML))
    folds = tuple(_case(view, case, found) for case, found in watched if view.detailed or found.kernels)
    blocks.append(doc.Fold("Memory of pages by stage and by kernel", folds, forms=doc.HTML))
    return doc.Section("page-memory", blocks=tuple(blocks), style="part")


def _table(view: views.ModelView, watched: list[Watched]) -> doc.Table:
    return doc.Table(
        "page-memory",
        _COLUMNS,
        tuple(doc.Row(_cells(view, case, found), of=views.facets(case)) for case, found in watched),
        f"Memory of {view.title} as pages report it on {view.target.info.name}",
        "The highest value of all readings, and its ratio to the size of the model's files. Tensors: the largest "
        "totalBytesSnapshot of TensorFlow.js's profiler in the first inference.",
        forms=doc.HTML | doc.TERMINAL,
    )


def _cells(view: views.ModelView, case: CaseSummary, found: PageMemorySummary) -> tuple[doc.Value, ...]:
    cells: list[doc.Value] = []
    for field in _FIELDS:
        source = found.of(field)
        cells.append(
            doc.Cell(memory_bytes(source.highest if source else None), _of_model(source.to_model if source else None))
        )
    tensors = doc.Cell(memory_bytes(found.peak_tensors), _of_model(found.tensors_to_model))
    return (views.case_cell(view, case), case.case.threads, *cells, tensors, times(found.tensors_to_model))


def _of_model(ratio: float | None) -> tuple[str, ...]:
    return (f"{times(ratio)} the model",) if ratio else ()


def _by_source(view: views.ModelView, watched: list[Watched]) -> doc.Table:
    """All values of all cases by source, for Markdown, which has no folds."""
    columns = (doc.Column("Case", "name"), doc.Column("Reported by"), *_SOURCE_COLUMNS[1:])
    rows = (
        doc.Row((doc.Cell(case_label(case.case)), *cells), of=views.facets(case))
        for case, found in watched
        for cells in _sources(found)
    )
    return doc.Table(
        "page-memory-sources",
        columns,
        tuple(rows),
        f"Memory of {view.title} as pages report it on {view.target.info.name}",
        "Each value has the name of its source; different sources count different things.",
        forms=doc.MARKDOWN,
    )


def _sources(found: PageMemorySummary) -> list[tuple[doc.Value, ...]]:
    return [
        (
            source.label,
            memory_bytes(source.first),
            memory_bytes(source.highest),
            MEMORY_STAGES.get(source.highest_after, source.highest_after),
            memory_bytes(source.steady),
            times(source.to_model),
        )
        for source in found.sources
    ]


def _tensors(case: CaseSummary, found: PageMemorySummary) -> str:
    most = ", ".join(f"{one.kernel.name} ({_added(one.kernel.bytes_added)})" for one in found.top[:3])
    return (
        f"{case_label(case.case)}: up to {memory_bytes(found.peak_tensors)} of tensors (totalBytesSnapshot, "
        f"{times(found.tensors_to_model)} the model) in the first inference; most was added by {most}."
    )


def _case(view: views.ModelView, case: CaseSummary, found: PageMemorySummary) -> doc.Fold:
    blocks: list[doc.Block] = []
    if view.detailed:
        blocks += [doc.Paragraph(doc.Sentence(sentence), "small") for sentence in page_memory_sentences(found)]
        rows = tuple(doc.Row(cells) for cells in _sources(found))
        blocks.append(doc.Table("sources", _SOURCE_COLUMNS, rows, "By source", style="dense"))
    if curve := kernel_curve(case, found, view.mark):
        blocks.append(curve)
        if view.detailed:
            blocks.append(_kernels(found))
    return doc.Fold(case_label(case.case), tuple(blocks), inner=True, of=views.facets(case))


def _kernels(found: PageMemorySummary) -> doc.Table:
    caption = f"The {len(found.top)} kernels that added most, of {len(found.kernels)}"
    return doc.Table("added", _KERNEL_COLUMNS, tuple(map(_kernel, found.top)), caption, style="dense")


def _kernel(one: KernelGrowth) -> doc.Row:
    return doc.Row(
        (
            one.kernel.name,
            one.position,
            _added(one.kernel.bytes_added),
            memory_bytes(one.kernel.total_bytes),
            _added(one.heap_growth),
            memory_bytes(one.kernel.performance_memory_bytes),
        )
    )


def _added(count: int | None) -> str:
    """Bytes that were added or, with a minus sign, freed."""
    return signed_size(None if count is None else round(count / 1024))


def page_memory_sentences(found: PageMemorySummary) -> list[str]:
    """Caveats for readers who compare values from different sources."""
    sentences = ["Each value counts something else, and stands under the name of what reported it."]
    heap = found.of("wasm_heap_bytes")
    if heap and heap.highest:
        sentences.append("WebAssembly.Memory never shrinks: its size stays at its highest.")
    if found.kernels:
        sentences.append(
            f"The first inference was read after each of its {len(found.kernels)} kernels: bytesAdded and "
            "totalBytesSnapshot are tensors, as TensorFlow.js counts them."
        )
    return sentences
