"""Setup of pages by part with their downloads, and parts of their inferences: compilation and read-back."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.analysis.labels import SETUP_PARTS, duration, factor
from mobilebench.analysis.stage_parts import CompilationStatistics, DownloadStatistics, ReadbackStatistics
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import SetupPart, Stage
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.phrases import megabytes, milliseconds, rate, share, spread

_PARTS: tuple[SetupPart, ...] = ("framework_download", "framework_init", "model_download", "model_init")
"""Setup parts of a page that downloads first and then starts; with the engine's own loader there is only the total."""
_SHORT_PARTS = ("framework", "start", "model", "start")
_LONG_READBACK = 0.01
"""Share of a prediction from which the terminal shows the read-back; a Wasm engine has almost none."""


def section(view: views.ModelView) -> doc.Section | None:
    """Both tables, each behind a fold in HTML."""
    blocks = [*_setups(view), *_inferences(view)]
    return doc.Section("pages", blocks=tuple(blocks), style="part") if blocks else None


def _setups(view: views.ModelView) -> list[doc.Block]:
    pages = [case for case in view.cases if case.in_page and "setup" in case.stages]
    if not pages:
        return []
    columns = (
        views.case_column("setup of pages, ms"),
        views.THREADS,
        doc.Column("Setup", "number", unit="ms", style="big", forms=doc.DOCUMENTS),
        *(
            doc.Column(SETUP_PARTS[part].capitalize(), "number", unit="ms", short=short)
            for part, short in zip(_PARTS, _SHORT_PARTS, strict=True)
        ),
        doc.Column("Downloads", "number", short="share"),
        doc.Column("Received", "number", forms=doc.DOCUMENTS),
        doc.Column("Speed", "number", short="MB/s", forms=doc.TERMINAL),
    )
    table = doc.Table(
        "setups",
        columns,
        tuple(_setup(view, case) for case in pages),
        view.caption("Setup of pages"),
        "Milliseconds, medians of the blocks. With the engine's own loader only the whole setup is known. Downloads "
        "are a share of setup; compare them only if they came over the same path.",
        forms=doc.DOCUMENTS | doc.TERMINAL,
    )
    return [doc.Fold("Setup of pages by part, and what they downloaded", (table,))]


def _setup(view: views.ModelView, case: CaseSummary) -> doc.Row:
    found = case.downloads
    cell = views.case_cell(view, case)
    path = f", {found.path}" if found and found.path else ""
    name = doc.Cell(cell.text, cell.details, markdown=cell.markdown, terminal=f"{cell.terminal}{path}")
    whole = case.stages["setup"].value
    parts = (case.setup_parts.get(part) for part in _PARTS)
    shipped = ("as shipped",) if "as_shipped" in case.setup_parts else ()
    of_setup = found.share if found else None
    cells: tuple[doc.Value, ...] = (
        name,
        case.case.threads,
        doc.Cell(duration(whole), shipped, whole),
        *(milliseconds(part.value if part else None) for part in parts),
        doc.Cell(share(of_setup), ("of setup",) if of_setup is not None else (), of_setup, markdown=share(of_setup)),
        doc.Cell(received(found), how_received(found), markdown=", ".join([received(found), *how_received(found)])),
        rate(found.megabytes_per_second if found else None),
    )
    forms = doc.DOCUMENTS | doc.TERMINAL if of_setup is not None else doc.DOCUMENTS
    return doc.Row(cells, forms=forms, of=views.facets(case))


def received(found: DownloadStatistics | None) -> str:
    """The amount that was transferred, such as `13.9 MB`; a dash if it is not known."""
    if found is None:
        return "–"
    return megabytes(found.bytes) if found.bytes or not found.cached_bytes else "nothing"


def how_received(found: DownloadStatistics | None) -> tuple[str, ...]:
    """Speed and way of the transfer, and the amount that came from a cache."""
    if found is None:
        return ()
    speed = found.megabytes_per_second
    return (
        *([f"{factor(speed)} MB/s"] if speed is not None else []),
        *([f"path {found.path}"] if found.path else []),
        *([f"{megabytes(found.cached_bytes)} from caches"] if found.cached_bytes else []),
    )


