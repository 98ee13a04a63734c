"""The top of the report: what was measured and found, how many cases are valid, and the notices before any table."""

from __future__ import annotations

from mobilebench.analysis.summary import RunSummary, TargetSummary
from mobilebench.report import document as doc
from mobilebench.report.phrases import counts_sentence, listed, plural, stopped_sentence, watched_counts
from mobilebench.report.sections import findings
from mobilebench.report.views import RunView, target_names

MANY_CASES = 10
"""If there are more cases than this, HTML offers a search and filters."""


def document(view: RunView, sections: tuple[doc.Section, ...]) -> doc.Document:
    """The report's title and notices, with these sections below."""
    run = view.run
    created = f"{run.info.created_at:%d %B %Y, %H:%M}".lstrip("0")
    version = f"mobilebench {run.info.mobilebench_version}"
    return doc.Document(
        title=headline(run),
        eyebrow=f"Suite {run.info.suite} · {created} UTC · {version}",
        run_id=run.info.id,
        footer=f"{version} · run {run.info.id} · {run.run_blocks} of {run.planned_blocks} planned blocks · times are "
        "in milliseconds unless a heading says otherwise",
        sections=sections,
        head=(*findings.head(view), *_head(run)),
        many=sum(run.counts.values()) > MANY_CASES,
    )


def _head(run: RunSummary) -> list[doc.Block]:
    blocks: list[doc.Block] = [doc.Counts(run.counts, "Cases by verdict", forms=doc.DOCUMENTS)]
    blocks += [doc.Paragraph(one.describe(), "small", forms=doc.DOCUMENTS) for one in run.info.imports]
    if run.rules:
        blocks.append(doc.Paragraph(" ".join(run.rules), "small", forms=doc.DOCUMENTS))
    if run.stopped:
        blocks.append(doc.Paragraph(doc.Sentence(stopped_sentence(run.stopped)), "small", forms=doc.DOCUMENTS))
    if run.watched:
        sentence = f"Also recorded, in passes of their own: {watched_counts(run)}."
        blocks.append(doc.Paragraph(sentence, "small", forms=doc.DOCUMENTS))
    if unfinished := unfinished_notice(run):
        blocks.append(doc.Note("unfinished", (doc.Sentence(unfinished),), forms=doc.DOCUMENTS))
    if run.virtual:
        stand_ins = "is a stand-in, not a phone" if len(run.virtual) == 1 else "are stand-ins, not phones"
        title = f"{len(run.virtual)} of {plural(len(run.targets), 'target')} {stand_ins}"
        lines = tuple(virtual_notice(target) for target in run.virtual)
        blocks.append(doc.Note("virtual", lines, (doc.VirtualMark(), f" {title}"), forms=doc.HTML))
        blocks += [doc.Note("virtual", (line,), doc.VirtualMark(), forms=doc.MARKDOWN) for line in lines]
    return blocks


def closing(view: RunView) -> doc.Section | None:
    """The last lines in the terminal: how many cases have each verdict."""
    counted = [doc.Paragraph(f"{counts_sentence(view.run.counts)}.", forms=doc.TERMINAL)]
    blocks = [] if view.run.live and not view.run.planned_blocks else counted
    if view.run.stopped:
        blocks.append(doc.Paragraph(doc.Sentence(stopped_sentence(view.run.stopped)), forms=doc.TERMINAL))
    if view.run.watched:
        blocks.append(doc.Paragraph(f"Also recorded: {watched_counts(view.run)}.", forms=doc.TERMINAL))
    return doc.Section("closing", blocks=tuple(blocks), style="part")


def headline(run: RunSummary) -> str:
    """What was measured, and where: such as `bert_small and mobilenet_v2 on vm and virtual Pixel 8`."""
    cases = [case.case for target in run.targets for case in target.cases if not case.case.is_baseline]
    models = list(dict.fromkeys(case.model for case in (*cases, *(one.watched.case for one in run.live))))
    names = target_names(run)
    targets = [f"{'virtual ' if one.info.virtual else ''}{names[one.info.id]}" for one in run.targets]
    return f"{listed(models, 'model')} on {listed(targets, 'target')}" if models else "Nothing was measured"


def unfinished_notice(run: RunSummary) -> str | None:
    """The notice about a run that has not measured everything."""
    if run.info.status == "finished":
        return None
    state = "was interrupted" if run.info.status == "interrupted" else "has not finished"
    return (
        f"This run {state}: {run.run_blocks} of {run.planned_blocks} planned blocks are stored. "
        f"`mobilebench run --resume {run.info.id}` measures the rest."
    )


def virtual_notice(target: TargetSummary) -> str:
    """The notice that says which computer's numbers a virtual target has."""
    imitated = f", not about the {target.info.profile_soc} that it imitates" if target.info.profile_soc else ""
    return (
        f"{target.info.name} ({target.info.id}) is a virtual phone: a stand-in on the computer that ran this. "
        f"Its numbers are that computer's, filed under {target.soc}. They say something about that CPU{imitated}."
    )
