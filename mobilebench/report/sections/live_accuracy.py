"""Accuracy of live runs beside the simulation at the times of their inferences."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.labels import duration, plain_model_label
from mobilebench.analysis.live_accuracy import LiveAccuracy
from mobilebench.core.axes import AXES
from mobilebench.core.errors import as_sentence
from mobilebench.core.page_quality import Void
from mobilebench.report import document as doc
from mobilebench.report.phrases import plural
from mobilebench.report.views import RunView, csv_columns
from mobilebench.reuse.evaluation import Value
from mobilebench.reuse.live import LiveOutcome
from mobilebench.reuse.scoring import Metric

TITLE = "Accuracy, live and simulated"
_LEAD = (
    "A page showed the frames of a video, and the model answered there to those that it could process in time; the "
    "others have the answer of an earlier frame. The simulation does the same at the times of the same inferences."
)
_NOTE = (
    "Means over repetitions in percent, with 95 % intervals. Without reuse, every frame has its own answer. Live and "
    "simulated agree if their intervals overlap."
)
_AGREE = {True: "agree", False: "differ", None: "no interval"}
_MAIN: Metric = "mAP@0.5"
CSV_COLUMNS = (
    "run", "target", "case", "place", "browser", "browser_version", "metric", "without_reuse", "without_reuse_low",
    "without_reuse_high", "live", "live_low", "live_high", "simulated", "simulated_low", "simulated_high", "difference",
    "difference_low", "difference_high", "agree", "repetitions", "inferences", "median_ms", "frames", "frames_reused",
    "frames_reused_simulated", "remarks", "void",
)  # fmt: skip
"""A row for each metric of each live run; one that is void has one row without values. Frames are those of all
repetitions."""


def section(view: RunView) -> doc.Section | None:
    """A table for each live run; None if the run has none."""
    parts = tuple(_part(view, one) for one in view.run.live)
    return doc.Section("live-accuracy", TITLE, sections=parts, lead=_LEAD) if parts else None


def findings(view: RunView) -> tuple[str, ...]:
    """Whether live runs and simulations agree; empty if the run has no live run that could be judged."""
    judged = [(one, one.outcome) for one in view.run.live if isinstance(one.outcome, LiveOutcome)]
    if not judged:
        return ()
    found = []
    for one, outcome in judged:
        metric = _MAIN if _MAIN in outcome.metrics else next(iter(outcome.metrics))
        values = outcome.metrics[metric]
        found.append(
            f"{_label(one)}: live, it has {metric} of {_share(values.live)}, and {_share(values.simulated)} in the "
            f"simulation at the same latencies; with every frame processed it would have {_share(values.without)}."
        )
    agree = [outcome.agree for _, outcome in judged]
    if len(agree) == 1 and agree[0] is not None:
        verb = "agrees with" if agree[0] else "differs from"
        found.append(f"The live run {verb} the simulation by the 95 % intervals.")
    elif len(agree) > 1:
        same, other = agree.count(True), agree.count(False)
        found.append(
            f"By the 95 % intervals, {same} of {len(agree)} live runs agree with the simulation, and {other} differ."
        )
    return tuple(found)


def data(view: RunView) -> doc.Section | None:
    """`live_accuracy.csv`; None if the run has no live run."""
    rows = tuple(doc.Row(values) for one in view.run.live for values in _data(view, one))
    table = doc.Table("live-accuracy-data", csv_columns(CSV_COLUMNS), rows, csv="live_accuracy.csv", forms=doc.CSV)
    return doc.Section("live-accuracy-data", blocks=(table,), style="part") if rows else None


def _label(of: LiveAccuracy) -> str:
    """Such as `moving_shapes fp32 on ortjs wasm simd, 1 thread, on the main thread, in chrome`."""
    case = of.watched.case
    model = plain_model_label(case.model, case.precision, case.batch)
    place = AXES["place"].label(of.watched.place)
    return f"{model} by {case.way}, {AXES['threads'].label(case.threads)}, {place}, in {of.watched.browser}"


def _part(view: RunView, of: LiveAccuracy) -> doc.Section:
    target = next((one for one in view.run.targets if one.info.id == of.watched.case.target), None)
    mark = target.soc if target and target.info.virtual else None
    where = target.info.name if target else of.watched.case.target
    blocks: list[doc.Block] = []
    if isinstance(of.outcome, Void):
        blocks.append(doc.Paragraph(f"Void: {as_sentence(of.outcome.reason)}"))
    else:
        blocks += [_table(of, of.outcome, where), *_about(of, of.outcome)]
    blocks += [
        doc.Paragraph(f"{remark.status}: {as_sentence(remark.sentence)} {remark.next_step or ''}".rstrip())
        for remark in of.watched.remarks
    ]
    return doc.Section("live-accuracy-run", f"{_label(of)} on {where}", tuple(blocks), style="part", mark=mark)


def _table(of: LiveAccuracy, outcome: LiveOutcome, where: str) -> doc.Table:
    columns = (
        doc.Column("Metric", "name"),
        doc.Column("Without reuse", "number"),
        doc.Column("Live", "number", style="big"),
        doc.Column("Simulated", "number", style="big"),
        doc.Column("Difference", "number"),
        doc.Column("Live and simulated"),
    )
    rows = tuple(
        doc.Row(
            (
                metric,
                _cell(one.without),
                _cell(one.live),
                _cell(one.simulated),
                _cell(one.difference),
                _AGREE[one.agree],
            )
        )
        for metric, one in outcome.metrics.items()
    )
    note = f"{_NOTE} Intervals: {of.intervals}. Counts: {of.counting}."
    return doc.Table("live-accuracy", columns, rows, f"Accuracy of {_label(of)} on {where}", note, hide_caption=True)


def _about(of: LiveAccuracy, outcome: LiveOutcome) -> Iterator[doc.Block]:
    watched = of.watched
    measurement, repetitions = watched.measurement, watched.repetitions
    answered = sum(len(one.answers) for one in repetitions)
    drawn = sum(time is not None for one in repetitions for clip in one.clips for time in clip.shown_ms)
    live, simulated = (", ".join(map(str, numbers)) for numbers in (outcome.reused, outcome.simulated_reused))
    whole = outcome.frames * len(repetitions)
    yield doc.Paragraph(
        f"{plural(answered, 'inference')} in {plural(len(repetitions), 'repetition')}, with a median of "
        f"{duration(outcome.latency.median_ms)} ms. The page drew {drawn} of {whole} frames. "
        f"Frames of {outcome.frames} that reuse an answer, by repetition: {live} live, {simulated} simulated. "
        f"{watched.unlike} of {answered} answers of the page differ from those of the same model in ONNX Runtime.",
        "small",
    )
    proof = measurement.proof
    yield doc.Paragraph(
        f"{measurement.engine} {measurement.version or ''} computed on {proof.backend or 'an unknown backend'} with "
        f"{'an unknown number of threads' if proof.threads is None else plural(proof.threads, 'thread')}, on the "
        f"{proof.runs_in or 'unknown thread'} of {watched.browser} {watched.browser_version}.",
        "small",
    )


def _cell(value: Value) -> doc.Cell:
    ends = (f"{100 * value.interval.low:.1f}–{100 * value.interval.high:.1f}",) if value.interval else ()
    return doc.Cell(f"{100 * value.value:.1f}", ends, value.value)


def _share(value: Value) -> str:
    text = f"{100 * value.value:.1f}\u202f%"
    ends = f" ({100 * value.interval.low:.1f}–{100 * value.interval.high:.1f}\u202f%)" if value.interval else ""
    return text + ends


def _data(view: RunView, of: LiveAccuracy) -> Iterator[tuple[doc.Value, ...]]:
    watched = of.watched
    first = (
        view.run.info.id, watched.case.target, watched.case.key, watched.place, watched.browser,
        watched.browser_version,
    )  # fmt: skip
    remarks = " ".join(remark.code for remark in watched.remarks)
    if isinstance(of.outcome, Void):
        yield (*first, *(None,) * 20, remarks, of.outcome.reason)
        return
    outcome = of.outcome
    rest = (
        len(watched.repetitions), sum(len(one.answers) for one in watched.repetitions), outcome.latency.median_ms,
        outcome.frames * len(watched.repetitions), sum(outcome.reused), sum(outcome.simulated_reused), remarks, None,
    )  # fmt: skip
    for metric, one in outcome.metrics.items():
        values = (_ends(value) for value in (one.without, one.live, one.simulated, one.difference))
        yield (*first, metric, *(each for ends in values for each in ends), one.agree, *rest)


def _ends(value: Value) -> tuple[float | None, float | None, float | None]:
    return value.value, *((value.interval.low, value.interval.high) if value.interval else (None, None))