def _inferences(view: views.ModelView) -> list[doc.Block]:
    pages = [case for case in view.cases if case.compilation or case.readback]
    if not pages:
        return []
    compiled = any(case.compilation for case in pages)
    read = any(case.readback for case in pages)
    note = "Milliseconds, medians of the blocks; below, the share of the inference and the range of the blocks."
    if compiled:
        note += (
            " Compilation is the time in which calls that compile for the GPU were running; a browser may continue "
            "after they have returned."
        )
    if read:
        note += " Read-back is the time after the engine's call has returned; on a GPU it includes the computation."
    table = doc.Table(
        "inferences",
        tuple(_inference_columns(compiled, read)),
        tuple(_inference(view, case) for case in pages),
        view.caption("Inferences of pages"),
        note,
        forms=doc.DOCUMENTS | doc.TERMINAL,
    )
    parts = " and ".join(name for name, there in (("compilation", compiled), ("read-back", read)) if there)
    return [doc.Fold(f"Inferences of pages, with {parts}", (table,))]


def _inference_columns(compiled: bool, read: bool) -> Sequence[doc.Column]:
    """The table's columns; the terminal has all, so that the tables of all models can be joined."""
    of_compiled = doc.DOCUMENTS | doc.TERMINAL if compiled else doc.TERMINAL
    of_read = doc.DOCUMENTS | doc.TERMINAL if read else doc.TERMINAL
    return (
        views.case_column("inferences of pages, ms"),
        views.THREADS,
        doc.Column("First inference", "number", short="first"),
        doc.Column("Compilation", "number", short="compiled", forms=of_compiled),
        doc.Column("Share compiled", "number", short="share", forms=doc.TERMINAL),
        doc.Column("Prediction", "number"),
        doc.Column("Read-back", "number", short="read-back", forms=of_read),
        doc.Column("Share read back", "number", short="share", forms=doc.TERMINAL),
    )


def _inference(view: views.ModelView, case: CaseSummary) -> doc.Row:
    first, prediction = case.stages.get("warmup"), case.stages.get("prediction")
    compilation, readback = case.compilation.get("warmup"), case.readback
    cells: tuple[doc.Value, ...] = (
        views.case_cell(view, case),
        case.case.threads,
        milliseconds(first.value if first else None),
        doc.Cell(
            milliseconds(compilation.time.value if compilation else None),
            (*_share_and_spread(compilation), *([compiled(compilation)] if compilation else []), *_elsewhere(case)),
        ),
        share(compilation.share if compilation else None),
        milliseconds(prediction.value if prediction else None),
        doc.Cell(milliseconds(readback.time.value if readback else None), _share_and_spread(readback)),
        share(readback.share if readback else None),
    )
    long_readback = readback is not None and (readback.share or 0) >= _LONG_READBACK
    forms = doc.DOCUMENTS | doc.TERMINAL if case.compilation or long_readback else doc.DOCUMENTS
    return doc.Row(cells, forms=forms, of=views.facets(case))


def _share_and_spread(part: CompilationStatistics | ReadbackStatistics | None) -> tuple[doc.Text, ...]:
    if part is None:
        return ()
    return (f"{share(part.share)}{f'; {spread(part.time)}' if len(part.time.blocks) > 1 else ''}",)


def compiled(found: CompilationStatistics) -> str:
    """Such as `12 shaders, 6 pipelines`; a count of zero is omitted."""
    counts = ((found.shaders, "shader"), (found.pipelines, "pipeline"))
    return ", ".join(f"{count:g} {name}{'' if count == 1 else 's'}" for count, name in counts if count)


def _elsewhere(case: CaseSummary) -> list[str]:
    """Compilation outside the first inference, by stage."""
    names: dict[Stage, str] = {"setup": "in setup", "prediction": "in predictions"}
    return [
        f"{name} {compiled(case.compilation[stage])}, {duration(case.compilation[stage].time.value)} ms"
        for stage, name in names.items()
        if stage in case.compilation
    ]
