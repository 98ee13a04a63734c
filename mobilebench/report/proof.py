"""What a case's proof shows, as named facts in groups. What a block does not have is not among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mobilebench.analysis.labels import duration, percent
from mobilebench.core.records import Case, Measurement, Proof
from mobilebench.report.phrases import plural


@dataclass(frozen=True)
class Fact:
    """One line of a proof."""

    name: str
    text: str
    exact: bool = False
    """It stands as it was read: in letters of one width."""
    list: tuple[str, ...] = ()
    """What the text only counts."""


@dataclass(frozen=True)
class Facts:
    """A group of them under a heading."""

    heading: str
    facts: tuple[Fact, ...]


def proof_facts(case: Case, answer: Measurement) -> list[Facts]:
    """Everything that was read back of a block, in the order in which it is shown."""
    groups = (
        ("What ran", _engine(case, answer)),
        ("Where it ran", _page(answer.proof)),
        ("GPU", _gpu(answer.proof)),
        ("Under which conditions", _conditions(answer.proof)),
        ("Flags, environment and notes", _surroundings(answer.proof)),
    )
    found = [Facts(heading, tuple(facts)) for heading, facts in groups]
    return [group for group in found if group.facts]


def _engine(case: Case, answer: Measurement) -> Iterator[Fact]:
    proof = answer.proof
    yield Fact("engine", f"{answer.engine} {answer.version or '(version not read)'}")
    if proof.backend:
        yield Fact("backend", f"{proof.backend}, read back")
    for file in proof.files:
        if file.name.endswith(".wasm"):
            yield Fact("WebAssembly file", f"{file.name} {_sha256(file.sha256)}", exact=True)
    if proof.simd is not None:
        yield Fact("SIMD", _yes(proof.simd))
    yield Fact("threads", _threads(case, proof))
    if proof.thread_cpu_ms:
        yield Fact("CPU time of threads", f"{', '.join(map(duration, proof.thread_cpu_ms))} ms")
    if proof.graph_nodes is not None:
        yield Fact("graph", f"{proof.graph_nodes} nodes")
    for one in proof.delegates:
        parts = "" if one.partitions is None else f" in {plural(one.partitions, 'partition')}"
        yield Fact("delegate", f"{one.name}: {one.nodes} nodes{parts}")
    if proof.cpu_features:
        yield Fact("CPU features", ", ".join(proof.cpu_features))


def _threads(case: Case, proof: Proof) -> str:
    """What was asked for, what the engine says, and what the system saw."""
    told = [f"{case.threads} asked"]
    if proof.threads is not None:
        told.append(f"{proof.threads} read back")
    if proof.threads_at_work is not None:
        told.append(f"{proof.threads_at_work} at work by processor time")
    if proof.threads_alive is not None:
        told.append(f"{proof.threads_alive} alive")
    source = f" (from {proof.threads_source})" if proof.threads_source and proof.threads is not None else ""
    return ", ".join(told) + source


def _page(proof: Proof) -> Iterator[Fact]:
    if proof.browser_version or proof.browser_program:
        yield Fact("browser", " ".join(filter(None, (proof.browser_program, proof.browser_version))))
    if proof.user_agent:
        yield Fact("user agent", proof.user_agent, exact=True)
    if proof.runs_in:
        yield Fact("runs in", f"{proof.runs_in} of the page")
    if proof.visible is not None:
        yield Fact("visible", _throughout(proof.visible))
    if proof.focused is not None:
        yield Fact("focused", _throughout(proof.focused))
    if proof.cross_origin_isolated is not None:
        yield Fact("crossOriginIsolated", _yes(proof.cross_origin_isolated))
    if proof.hardware_concurrency is not None:
        overridden = ", which the page was told on purpose" if proof.hardware_concurrency_overridden else ""
        yield Fact("hardwareConcurrency", f"{proof.hardware_concurrency}{overridden}")
    if proof.renderer_process is not None:
        yield Fact("renderer process", str(proof.renderer_process))
    if proof.renderer_fresh is not None:
        yield Fact("fresh process", _yes(proof.renderer_fresh))
    if proof.clock_resolution_ms is not None:
        cost = "" if proof.clock_cost_ms is None else f", costs {instant(proof.clock_cost_ms)}"
        yield Fact("clock", f"resolves {instant(proof.clock_resolution_ms)}{cost}")


def _gpu(proof: Proof) -> Iterator[Fact]:
    if proof.renderer:
        yield Fact("renderer", proof.renderer)
    if proof.renderer_software is not None:
        yield Fact("software", "yes, drawn by the CPU" if proof.renderer_software else "no")
    if proof.power_preference:
        yield Fact("power preference", proof.power_preference)
    if features := proof.environment.get(_FEATURES):
        yield Fact("WebGPU features", plural(len(features.split()), "feature"), list=tuple(features.split()))


def _conditions(proof: Proof) -> Iterator[Fact]:
    if proof.caches_asked:
        yield Fact("caches", proof.caches_asked)
    for name, share in (("library in the page cache", proof.library_resident), ("model there", proof.model_resident)):
        if share is not None:
            yield Fact(name, percent(share))
    if proof.model_access:
        yield Fact("model access", proof.model_access)
    if proof.affinity_asked and proof.affinity_asked != "none":
        yield Fact("cores asked", proof.affinity_asked)
    if proof.affinity is not None:
        kept = {True: ", kept by every thread", False: ", not kept", None: ""}[proof.affinity_kept]
        yield Fact("cores", f"{', '.join(map(str, proof.affinity))}{kept}")
    if proof.cpuset:
        yield Fact("cpuset", proof.cpuset)
    if proof.priority is not None:
        yield Fact("nice value", str(proof.priority))
    if proof.download_path:
        yield Fact("download path", proof.download_path)
    if proof.download_turns_ms:
        yield Fact("downloads by the server", f"{', '.join(map(duration, proof.download_turns_ms))} ms")


def _surroundings(proof: Proof) -> Iterator[Fact]:
    if proof.flags:
        yield Fact("flags", plural(len(proof.flags), "flag"), exact=True, list=tuple(proof.flags))
    for name, value in proof.environment.items():
        if name != _FEATURES:
            yield Fact("environment", f"{name}={value}", exact=True)
    for note in proof.notes:
        yield Fact("note", note)


_FEATURES = "webgpu_features"


def _sha256(value: str | None) -> str:
    return f"sha256 {value}" if value else "sha256 not read"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _throughout(value: bool) -> str:
    return "throughout" if value else "not throughout"


def instant(ms: float) -> str:
    """A clock's step as `1 ns`, `5 µs` or `1 ms`."""
    for limit, factor, unit in ((1e-3, 1e6, "ns"), (1.0, 1e3, "µs")):
        if ms < limit:
            return f"{ms * factor:.3g} {unit}"
    return f"{ms:.3g} ms"
