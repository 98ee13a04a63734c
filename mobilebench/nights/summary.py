"""A night for people: Markdown for a job's summary and for files, and a few lines for a chat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilebench.analysis.labels import printable
from mobilebench.analysis.quantities import kind_of, shown
from mobilebench.nights.records import AbResult, Change, Night, Outcome
from mobilebench.report.comparison import NO_CHANGE, change_range, percent_change, probability
from mobilebench.report.phrases import UNKNOWN, milliseconds, plural
from mobilebench.statistics.estimates import Interval

HEADLINES: dict[Outcome, str] = {
    "good": "nothing got worse",
    "worse": "something got worse",
    "incomplete": "nothing that was measured got worse, but not everything was measured",
    "phones skipped": "nothing got worse, but phones were skipped",
    "interrupted": "interrupted; `mobilebench nightly CONFIG --resume` goes on",
}
_MOST_ROWS = 60
_MOST_LISTED = 20
_MOST_IN_CHAT = 8


def headline(night: Night) -> str:
    """What a night came to, in one line."""
    what = HEADLINES[night.outcome] if night.outcome else "is being measured"
    return f"{night.name}, night {night.id}: {what}"


def markdown(night: Night) -> str:
    """The whole summary of a night, in GitHub's Markdown."""
    return "\n".join(_lines(night)) + "\n"


def _lines(night: Night) -> Iterator[str]:
    yield f"# {_text(headline(night))}"
    yield ""
    yield _numbers(night)
    if night.accepted:
        yield ""
        yield f"Accepted on {night.accepted.at:%Y-%m-%d}: {_text(night.accepted.reason)}"
    if night.worse:
        yield from _section("What got worse", [])
        yield from _changes(night.worse)
    flaky = [one for one in night.changes if one.worse and one.flaky]
    if night.flaky:
        items = [
            f"{_text(one.case)} ({_text(one.step)}): unsteady in {one.unsteady} of {plural(one.nights, 'night')} "
            f"({', '.join(one.statuses)})"
            for one in night.flaky
        ]
        yield from _section("Flaky, and not counted", items)
        if flaky:
            yield ""
            yield from _changes(flaky)
    for found in night.ab:
        yield from _ab(found)
    if night.skipped:
        yield from _section(
            "Phones that were skipped",
            [f"{_text(one.name)} ({_text(one.id)}): {_text(one.sentence)}" for one in night.skipped],
        )
    if night.unfinished:
        yield from _section("Not measured to the end", list(_unfinished(night)))
    if better := [one for one in night.changes if one.call in ("faster", "less")]:
        yield from _section("What got better", [])
        yield from _changes(better)
    if untold := _untold(night.changes):
        yield from _section("Not compared, or cannot be told", untold)
    if night.differences:
        yield from _section("What differs from the baseline", [_text(one) for one in night.differences])
    if night.missing:
        yield from _section("Measured the night before, and not planned now", [_text(one) for one in night.missing])
    if night.notes:
        yield from _section("Notes", [_text(one) for one in night.notes])
    if problems := [f"{_text(one.whom)}: {_text(one.problem)}" for one in night.told if one.problem]:
        yield from _section("Not told", problems)
    yield from _section("Runs", [])
    yield "| Suite | State | Cases | Runs | Time |"
    yield "|---|---|---|---|--:|"
    for step in night.steps:
        statuses: dict[str, int] = {}
        for status in step.cases.values():
            statuses[status] = statuses.get(status, 0) + 1
        cases = ", ".join(f"{count} {status}" for status, count in statuses.items()) or UNKNOWN
        runs = ", ".join(step.runs[:3]) + (f" and {len(step.runs) - 3} more" if len(step.runs) > 3 else "")
        yield f"| {_text(step.name)} | {step.state} | {cases} | {runs or UNKNOWN} | {_time(step.seconds)} |"


def _numbers(night: Night) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in night.counts().items()) or "no case"
    compared = [one for one in night.changes if one.ratio is not None]
    budget = "" if night.budget_seconds is None else f" of {_time(night.budget_seconds)}"
    measured = sum(not one.skipped for one in night.phones)
    targets = f" on {plural(measured, 'target')}" if night.phones else ""
    return (
        f"{counts}{targets}; {plural(len(compared), 'number')} compared with {_text(night.baseline)}: "
        f"{_calls(compared)}. Begun {night.begun_at:%Y-%m-%d %H:%M} UTC, {_time(night.spent_seconds)}{budget}, "
        f"mobilebench {night.mobilebench}."
    )


def _calls(compared: Sequence[Change]) -> str:
    """How many times are slower and faster; with energy and memory, how many are more and less."""
    counts = {call: sum(one.call == call for one in compared) for call in ("slower", "faster", "more", "less")}
    told = ("slower", "faster", *(("more", "less") if any(one.quantity for one in compared) else ()))
    return ", ".join(f"{counts[call]} {call}" for call in told)


