"""The report as Markdown, for pull requests: the same tables and marks as the HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mobilebench.analysis.gaps import Gap, GapGroup, gaps
from mobilebench.analysis.labels import (
    case_label,
    duration,
    model_label,
    percent,
    printable,
    ratio,
    size,
)
from mobilebench.analysis.page_memory import KernelGrowth
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.core.records import Pass, Stage
from mobilebench.report import pages, phrases, watched

_ESCAPES = str.maketrans({**{c: f"\\{c}" for c in "\\`*[]|~$"}, "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ALIVE = re.compile(r"(?i)(?<=\bwww)\.|:(?=//)|@(?=\w)")
_LOOSE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


def text(raw: object) -> str:
    """One line of text in which nothing is Markdown, HTML, a link, a mention or a table's edge."""
    line = " ".join(printable(re.sub(r"\s+", " ", str(raw))).split())
    escaped = _LOOSE_UNDERSCORE.sub(r"\\_", line.translate(_ESCAPES))
    return _ALIVE.sub(lambda found: f"&#{ord(found[0])};", escaped)


def render(summary: RunSummary) -> str:
    """The whole report as one Markdown document."""
    groups = gaps(summary)
    parts = [
        f"# {text(phrases.headline(summary))}",
        f"Suite {text(summary.info.suite)}, run {text(summary.info.id)}, {summary.info.created_at:%Y-%m-%d %H:%M} UTC, "
        f"mobilebench {text(summary.info.mobilebench_version)}. {text(phrases.counts_sentence(summary.counts))}.",
    ]
    if summary.watched:
        parts.append(f"Watched beside the timing: {text(watched.counts(summary))}.")
    if unfinished := phrases.unfinished_notice(summary):
        parts.append(f"> {text(unfinished)}")
    parts += [f"> **virtual**: {text(phrases.virtual_notice(target))}" for target in summary.virtual]
    parts += ["## Targets", _targets(summary)]
    for target in summary.targets:
        parts += _target(target, [group for group in groups if group.target is target])
    parts += ["## Where the wall time went", _time(summary)]
    parts += [
        "## How to read the numbers",
        "Milliseconds. A case's number is the median of its blocks' medians; then come the lowest and highest block "
        "and the 95 % interval between blocks (Student's t, cut at 0; none with fewer than three blocks). Only "
        "valid and suspect blocks count. A case whose blocks differ by more than 1.5× is suspect. Gaps are paired "
        "within rounds. A virtual target's numbers are those of the computer that ran it.",
        "## Measure it again",
        f"    {printable(phrases.repeat_command(summary))}",
    ]
    return "\n\n".join(parts) + "\n"


def _targets(summary: RunSummary) -> str:
    header = ["target", "name", "filed under", "imitates", "system", "ABI", "cores", "browsers", "cases"]
    return _table(
        header,
        [
            [
                _named(target),
                target.info.name,
                target.soc,
                (target.info.profile_soc or "") if target.info.virtual else "",
                target.info.os,
                target.info.abi,
                target.info.cores,
                ", ".join(f"{name} {version}" for name, version in target.info.browsers.items()),
                phrases.counts_sentence(target.counts),
            ]
            for target in summary.targets
        ],
    )


def _target(target: TargetSummary, groups: Sequence[GapGroup]) -> list[str]:
    parts = [f"## {text(target.info.name)} ({text(_named(target))})", f"Filed under {text(target.soc)}."]
    models = target.by_model()
    for group in groups:
        key = (group.model, group.precision, group.batch)
        mark = " (virtual)" if target.info.virtual else ""
        parts += [f"### {text(model_label(*key))}{mark}", _results(models[key])]
        parts += _reasons(models[key])
        parts += [text(group.reason)] if group.reason else _gaps(group, mark)
        parts += [*_setups(models[key], mark), *_inferences(models[key], mark)]
        parts += [*_kernels(models[key], mark), *_memory(models[key], mark), *_page_memory(models[key], mark)]
        parts += _traces(models[key], mark)
    return parts


