"""The proof of a case: the configuration that was read back, its numbers, and every block with its samples.

Facts that a block does not have are omitted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mobilebench.analysis.labels import (
    SETUP_PARTS,
    case_details,
    case_label,
    duration,
    engine_label,
    model_label,
    percent,
)
from mobilebench.analysis.stage_parts import CostStatistics
from mobilebench.analysis.summary import BlockSummary, CaseSummary
from mobilebench.core.records import AppProof, Block, Case, Gate, Measurement, Proof, Reason, Stage
from mobilebench.core.sizes import decimal_size
from mobilebench.recorders.clocks import is_time_in_state
from mobilebench.report import document as doc
from mobilebench.report.figures.inline import sparkline
from mobilebench.report.phrases import interval, milliseconds, plural, spread
from mobilebench.report.sections.pages import compiled, how_received, received
from mobilebench.report.views import ModelView, series_title
from mobilebench.statistics.estimates import median
from mobilebench.verdicts.next_steps import next_step
from mobilebench.verdicts.stopped import judge_stopped

SHOWN_SAMPLES = 40
"""The most samples of a block that are printed individually."""


def proof_panel(view: ModelView, case: CaseSummary) -> doc.Panel:
    """The panel that a button beside the case opens."""
    info, of = view.target.info, case.case
    return doc.Panel(
        id=view.panels[of.key],
        eyebrow="Proof",
        title=engine_label(of),
        lines=(
            " · ".join([model_label(of.model, of.precision, of.batch), *case_details(of)]),
            f"{info.name} ({info.id}) · {view.target.soc}",
        ),
        blocks=tuple(_panel_blocks(case)),
        label=f"Proof of {case_label(of)}, {of.model}, {info.id}",
    )


def _panel_blocks(case: CaseSummary) -> Iterator[doc.Block]:
    yield doc.Paragraph(doc.StatusWord(case.status))
    for reason in case.reasons:
        yield doc.Paragraph(_with_code(reason, case.codes, advice=True))
    if case.measurement:
        yield from _read_back(case.case, case.measurement)
    yield from _numbers(case)
    for name, entry in case.watched.items():
        yield doc.Heading(f"{name.capitalize()} pass")
        yield doc.Paragraph(doc.StatusWord(entry.status))
        for reason in entry.reasons:
            yield doc.Paragraph(_with_code(reason, entry.codes, advice=True), "small")
    yield doc.Heading("Blocks")
    if not case.blocks:
        yield doc.Paragraph("No timing block of this case was run.")
    for block in case.blocks:
        yield doc.Group(tuple(_block(block)), "block")


def _with_code(reason: str, codes: Mapping[str, str], *, advice: bool = False) -> doc.Text:
    """A reason, with the code by which programs and the documentation know it, and perhaps what to do about it."""
    code = codes.get(reason, Reason.WITHOUT_CODE)
    if code == Reason.WITHOUT_CODE:
        return doc.Sentence(reason)
    step = next_step(code) if advice else None
    return (
        doc.Sentence(reason),
        " ",
        doc.Styled(code, "mono"),
        *((" ", doc.Sentence(f"Next: {step}")) if step else ()),
    )


def _read_back(case: Case, answer: Measurement) -> Iterator[doc.Block]:
    for number, (heading, facts) in enumerate(proof_facts(case, answer)):
        first: doc.Text = (f"{heading} ", doc.Styled("read back from the first block that counts", "small"))
        yield doc.Heading(heading if number else first)
        yield doc.Facts(facts)
    if answer.proof.files:
        yield doc.Heading(("Files loaded ", doc.Styled("with their sha256", "small")))
        files: list[doc.Text] = []
        for file in answer.proof.files:
            size = f", {decimal_size(file.bytes)}" if file.bytes is not None else ""
            files.append((f"{file.name}{size}", doc.Styled(file.sha256 or "sha256 not read", "mono")))
        yield doc.Items(tuple(files), "files")
    if answer.output:
        yield doc.Heading("Answer")
        outputs = []
        for output in answer.output:
            norms = f"L1 {output.l1:.6g}, L2 {output.l2:.6g}, max {output.max:.6g}, digest "
            rest = f", {output.non_finite} not finite" if output.non_finite else ""
            name = f"{output.name} {'×'.join(map(str, output.shape))}"
            outputs.append(doc.Fact(name, (norms, doc.Styled(output.digest, "mono"), rest)))
        yield doc.Facts(tuple(outputs))


def _numbers(case: CaseSummary) -> Iterator[doc.Block]:
    if case.setup_parts:
        yield doc.Heading("Setup by part, ms")
        parts = {part: case.setup_parts[part] for part in SETUP_PARTS if part in case.setup_parts}
        yield doc.Facts(
            tuple(
                doc.Fact(SETUP_PARTS[part], (f"{duration(found.value)} ", doc.Styled(spread(found), "small")))
                for part, found in parts.items()
            )
        )
    yield from _parts_of_stages(case)
    if case.stages:
        yield doc.Heading("Between blocks")
        ends = [block.warmup_end for block in case.counted]
        facts = [doc.Fact(stage, _between_blocks(case, stage)) for stage in case.stages]
        if any(end is not None for end in ends):
            facts.append(doc.Fact("end of warm-up", _warmup_ends(ends)))
        yield doc.Facts(tuple(facts))
    if case.predictions_per_sample > 1:
        sentence = (
            f"The clock is too coarse for one prediction: {case.predictions_per_sample} were timed together, and each "
            "sample is their mean. Percentiles are of such means."
        )
        yield doc.Paragraph(sentence, "small")
    if case.costs:
        yield doc.Heading(
            ("What the system counted ", doc.Styled("of the whole process; medians of the blocks", "small"))
        )
        yield doc.Facts(
            tuple(
                doc.Fact("one prediction" if stage == "prediction" else stage, _cost(cost))
                for stage, cost in case.costs.items()
            )
        )


def _parts_of_stages(case: CaseSummary) -> Iterator[doc.Block]:
    if found := case.downloads:
        yield doc.Heading("Downloads")
        facts = [doc.Fact("received", ", ".join([received(found), *how_received(found)]))]
        if found.share is not None:
            facts.append(doc.Fact("share of setup", percent(found.share)))
        yield doc.Facts(tuple(facts))
    if case.compilation:
        yield doc.Heading("Compiled for the GPU")
        names = {"warmup": "first inference", "prediction": "all predictions"}
        yield doc.Facts(
            tuple(
                doc.Fact(
                    names.get(stage, stage),
                    (
                        f"{compiled(of)}; {_time_and_share(of.time.value, of.share)} ",
                        doc.Styled(spread(of.time), "small"),
                    ),
                )
                for stage, of in case.compilation.items()
            )
        )
    if read := case.readback:
        yield doc.Heading("Read back")
        text = (f"{_time_and_share(read.time.value, read.share)} ", doc.Styled(spread(read.time), "small"))
        yield doc.Facts((doc.Fact("of one prediction", text),))


def _time_and_share(ms: float, share: float | None) -> str:
    return f"{duration(ms)} ms{f', {percent(share)}' if share is not None else ''}"


def _between_blocks(case: CaseSummary, stage: Stage) -> str:
    found = case.stages[stage]
    parts = [
        f"{duration(found.value)} ms",
        f"95 % {interval(found)}",
        plural(len(found.blocks), "block"),
        plural(found.samples, "sample"),
    ]
    if found.between is not None:
        within = f", {found.within * 100:.1f} % within" if found.within is not None else ""
        parts.append(f"variation {found.between * 100:.1f} % between blocks{within}")
    if found.estimate.widening > 1 and found.estimate.correlation is not None:
        parts.append(
            f"interval × {found.estimate.widening:.2f} because blocks correlate ({found.estimate.correlation:.2f})"
        )
    if found.samples > len(found.blocks):
        grouped = stage == "prediction" and case.predictions_per_sample > 1
        of_means = f" of means of {case.predictions_per_sample} predictions" if grouped else ""
        tails = [f"p{share * 100:.0f} {duration(value)}" for share, value in found.tails.items()]
        parts.append(", ".join([f"median {duration(found.median)}", f"mean {duration(found.mean)}", *tails]) + of_means)
    if found.outliers:
        parts.append(f"{plural(found.outliers, 'outlier')} (kept)")
    return ", ".join(parts)


def _warmup_ends(ends: Sequence[int | None]) -> str:
    """How many first inferences of the blocks are slow, beside the rule that it is one."""
    counts = Counter(end for end in ends if end is not None)
    found = ", ".join(f"{end} in {plural(count, 'block')}" for end, count in sorted(counts.items()))
    return f"slow first inferences, by change points: {found}; `warmup` is the first one"


def _cost(cost: CostStatistics) -> str:
    cpu = f"CPU {duration(cost.cpu_ms)} ms ({duration(cost.user_ms)} user, {duration(cost.system_ms)} system)"
    cores = f", {cost.busy_cores:.2f} cores busy" if cost.busy_cores is not None else ""
    faults = f"page faults {round(cost.minor_faults, 1):g} minor, {round(cost.major_faults, 1):g} major"
    voluntary, involuntary = round(cost.voluntary_switches, 1), round(cost.involuntary_switches, 1)
    return f"{cpu}{cores}; {faults}; switches {voluntary:g} voluntary, {involuntary:g} involuntary"


def _block(block: BlockSummary) -> Iterator[doc.Block]:
    started = f"{block.block.started_at:%Y-%m-%d %H:%M:%S} UTC"
    head: doc.Text = (
        doc.Styled(f"Round {block.round}", "strong"),
        " ",
        doc.StatusWord(block.status),
        " ",
        doc.Styled(started, "small"),
    )
    yield doc.Paragraph(head)
    for reason in block.reasons:
        yield doc.Paragraph(_with_code(reason, block.codes), "small")
    if values := block.samples("prediction"):
        yield doc.Picture(sparkline(values))
        setup, warmup = milliseconds(block.median("setup")), milliseconds(block.median("warmup"))
        prediction = f"prediction {milliseconds(block.median('prediction'))} ms from {plural(len(values), 'sample')}"
        yield doc.Paragraph(f"setup {setup}, warmup {warmup}, {prediction}", "small")
        more = f" and {len(values) - SHOWN_SAMPLES} more" if len(values) > SHOWN_SAMPLES else ""
        yield doc.Paragraph(f"{', '.join(map(duration, values[:SHOWN_SAMPLES]))}{more}", "small")
    for series in block.block.series:
        if series.values and not is_time_in_state(series):
            ends = series.values[:1] + series.values[1:][-1:]
            change = f"{' to '.join(f'{value:g}' for value in ends)} {series.unit}"
            yield doc.Paragraph(f"{series_title(series)}: {change}", "small")
    yield from _care(block.block)


def _care(block: Block) -> Iterator[doc.Block]:
    """The gate before the block, and the attempts that were stopped for heat."""
    for number, attempt in enumerate(block.stopped, 1):
        if attempt.gate:
            yield doc.Paragraph(f"Attempt {number}: {_gate(attempt.gate)}", "small")
        verdict = judge_stopped(attempt)
        words: list[doc.Span] = [f"Attempt {number} ", doc.StatusWord(verdict.status)]
        for one in verdict.reasons:
            words += [" ", *doc.spans(_with_code(one.sentence, {one.sentence: one.code}))]
        yield doc.Paragraph(tuple(words), "small")
        if attempt.measurement and (values := attempt.measurement.prediction_ms):
            made = f"Until then: {plural(len(values), 'prediction')}, median {duration(median(values))} ms."
            yield doc.Paragraph(made, "small")
    if block.gate:
        yield doc.Paragraph(_gate(block.gate), "small")


def _gate(gate: Gate) -> str:
    ways = {"open": "open", "marked": "not open in time, measured anyway", "skipped": "not open in time, skipped"}
    read = "; ".join(one.describe() for one in gate.readings)
    waited = f" after {gate.waited_ms / 1000:.0f} s" if gate.waited_ms else " at once"
    return f"Gate {ways[gate.outcome]}{waited}: {read}."


def proof_facts(case: Case, answer: Measurement) -> list[tuple[str, tuple[doc.Fact, ...]]]:
    """Everything that was read back from a block, in groups with a heading, in display order."""
    groups = (
        ("What ran", _engine(case, answer)),
        ("Where it ran", _page(answer.proof)),
        ("GPU", _gpu(answer.proof)),
        ("Under which conditions", _conditions(answer.proof)),
        ("Flags, environment and notes", _surroundings(answer.proof)),
    )
    found = [(heading, tuple(facts)) for heading, facts in groups]
    return [(heading, facts) for heading, facts in found if facts]


def _engine(case: Case, answer: Measurement) -> Iterator[doc.Fact]:
    proof = answer.proof
    yield doc.Fact("engine", f"{answer.engine} {answer.version or '(version not read)'}")
    if proof.backend:
        yield doc.Fact("backend", f"{proof.backend}, read back")
    for file in proof.files:
        if file.name.endswith(".wasm"):
            yield doc.Fact("WebAssembly file", f"{file.name} {_sha256(file.sha256)}", mono=True)
    if proof.simd is not None:
        yield doc.Fact("SIMD", _yes(proof.simd))
    yield doc.Fact("threads", _threads(case, proof))
    if proof.thread_cpu_ms:
        yield doc.Fact("CPU time of threads", f"{', '.join(map(duration, proof.thread_cpu_ms))} ms")
    if proof.graph_nodes is not None:
        yield doc.Fact("graph", f"{proof.graph_nodes} nodes")
    for one in proof.delegates:
        parts = "" if one.partitions is None else f" in {plural(one.partitions, 'partition')}"
        yield doc.Fact("delegate", f"{one.name}: {one.nodes} nodes{parts}")
    if proof.cpu_features:
        yield doc.Fact("CPU features", ", ".join(proof.cpu_features))


def _threads(case: Case, proof: Proof) -> str:
    """The number of threads that was requested, that the engine reports, and that the system observed."""
    seen = [f"{case.threads} requested"]
    if proof.threads is not None:
        seen.append(f"{proof.threads} read back")
    if proof.threads_at_work is not None:
        seen.append(f"{proof.threads_at_work} at work by processor time")
    if proof.threads_alive is not None:
        seen.append(f"{proof.threads_alive} alive")
    source = f" (from {proof.threads_source})" if proof.threads_source and proof.threads is not None else ""
    return ", ".join(seen) + source


def _page(proof: Proof) -> Iterator[doc.Fact]:
    if proof.browser_version or proof.browser_program:
        yield doc.Fact("browser", " ".join(filter(None, (proof.browser_program, proof.browser_version))))
    if proof.user_agent:
        yield doc.Fact("user agent", proof.user_agent, mono=True)
    if proof.runs_in:
        yield doc.Fact("runs in", f"{proof.runs_in} of the page")
    if proof.visible is not None:
        yield doc.Fact("visible", _throughout(proof.visible))
    if proof.focused is not None:
        yield doc.Fact("focused", _throughout(proof.focused))
    if proof.cross_origin_isolated is not None:
        yield doc.Fact("crossOriginIsolated", _yes(proof.cross_origin_isolated))
    if proof.hardware_concurrency is not None:
        overridden = ", overridden for this page" if proof.hardware_concurrency_overridden else ""
        yield doc.Fact("hardwareConcurrency", f"{proof.hardware_concurrency}{overridden}")
    if proof.renderer_process is not None:
        yield doc.Fact("renderer process", str(proof.renderer_process))
    if proof.renderer_fresh is not None:
        yield doc.Fact("fresh process", _yes(proof.renderer_fresh))
    if proof.clock_resolution_ms is not None:
        cost = "" if proof.clock_cost_ms is None else f", costs {instant(proof.clock_cost_ms)}"
        yield doc.Fact("clock", f"resolves {instant(proof.clock_resolution_ms)}{cost}")


def _gpu(proof: Proof) -> Iterator[doc.Fact]:
    if proof.renderer:
        yield doc.Fact("renderer", proof.renderer)
    if proof.renderer_software is not None:
        yield doc.Fact("software", "yes, drawn by the CPU" if proof.renderer_software else "no")
    if proof.power_preference:
        yield doc.Fact("power preference", proof.power_preference)
    if features := proof.environment.get(_FEATURES):
        yield doc.Fact("WebGPU features", plural(len(features.split()), "feature"), list=tuple(features.split()))


def _conditions(proof: Proof) -> Iterator[doc.Fact]:
    if proof.device:
        yield doc.Fact("conditions asked of the phone", proof.device.asked)
        yield doc.Fact("clocks", proof.device.regime)
        held = tuple(one.name for one in proof.device.conditions if one.holds)
        if held:
            yield doc.Fact("conditions held", plural(len(held), "condition"), list=held)
        for one in proof.device.conditions:
            if not one.holds:
                yield doc.Fact(f"{one.name}, not held", f"{one.state}: {one.reason or 'no reason given'}")
    if proof.caches_asked:
        yield doc.Fact("caches", proof.caches_asked)
    for name, share in (
        ("library in the page cache", proof.library_resident),
        ("model in the page cache", proof.model_resident),
    ):
        if share is not None:
            yield doc.Fact(name, percent(share))
    if proof.model_access:
        yield doc.Fact("model access", proof.model_access)
    if proof.affinity_asked and proof.affinity_asked != "none":
        yield doc.Fact("cores requested", proof.affinity_asked)
    if proof.affinity is not None:
        note = {True: ", kept by every thread", False: ", not kept by every thread", None: ""}[proof.affinity_kept]
        yield doc.Fact("cores", f"{', '.join(map(str, proof.affinity))}{note}")
    if proof.cpuset:
        yield doc.Fact("cpuset", proof.cpuset)
    if proof.priority is not None:
        yield doc.Fact("nice value", str(proof.priority))
    if proof.app:
        yield from _app(proof.app)
    if proof.download_path:
        yield doc.Fact("download path", proof.download_path)
    if proof.download_turns_ms:
        yield doc.Fact("downloads by the server", f"{', '.join(map(duration, proof.download_turns_ms))} ms")


def _app(app: AppProof) -> Iterator[doc.Fact]:
    where = "app, computed on this computer's JVM" if app.virtual else app.context
    yield doc.Fact("context", f"{where} ({app.jvm})" if app.jvm else where)
    if app.apk_version or app.apk_sha256:
        yield doc.Fact("app", f"version {app.apk_version or 'not read'}, {_sha256(app.apk_sha256)}")
    read = {
        "process state": app.process_state,
        "importance": app.importance,
        "oom_score_adj": app.oom_score_adj,
        "app's cpuset": app.cpuset,
        "scheduling group": app.sched_group,
        "activity visible": None if app.visible is None else _yes(app.visible),
        "thermal status": app.thermal_status,
        "thermal headroom": None if app.thermal_headroom is None else f"{app.thermal_headroom:.2f}",
        "low memory": None if app.low_memory is None else _yes(app.low_memory),
        "largest Java heap": None if app.max_heap_mb is None else f"{app.max_heap_mb} MiB",
    }
    for name, value in read.items():
        if value is not None:
            yield doc.Fact(name, str(value))


def _surroundings(proof: Proof) -> Iterator[doc.Fact]:
    if proof.flags:
        yield doc.Fact("flags", plural(len(proof.flags), "flag"), mono=True, list=tuple(proof.flags))
    for name, value in proof.environment.items():
        if name != _FEATURES:
            yield doc.Fact("environment", f"{name}={value}", mono=True)
    for note in proof.notes:
        yield doc.Fact("note", note)


_FEATURES = "webgpu_features"


def _sha256(value: str | None) -> str:
    return f"sha256 {value}" if value else "sha256 not read"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _throughout(value: bool) -> str:
    return "throughout" if value else "not throughout"


def instant(ms: float) -> str:
    """A clock's resolution as `1 ns`, `5 µs` or `1 ms`."""
    for limit, factor, unit in ((1e-3, 1e6, "ns"), (1.0, 1e3, "µs")):
        if ms < limit:
            return f"{ms * factor:.3g} {unit}"
    return f"{ms:.3g} ms"
