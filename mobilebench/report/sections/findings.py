"""The first three sentences of the report: what was found, where, and how sure it is; and the figure that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilebench.analysis.explain import Explanation, explanations
from mobilebench.analysis.findings import Certainty, Fastest, Findings, Place, findings
from mobilebench.analysis.gaps import GapGroup, Ratio
from mobilebench.analysis.labels import case_label, duration, factor, plain_model_label, ratio
from mobilebench.analysis.summary import CaseSummary, TargetSummary
from mobilebench.core.records import Reason
from mobilebench.report import document as doc
from mobilebench.report.figures.gap_strip import gap_strip
from mobilebench.report.phrases import MOST_NAMED, counts_sentence, interval, listed, plural, ratio_range
from mobilebench.report.sections import live_accuracy, page_quality
from mobilebench.report.views import RunView, opens, target_names
from mobilebench.statistics.estimates import LEAST_BLOCKS
from mobilebench.verdicts.codes import level_of


def section(view: RunView) -> doc.Section | None:
    """The sentences at the top of the terminal; the documents have them in their head."""
    return doc.Section("findings", blocks=sentences(view, doc.TERMINAL), style="part")


def head(view: RunView) -> list[doc.Block]:
    """The sentences, the figure, and why there is a gap, for the head of the documents."""
    found = findings(view.run, view.groups)
    what = sentences(view, doc.DOCUMENTS)
    if found.kind != "gaps":
        return [*what]
    figure = gap_strip([*found.places, *found.stand_ins], target_names(view.run))
    return [
        *what,
        *([figure] if figure else []),
        doc.Paragraph(doc.Sentence(_why(found)), "finding", forms=doc.DOCUMENTS),
    ]


def _why(found: Findings) -> str:
    """The measured steps of the largest gap that has any, or how to measure them."""
    largest = found.models[-1].group
    of_models = ((one.group, _most_steps(one.group)) for one in reversed(found.models))
    group, ladder = next(((group, ladder) for group, ladder in of_models if ladder), (largest, None))
    model = plain_model_label(group.model, group.precision, group.batch)
    measure = f"`mobilebench run --suite ladder --model {group.model}`"
    if ladder is None:
        return f"Why there is a gap was not measured: {measure} takes it apart step by step."
    steps = "; ".join(f"{ratio(step.ratio.value)} by {step.title}" for step in ladder.steps)
    apart = f" {measure} measures the steps that are missing between them." if ladder.missing else ""
    return f"Why, for {model}, from {ladder.ladder.native} to {ladder.ladder.web}: {steps}.{apart}"


def _most_steps(group: GapGroup) -> Explanation | None:
    found = explanations(group.target, group.model, group.precision, group.batch)
    return max(found, key=lambda one: len(one.steps), default=None)


def sentences(view: RunView, forms: frozenset[doc.Form]) -> tuple[doc.Block, ...]:
    """What was found, where, and how sure it is, each as one paragraph."""
    found = findings(view.run, view.groups)
    if found.kind == "nothing" and (about := page_quality.findings(view) or live_accuracy.findings(view)):
        return tuple(doc.Paragraph(text, "finding", forms=forms) for text in about)
    words = _Words(view, found)
    texts = (tuple(words.what()), tuple(words.where()), tuple(words.how_sure()))
    return tuple(doc.Paragraph(text, "finding", forms=forms) for text in texts)


class _Words:
    """The findings of one run in words."""

    def __init__(self, view: RunView, found: Findings) -> None:
        self._view = view
        self._found = found
        self._names = target_names(view.run)
        plain = {(one.group.precision, one.group.batch) for one in found.models}
        self._one_format = len(plain) <= 1

    def what(self) -> Iterator[doc.Span]:
        """The first sentence."""
        models, places = self._found.models, self._found.places
        if not models:
            planned = sum(self._view.run.counts.values())
            yield "No time was measured that counts." if planned else "Nothing was measured: the run has no case."
            return
        yield f"On {self._where(places)}, "
        if self._found.kind == "times":
            yield from self._fastest_times(models)
        elif len(models) == 1:
            yield "the fastest page takes "
            yield self._ratio(models[0])
            yield f" as long as the fastest native engine for {self._model(models[0])}"
            yield f" ({_between(models[0].ratio)})."
        else:
            yield f"the fastest page takes {factor_range(models)} as long as the fastest native engine"
            formats = {(one.group.model, one.group.precision, one.group.batch) for one in models}
            if len(formats) == 1:
                yield f" for {self._model(models[0])}."
            else:
                over = plural(len(formats), "model" if self._one_format else "model format")
                yield f"; the geometric mean over {over} is {self._means(places)}."

    def where(self) -> Iterator[doc.Span]:
        """The second sentence."""
        models = self._found.models
        if not models:
            yield from self._planned()
            return
        if self._found.kind == "times":
            yield self._without_gap()
        elif len(models) == 1:
            web, native = models[0].web, models[0].native
            yield from ("The page is ", *self._case(web), "; the native engine is ", *self._case(native))
            yield "" if self._found.virtual else f"; the SoC is {self._found.places[0].target.soc}"
        else:
            yield from ("It is least for ", *self._named(models[0]), " and most for ", *self._named(models[-1]))
        yield f"{self._stand_ins()}."

    def how_sure(self) -> Iterator[doc.Span]:
        """The third sentence."""
        found = self._found.certainty
        if not self._found.models:
            yield from self._why_nothing()
            return
        clauses = [_intervals(found, "ratio" if self._found.kind == "gaps" else "time")]
        if found.suspect:
            several = len(found.suspect) > 1
            first = found.suspect[0]
            clauses.append(
                f"{len(found.suspect)} of the cases behind them are suspect"
                if several
                else f"{case_label(first.case)}, {first.case.model}, is suspect{_codes(first)}"
            )
        if found.other_suspect:
            verb = "is" if found.other_suspect == 1 else "are"
            clauses.append(f"{plural(found.other_suspect, 'other case')} {verb} suspect")
        if found.left_out:
            total = sum(found.left_out.values())
            verb = "does" if total == 1 else "do"
            clauses.append(f"{plural(total, 'case')} {verb} not count ({counts_sentence(found.left_out)})")
        if self._view.run.info.status != "finished":
            run = self._view.run
            clauses.append(f"the run has only {run.run_blocks} of {run.planned_blocks} planned blocks")
        text = "; ".join(clauses)
        yield f"{text[0].upper()}{text[1:]}."

    def _fastest_times(self, models: Sequence[Fastest]) -> Iterator[doc.Span]:
        sides = {one.best.in_page for one in models}
        side = "case" if len(sides) > 1 else "page" if sides == {True} else "native case"
        if len(models) == 1:
            one = models[0]
            statistics = one.best.stages["prediction"]
            yield f"the fastest {side} for {self._model(one)} is {case_label(one.best.case)}, with "
            yield self._time(one.best)
            yield f" per prediction (95 % interval {interval(statistics)})."
            return
        yield f"one prediction of the fastest {side} takes from "
        yield self._time(models[0].best)
        yield f" ({self._label(models[0])}, {case_label(models[0].best.case)}) to "
        yield self._time(models[-1].best)
        yield f" ({self._label(models[-1])}, {case_label(models[-1].best.case)})."

    def _planned(self) -> Iterator[doc.Span]:
        run = self._view.run
        if not run.targets:
            yield "The run had no target."
        elif not sum(run.counts.values()):
            yield f"No case was planned for {listed(list(self._names.values()), 'target')}."
        else:
            where = self._where([Place(target, ()) for target in run.targets])
            total = sum(run.counts.values())
            planned = f"{plural(total, 'case')} {'was' if total == 1 else 'were'} planned"
            yield f"{planned} on {where}: {counts_sentence(run.counts)}."

    def _why_nothing(self) -> Iterator[doc.Span]:
        if reason := self._found.common_reason:
            text, count = reason
            yield doc.Sentence(
                f"There is no number to be sure of; the most frequent reason ({plural(count, 'case')}): "
            )
            yield doc.Sentence(text)
        else:
            yield "There is no number to be sure of."

    def _where(self, places: Sequence[Place]) -> str:
        targets = [place.target for place in places]
        names = [self._names[target.info.id] for target in targets]
        if all(target.info.virtual for target in targets):
            if len(names) > MOST_NAMED:
                return plural(len(names), "virtual phone")
            return f"the virtual phone{'' if len(names) == 1 else 's'} {listed(names, 'virtual phone')}"
        return listed([f"{name}{_virtual(of)}" for name, of in zip(names, targets, strict=True)], "target")

    def _without_gap(self) -> str:
        if self._found.refusal:
            return self._found.refusal.rstrip(".")
        missing = "native engine" if self._found.models[0].best.in_page else "page"
        return f"No {missing} was timed, so there is no gap between web and native"

    def _stand_ins(self) -> str:
        """What is to be said about virtual phones; empty without one."""
        virtual = self._found.places if self._found.virtual else self._found.stand_ins
        if not virtual:
            return ""
        socs = listed(list(dict.fromkeys(place.target.soc for place in virtual)), "CPU")
        computer = f"of the computer that ran {'them' if len(virtual) > 1 else 'it'} ({socs})"
        if self._found.virtual:
            return f"; these are numbers {computer}"
        if self._found.kind == "times":
            return f"; the times on {self._where(virtual)} are those {computer}"
        found = sorted(
            (one for place in virtual for one in place.compared), key=lambda one: one.ratio.value if one.ratio else 0
        )
        return f"; on {self._where(virtual)} it is {factor_range(found)}, which are numbers {computer}"

    def _means(self, places: Sequence[Place]) -> str:
        means = sorted((place.mean or 0.0, place.target.info.id) for place in places)
        low, high = means[0], means[-1]
        if len(means) == 1:
            return ratio(low[0])
        return f"{ratio(low[0])} on {self._names[low[1]]} to {ratio(high[0])} on {self._names[high[1]]}"

    def _model(self, one: Fastest) -> str:
        group = one.group
        return plain_model_label(group.model, group.precision, group.batch)

    def _label(self, one: Fastest) -> str:
        where = f" on {self._names[one.group.target.info.id]}" if len(self._found.places) > 1 else ""
        return f"{self._model(one)}{where}"

    def _named(self, one: Fastest) -> Iterator[doc.Span]:
        yield doc.Link(self._model(one), f"#{self._view.anchor_of(one.group)}")
        if len(self._found.places) > 1:
            yield f" on {self._names[one.group.target.info.id]}"
        yield " ("
        yield self._ratio(one)
        between = _between(one.ratio)
        yield f", {between}" if between else ""
        yield ": "
        sides = [case_label(case.case, browser=False) for case in (one.web, one.native) if case]
        yield f"{' against '.join(sides)})"

    def _ratio(self, one: Fastest) -> doc.Span:
        text = ratio(one.ratio.value) if one.ratio else ""
        return opens(self._view.panels, one.web, text) if one.web else text

    def _time(self, case: CaseSummary) -> doc.Span:
        return opens(self._view.panels, case, f"{duration(case.stages['prediction'].value)} ms")

    def _case(self, case: CaseSummary | None) -> Iterator[doc.Span]:
        if case:
            yield f"{case_label(case.case)} ("
            yield self._time(case)
            yield ")"


def _codes(case: CaseSummary) -> str:
    found = [
        code
        for code in dict.fromkeys(case.codes.values())
        if level_of(code) == "suspect" and code != Reason.WITHOUT_CODE
    ]
    return f" ({', '.join(found)})" if found else ""


def _virtual(target: TargetSummary) -> str:
    return " (virtual)" if target.info.virtual else ""


def _between(of: Ratio | None) -> str:
    """Such as `95 % interval 3.9–4.1, 5 rounds`, or `3.9–4.1 in 2 rounds` without an interval."""
    if of is None:
        return ""
    if of.interval:
        return f"95 % interval {ratio_range(of)}, {plural(of.rounds, 'round')}"
    ends = ratio_range(of)
    return f"{ends} in {plural(of.rounds, 'round')}" if ends else plural(of.rounds, "round")


def factor_range(models: Sequence[Fastest]) -> str:
    """The smallest and the largest gap of models in ascending order, such as `3.12× to 9.40×`."""
    ends = [one.ratio.value for one in (models[0], models[-1]) if one.ratio]
    low, high = (ratio(end) for end in ends)
    return low if low == high else f"{low} to {high}"


def _intervals(found: Certainty, what: str) -> str:
    """Whether the numbers have intervals, how wide these are, and why there are none."""
    fewest, most = found.blocks
    unit = "round" if what == "ratio" else "block"
    counted = plural(most, unit) if fewest == most else f"{fewest} to {most} {unit}s"
    if not found.widths:
        if most >= LEAST_BLOCKS:
            return f"there is no 95 % interval, although there are {counted}: some took no measurable time"
        only = f"at most {plural(most, unit)}" if fewest != most else f"only {counted}"
        there = "is" if most == 1 else "are"
        return f"there is no 95 % interval, because there {there} {only} and an interval needs {LEAST_BLOCKS}"
    width = _width(found.widths[0], found.widths[-1])
    if found.numbers == 1:
        return f"the {what} is the geometric mean of {counted}, and its 95 % interval is {width} wide"
    if len(found.widths) == found.numbers:
        return f"each of the {found.numbers} {what}s has a 95 % interval from {counted}, {width} wide"
    return (
        f"a 95 % interval is known for {len(found.widths)} of {found.numbers} {what}s, {width} wide; the rest come "
        f"from fewer than {LEAST_BLOCKS} {unit}s"
    )


def _width(narrow: float, wide: float) -> str:
    low, high = (f"±{factor(share * 100)} %" for share in (narrow, wide))
    return low if low == high else f"{low} to {high}"
