"""Targets: the facts that each machine reported about itself."""

from __future__ import annotations

from mobilebench.analysis.summary import TargetSummary
from mobilebench.report.document import DOCUMENTS, HTML, MARKDOWN, Cell, Column, Link, Row, Section, Table, Value
from mobilebench.report.phrases import counts_sentence
from mobilebench.report.views import RunView, TargetView

_COLUMNS = (
    Column("Target", "name"),
    Column("Name", forms=MARKDOWN),
    Column("Filed under"),
    Column("Imitates"),
    Column("Profile", forms=HTML),
    Column("Maker", forms=HTML),
    Column("System"),
    Column("ABI"),
    Column("Runner", forms=HTML),
    Column("Cores", "number"),
    Column("Memory", forms=HTML),
    Column("GPU", forms=HTML),
    Column("Browsers"),
    Column("Battery", forms=HTML),
    Column("State", forms=HTML),
    Column("Cases"),
)


def section(view: RunView) -> Section | None:
    """One card per target; in Markdown one row."""
    table = Table(
        "targets",
        _COLUMNS,
        tuple(map(_row, view.targets)),
        style="cards",
        forms=DOCUMENTS,
    )
    return Section("targets", "Targets", (table,))


def _row(view: TargetView) -> Row:
    target, info = view.target, view.target.info
    imitated = (info.profile_soc or info.profile) if info.virtual else None
    cells: tuple[Value, ...] = (
        Cell(Link(info.name, f"#{view.anchor}"), (info.id,), markdown=named(target)),
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
    return Row(cells, virtual=info.virtual)


def named(target: TargetSummary) -> str:
    """The target's id, and whether it is virtual."""
    return f"{target.info.id}, virtual" if target.info.virtual else target.info.id