def _results(cases: Iterable[CaseSummary]) -> str:
    rows = [
        [
            case_label(c.case),
            *(_stage(c, stage) for stage in STAGES),
            len(c.counted),
            c.status.upper() if _bad(c) else c.status,
        ]
        for c in cases
    ]
    return _table(["case", "setup, ms", "warmup, ms", "prediction, ms", "blocks", "verdict"], rows)


def _bad(case: CaseSummary) -> bool:
    return case.status in ("invalid", "failed")


def _stage(case: CaseSummary, stage: Stage) -> str:
    statistics = case.stages.get(stage)
    if statistics is None:
        return "–"
    between = f"; 95 % {phrases.interval(statistics)}" if statistics.interval else ""
    return f"{duration(statistics.median)} ({phrases.spread(statistics)}{between})"


def _reasons(cases: Iterable[CaseSummary]) -> list[str]:
    found: dict[tuple[str, str], list[CaseSummary]] = {}
    for case in cases:
        if case.reasons:
            found.setdefault((case.status, " ".join(case.reasons)), []).append(case)
    lines = [f"- {text(_who(of))}, {status}: {text(reason)}" for (status, reason), of in found.items()]
    return ["\n".join(lines)] if lines else []


def _who(cases: Sequence[CaseSummary]) -> str:
    """The cases that share a reason, each by its name."""
    names = "; ".join(case_label(case.case) for case in cases)
    return names if len(cases) == 1 else f"{len(cases)} cases ({names})"


def _gaps(group: GapGroup, mark: str) -> list[str]:
    against = case_label(group.fastest_native) if group.fastest_native else ""
    header = ["web case", *STAGES, "prediction, as many threads"]
    rows = [[case_label(gap.web), *_ratios(group, gap)] for gap in group.main]
    return [
        f"Native-to-web gap{mark}: times as long as {text(against)}, the fastest native case.",
        _table(header, rows),
    ]


def _setups(cases: Sequence[CaseSummary], mark: str) -> list[str]:
    """Setup of pages by part, and what they downloaded."""
    found = pages.with_setup(cases)
    if not found:
        return []
    header = ["page", "setup, ms", *(f"{name.lower()}, ms" for name in pages.PARTS.values()), "downloads", "came"]
    rows = [
        [
            case_label(case.case),
            duration(case.stages["setup"].median) + (" as shipped" if "as_shipped" in case.setup_parts else ""),
            *(pages.part(case, part) for part in pages.PARTS),
            pages.share(case.downloads.share if case.downloads else None),
            ", ".join([pages.came(case.downloads), *pages.way(case.downloads)]),
        ]
        for case in found
    ]
    return [
        f"Setup of pages by part{mark}; downloads are their share of setup, and are compared only over equal paths.",
        _table(header, rows),
    ]


def _inferences(cases: Sequence[CaseSummary], mark: str) -> list[str]:
    """What pages compiled in the first inference, and read back in every later one."""
    lines = [
        f"- {text(case_label(case.case))}: {text('; '.join(told))}"
        for case in pages.with_parts_of_inference(cases)
        if (told := [*pages.compiled_sentences(case), *pages.readback_sentences(case)])
    ]
    return [f"Inside the inferences of pages{mark}:", "\n".join(lines)] if lines else []


def _kernels(cases: Sequence[CaseSummary], mark: str) -> list[str]:
    read = watched.with_kernels(cases)
    if not read:
        return _unread(cases, "kernels", mark)
    header = ["case", "kernels, ms", "explained", "against timing", "compute-intensive", "memory-intensive", "GFLOP"]
    rows = [
        [
            case_label(case.case),
            duration(found.sum_ms),
            percent(found.explained),
            watched.times(found.distortion),
            percent(found.share_of("compute")),
            percent(found.share_of("memory")),
            "–" if found.flops is None else f"{found.flops / 1e9:.3g}",
        ]
        for case, found in read
    ]
    shares = [
        [case_label(case.case), *(f"{row.type} {percent(row.share)}" for row in found.rows[:5] if row.kernels)]
        for case, found in read
    ]
    lines = [f"- {text(', '.join(share))}" for share in shares]
    return [
        f"Kernels{mark}: a pass of its own, by the engine's profiler. Explained is what they add up to of the same "
        "pass's prediction, which the next column sets against the timing blocks'.",
        _table(header, rows),
        "\n".join(lines),
        *_unread(cases, "kernels", mark),
    ]


