"""Targets: the facts that each machine reported about itself."""

from __future__ import annotations

from mobilebench.analysis.summary import TargetSummary
from mobilebench.report import document as doc
from mobilebench.report.phrases import counts_sentence
from mobilebench.report.views import RunView, TargetView

_COLUMNS = (
    doc.Column("Target", "name"),
    doc.Column("Name", forms=doc.MARKDOWN),
    doc.Column("Filed under"),
    doc.Column("Imitates"),
    doc.Column("Profile", forms=doc.HTML),
    doc.Column("Maker", forms=doc.HTML),
    doc.Column("System"),
    doc.Column("ABI"),
    doc.Column("Runner", forms=doc.HTML),
    doc.Column("Cores", "number"),
    doc.Column("Memory", forms=doc.HTML),
    doc.Column("GPU", forms=doc.HTML),
    doc.Column("Browsers"),
    doc.Column("Battery", forms=doc.HTML),
    doc.Column("State", forms=doc.HTML),
    doc.Column("Cases"),
)


def section(view: RunView) -> doc.Section | None:
    """One card per target; in Markdown one row."""
    table = doc.Table(
        "targets",
        _COLUMNS,
        tuple(map(_row, view.targets)),
        style="cards",
        forms=doc.DOCUMENTS,
    )
    return doc.Section("targets", "Targets", (table,))


def _row(view: TargetView) -> doc.Row:
    target, info = view.target, view.target.info
    imitated = (info.profile_soc or info.profile) if info.virtual else None
    cells: tuple[doc.Value, ...] = (
        doc.Cell(doc.Link(info.name, f"#{view.anchor}"), (info.id,), markdown=named(target)),
        info.name,
        target.soc,
        imitated,
        None if info.virtual else info.profile,
        info.manufacturer,
        info.os,
        info.abi,
        info.runner,
        info.cores,
        f"{info.memory_mb} MB" if info.memory_mb else None,
        f"{info.gpu}{' (drawn by the CPU)' if info.gpu_software else ''}" if info.gpu else None,
        ", ".join(f"{name} {version}" for name, version in info.browsers.items()) or None,
        f"{info.battery_percent} %" if info.battery_percent is not None else None,
        info.state if info.state != "device" else None,
        counts_sentence(target.counts),
    )
    return doc.Row(cells, virtual=info.virtual)


def named(target: TargetSummary) -> str:
    """The target's id, and whether it is virtual."""
    return f"{target.info.id}, virtual" if target.info.virtual else target.info.id