def _section(title: str, items: Sequence[str]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    for one in items[:_MOST_LISTED]:
        yield f"- {one}"
    if len(items) > _MOST_LISTED:
        yield f"- and {len(items) - _MOST_LISTED} more (`night.json` has all)"


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    yield "| Target | Case | What | Before | Now | Change | 95 % interval | p | Found | Limit |"
    yield "|---|---|---|--:|--:|--:|---|--:|---|--:|"
    for one in changes[:_MOST_ROWS]:
        found = NO_CHANGE if one.call == "no change" else one.call
        cells = (
            _text(one.target) + (" (virtual)" if one.virtual else ""),
            f"{_text(one.label)} ({_text(one.step)})",
            UNKNOWN if one.what == "outcome" else one.what,
            *_values(one),
            UNKNOWN if one.ratio is None else percent_change(one.ratio),
            UNKNOWN if one.interval is None else change_range(Interval(*one.interval)),
            UNKNOWN if one.corrected_p is None else probability(one.corrected_p),
            f"{found}: {_text(one.reason)}" if one.reason else found,
            UNKNOWN if one.limit is None else f"{one.limit * 100:g}\u202f%",
        )
        yield f"| {' | '.join(cells)} |"
    if len(changes) > _MOST_ROWS:
        yield ""
        yield f"And {len(changes) - _MOST_ROWS} more (`night.json` has all)."


def _ab(found: AbResult) -> Iterator[str]:
    yield from _section(f"A/B {_text(found.step)}: {_text(found.before)} → {_text(found.after)}", [])
    if found.problem:
        yield _text(found.problem)
        return
    if found.versions:
        yield f"What differs: {_text('; '.join(found.versions))}."
        yield ""
    yield from _changes(found.changes)


def _unfinished(night: Night) -> Iterator[str]:
    for step in night.unfinished:
        missing = sum(status == "not measured" for status in step.cases.values())
        state = step.state if step.state != "done" else "done, with cases that were not measured"
        without = f", {plural(missing, 'case')} not measured" if missing else ""
        yield f"{_text(step.name)}: {state}{without}{f' ({_text(step.problem)})' if step.problem else ''}"


def _untold(changes: Sequence[Change]) -> list[str]:
    """Each reason once, with the number of cases that share it."""
    reasons: dict[str, int] = {}
    for one in changes:
        if one.call in ("not compared", "cannot be told"):
            reasons[str(one.reason)] = reasons.get(str(one.reason), 0) + 1
    return [f"{plural(count, 'time')}: {_text(reason)}" for reason, count in reasons.items()]


def chat(night: Night) -> str:
    """A few lines of plain text, for a chat."""
    lines = [headline(night), _numbers(night)]
    worse = night.worse
    lines += [f"• {_short(one)}" for one in worse[:_MOST_IN_CHAT]]
    if len(worse) > _MOST_IN_CHAT:
        lines.append(f"• and {len(worse) - _MOST_IN_CHAT} more")
    lines += [f"Skipped: {one.name} ({one.id}), {one.sentence}" for one in night.skipped]
    lines += [f"Not measured to the end: {one}" for one in list(_unfinished(night))[:_MOST_IN_CHAT]]
    for found in night.ab:
        told = [one for one in found.changes if one.ratio is not None]
        lines += [f"A/B {found.step}: {_short(one)}" for one in told[:_MOST_IN_CHAT]]
    return "\n".join(printable(line) for line in lines)


def _short(one: Change) -> str:
    place = f"{one.target}, {one.label}"
    if one.ratio is None or one.interval is None:
        return f"{place}: {one.call} ({one.reason})"
    before, after = _values(one)
    values = f"{before} → {after}" if one.quantity else f"{before} → {after} ms"
    change = f"{percent_change(one.ratio)} ({change_range(Interval(*one.interval))})"
    return f"{place}, {one.what}: {one.call}, {change}, {values}"


def _values(one: Change) -> tuple[str, str]:
    """Both values: milliseconds, or a quantity with its unit."""
    if one.quantity is None:
        return milliseconds(one.before_ms), milliseconds(one.after_ms)
    kind = kind_of(one.quantity)
    before, after = (UNKNOWN if value is None else shown(value, kind) for value in (one.before, one.after))
    return before, after


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _text(text: str) -> str:
    """Text from a phone, a page or a file, without what Markdown would obey."""
    plain = printable(text)
    for one in "\\`*_[]<>|#":
        plain = plain.replace(one, f"\\{one}" if one not in "<>" else {"<": "&lt;", ">": "&gt;"}[one])
    return plain