def _memory(cases: Sequence[CaseSummary], mark: str) -> list[str]:
    read = watched.with_memory(cases)
    if not read:
        return _unread(cases, "memory", mark)
    header = ["case", "peak RSS", "times the model", "RSS", "PSS", "USS", "anonymous", "file-backed"]
    rows = [
        [
            case_label(case.case),
            watched.optional_size(found.peak_rss_kb),
            watched.times(found.peak_to_model),
            size(found.steady.rss_kb),
            *map(watched.optional_size, (found.steady.pss_kb, found.steady.uss_kb)),
            *map(watched.optional_size, (found.steady.anonymous_kb, found.steady.file_kb)),
        ]
        for case, found in read
    ]
    return [
        f"Memory{mark}: a pass of its own. Peak RSS is VmHWM; all others are readings when the last prediction ended.",
        _table(header, rows),
        *_unread(cases, "memory", mark),
    ]


def _page_memory(cases: Sequence[CaseSummary], mark: str) -> list[str]:
    read = watched.with_page_memory(cases)
    if not read:
        return []
    header = ["case", "told by", "at first", "highest", "after", "at the end", "times the model"]
    rows = [
        [
            case_label(case.case),
            told.label,
            *map(watched.told_size, (told.first, told.highest)),
            watched.stage_name(told.highest_after),
            watched.told_size(told.steady),
            watched.times(told.to_model),
        ]
        for case, found in read
        for told in found.told
    ]
    tensors = [
        f"- {text(case_label(case.case))}: up to {watched.told_size(found.peak_tensors)} of tensors "
        f"(totalBytesSnapshot, {watched.times(found.tensors_to_model)} the model) in the first inference; most was "
        f"added by {text(', '.join(_added(one) for one in found.top[:3]))}."
        for case, found in read
        if found.kernels
    ]
    return [
        f"Memory as pages tell it{mark}: each value stands under the name of what told it, and counts something else.",
        _table(header, rows),
        *(["\n".join(tensors)] if tensors else []),
    ]


def _added(one: KernelGrowth) -> str:
    return f"{one.kernel.name} ({watched.added_size(one.kernel.bytes_added)})"


def _traces(cases: Sequence[CaseSummary], mark: str) -> list[str]:
    lines = [
        f"- {text(case_label(case.case))}, {case.watched['trace'].status}: `{watched.trace_link(trace)}`, "
        f"{watched.trace_words(trace)}"
        for case, trace in watched.with_trace(cases)
    ]
    told = [f"Chrome's own traces{mark}, beside this file:", "\n".join(lines)] if lines else []
    return [*told, *_unread(cases, "trace", mark)]


def _unread(cases: Sequence[CaseSummary], of_pass: Pass, mark: str) -> list[str]:
    lines = [
        f"- {text(case_label(case.case))}, {of_pass}{mark}: {case.watched[of_pass].status}. {text(reason)}"
        for case, reason in watched.without(cases, of_pass)
    ]
    return ["\n".join(lines)] if lines else []


def _ratios(group: GapGroup, gap: Gap) -> list[str]:
    if gap.refusal:
        return [f"not compared: {gap.refusal}", "–", "–", "–"]
    same = group.same_threads(gap.web)
    found = [
        f"{ratio(gap.ratios[s].median)} ({phrases.ratio_range(gap.ratios[s]) or '1 round'})" if s in gap.ratios else "–"
        for s in STAGES
    ]
    return [*found, f"{ratio(same.ratios['prediction'].median)} ({same.native.engine})" if same else "–"]


def _time(summary: RunSummary) -> str:
    share = summary.time.measured_share
    rows = [[_named(target), *(f"{value / 1000:.1f}" for value in target.spent.values())] for target in summary.targets]
    table = _table(["target", *(f"{what}, s" for what in summary.time.spent)], rows)
    if share is None:
        return table
    return f"{share:.0%} of {summary.time.wall / 1000:.0f} s was spent inside measured stages.\n\n{table}"


def _named(target: TargetSummary) -> str:
    return f"{target.info.id}, virtual" if target.info.virtual else target.info.id


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *([text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
