"""Which facts of two results must agree before they may be compared, for each kind of comparison.

`FIELDS` is the only list: `refusal` and `differences` read it, and `markdown` is the table in docs/method.md. A fact
that is not known on one side is not compared; the verdict of that side says which proof is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from mobilebench.analysis.labels import filed_under, printable
from mobilebench.core.axes import AXES
from mobilebench.core.records import Case, DeviceConditions, Measurement, PlannedBlock, RunInfo, TargetInfo

Kind = Literal[
    "native and web",
    "wasm builds",
    "threads",
    "precisions",
    "GPUs",
    "contexts",
    "releases",
    "browsers",
    "targets",
    "runs",
    "rungs",
]
"""What a comparison is about. Both sides are on one target, except in `targets`."""
KINDS: tuple[Kind, ...] = get_args(Kind)
Rule = Literal["equal", "named", "compared", "free"]
"""`equal`: the fact must agree. `named`: it may differ, and is named where it does. `compared`: it may differ, because
it is (a part of) what is compared, and the heading names it. `free`: it has different meanings on both sides.
"""
MEANINGS: Mapping[Kind, str] = {
    "native and web": "an engine in a browser against a native one, on one target",
    "wasm builds": "two builds of one engine's WebAssembly",
    "threads": "two numbers of threads",
    "precisions": "two number formats of one model",
    "GPUs": "a backend or GPU against another one of the same engine",
    "contexts": "mobilebench's app against a shell as what starts a native engine",
    "releases": "two releases of one engine",
    "browsers": "two browsers, or two builds of one",
    "targets": "two phones or computers",
    "runs": "the same case in two runs",
    "rungs": "two neighbouring rungs of a ladder from native to web (`mobilebench explain`)",
}
_LIKE: Mapping[Kind, Kind] = {"rungs": "native and web"}
"""Kinds whose rules are those of another kind, except where a field states its own."""


@dataclass(frozen=True)
class Side:
    """One of two results that are compared: a case with the proof of a block that counts."""

    case: Case
    measurement: Measurement
    planned: PlannedBlock | None = None
    target: TargetInfo | None = None
    run: RunInfo | None = None


@dataclass(frozen=True)
class Difference:
    """A fact that is not the same on both sides."""

    field: str
    before: str
    after: str
    sentence: str

    @property
    def change(self) -> str:
        """Such as `engine version 1.29.0 → 1.30.0`."""
        return f"{self.field} {self.before} → {self.after}"


@dataclass(frozen=True)
class Field:
    """A fact that may have to agree."""

    name: str
    meaning: str
    read: Callable[[Side], Any]
    """Returns None if it is not known, or does not apply."""
    others: Mapping[Kind, Rule] = field(default_factory=dict)
    """The rule for the kinds of comparison in which the fact need not be equal."""
    sentence: str = "{field}: {before} against {after}."
    """How a refusal says it; `{a}` and `{b}` are the two engines."""

    def rule(self, kind: Kind) -> Rule:
        return self.others.get(kind) or self.others.get(_LIKE.get(kind, kind), "equal")

    def difference(self, a: Side, b: Side) -> Difference | None:
        """The difference between two sides; None if they agree or one of them does not know it."""
        before, after = self.read(a), self.read(b)
        if before is None or after is None or before == after:
            return None
        left, right = (printable(text) for text in _spelled(before, after))
        sentence = self.sentence.format(
            field=self.name, before=left, after=right, a=printable(a.case.engine), b=printable(b.case.engine)
        )
        return Difference(self.name, left, right, sentence)


def facts(side: Side) -> dict[str, Any]:
    """Every fact that is known of one result, by its field."""
    return {one.name: value for one in FIELDS if (value := one.read(side)) is not None}


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The facts that differ, such as `engine version 1.29.0 → 1.30.0`, of two results of one case (from `facts`).

    A fact that is not known on one side is left out.
    """
    names = [name for name in after if name in before and before[name] != after[name]]
    spelled = ((name, *_spelled(before[name], after[name])) for name in names)
    return [f"{name} {printable(left)} → {printable(right)}" for name, left, right in spelled]


def refusal(kind: Kind, a: Side, b: Side) -> str | None:
    """Why two results may not be compared, with the field and both values; None if they may.

    Each side must also have computed an answer, with the number of threads that it was asked for.
    """
    conflicts = (one.sentence for one, _ in _differing(kind, a, b, ("equal",)))
    return next(_not_as_asked(a, b), None) or next(conflicts, None)


def differences(kind: Kind, a: Side, b: Side, rules: tuple[Rule, ...] = ("compared", "named")) -> list[Difference]:
    """The facts that differ between two results that may be compared, in the order of `FIELDS`."""
    return [found for found, _ in _differing(kind, a, b, rules)]


def _differing(kind: Kind, a: Side, b: Side, rules: tuple[Rule, ...]) -> Iterator[tuple[Difference, Field]]:
    for one in FIELDS:
        if one.rule(kind) in rules and (found := one.difference(a, b)):
            yield found, one


def _not_as_asked(a: Side, b: Side) -> Iterator[str]:
    for side in (a, b):
        engine, asked, seen = side.case.engine, side.case.threads, side.measurement.proof.threads
        if seen is not None and seen != asked:
            yield f"threads: {engine} was asked for {asked} and ran on {seen}."
    for side in (a, b):
        if not side.measurement.output:
            yield (f"output: {side.case.engine} stored no answer, so nothing shows that it computed {side.case.model}.")


def _spelled(before: Any, after: Any) -> tuple[str, str]:
    """Both values as people read them; of mappings only the entries that differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        left, right = ({name: one[name] for name in changed if name in one} for one in (before, after))
        return _words(left), _words(right)
    return _words(before), _words(after)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text}" for name, text in value.items()) or "nothing"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _axis(name: str) -> Callable[[Side], Any]:
    return lambda side: getattr(side.case, name)


def _proof(name: str) -> Callable[[Side], Any]:
    return lambda side: getattr(side.measurement.proof, name)


def _of_target(read: Callable[[TargetInfo], Any]) -> Callable[[Side], Any]:
    return lambda side: None if side.target is None else read(side.target)


def _device(read: Callable[[DeviceConditions], Any]) -> Callable[[Side], Any]:
    return lambda side: None if (device := side.measurement.proof.device) is None else read(device)


def _held(device: DeviceConditions) -> tuple[str, ...]:
    return tuple(one.name for one in device.conditions if one.holds)


def _planned(read: Callable[[PlannedBlock], Any]) -> Callable[[Side], Any]:
    return lambda side: None if side.planned is None else read(side.planned)


def engine_name(engine: str) -> str:
    """The engine without its release: `ortjs` for `ortjs@1.18`."""
    return engine.partition("@")[0]


_MODEL_ENDINGS = {".tflite", ".onnx", ".pb"}


def _files(side: Side, *, of_model: bool) -> dict[str, str] | None:
    """File name to the beginning of its SHA-256; the files of the model, or all others except the measuring program."""
    found = {}
    for file in side.measurement.proof.files:
        path = PurePosixPath(file.name)
        is_model = path.parts[:1] == ("model",) or path.suffix in _MODEL_ENDINGS
        if file.sha256 and is_model == of_model and path.name not in _OWN_FILES:
            found[path.name] = file.sha256[:12]
    return found or None


_OWN_FILES = {"mobilebench-runner", "mobilebench.apk", "bench.js", "node.mjs"}


def _shapes(side: Side) -> dict[str, str]:
    outputs = sorted(side.measurement.output, key=lambda output: output.name)
    return {output.name: "×".join(map(str, output.shape)) for output in outputs}


def _recorders(planned: PlannedBlock) -> tuple[str, ...]:
    return tuple(
        request.recorder if request.interval_ms is None else f"{request.recorder} every {request.interval_ms:g} ms"
        for request in planned.conditions.record
    )


def _weights(side: Side) -> str | None:
    return side.run.weights.get(side.case.model) if side.run else None


_ACROSS_ENGINES: dict[Kind, Rule] = {"native and web": "compared"}
_OF_BACKEND: dict[Kind, Rule] = {"native and web": "compared", "GPUs": "compared"}
_ONLY_PAGES: dict[Kind, Rule] = {"native and web": "free"}
_VERSIONS: dict[Kind, Rule] = {"targets": "named", "runs": "named"}

FIELDS: tuple[Field, ...] = (
    Field("virtual", "whether the target is a virtual phone", _of_target(lambda info: info.virtual)),
    Field("target", "id of the target", _axis("target"), {"targets": "compared"}),
    Field("machine", "id of the machine", _of_target(lambda info: info.machine), {"targets": "compared"}),
    Field("SoC", "under which results are filed", _of_target(filed_under), {"targets": "compared"}),
    Field("system", "operating system and version", _of_target(lambda info: info.os), _VERSIONS),
    Field(
        "context",
        "what started the block: a shell, the app (in front or as a service), a browser or a person",
        _planned(lambda planned: planned.context),
        {**_ACROSS_ENGINES, "contexts": "compared"},
    ),
    Field("model", "", _axis("model")),
    Field(
        "precision", "number format of the model", _axis("precision"), {"precisions": "compared", "rungs": "compared"}
    ),
    Field("batch", "inputs computed together", _axis("batch")),
    Field("engine", "name without release", lambda side: engine_name(side.case.engine), _ACROSS_ENGINES),
    Field("release", "engine with the requested release", _axis("engine"), {**_ACROSS_ENGINES, "releases": "compared"}),
    Field(
        "engine version",
        "as the engine reports it",
        lambda side: side.measurement.version,
        {**_ACROSS_ENGINES, **_VERSIONS, "releases": "compared"},
    ),
    Field("backend", "", _axis("backend"), _OF_BACKEND),
    Field(
        "wasm build",
        "",
        _axis("wasm_build"),
        {**_OF_BACKEND, "wasm builds": "compared", "threads": "named"},
    ),
    Field("delegate", "", _axis("delegate"), _OF_BACKEND),
    Field(
        "arithmetic",
        "number format of float32 operations",
        _axis("arithmetic"),
        {"native and web": "named", "GPUs": "named", "precisions": "named"},
    ),
    Field("GPU", "the requested one", _axis("gpu"), _OF_BACKEND),
    Field("device type", "of WebNN", _axis("device_type"), _OF_BACKEND),
    Field(
        "software GPU",
        "whether the CPU computed in place of a GPU",
        _proof("renderer_software"),
        _OF_BACKEND,
    ),
    Field(
        "renderer", "as the browser reports it", _proof("renderer"), {**_OF_BACKEND, **_VERSIONS, "browsers": "named"}
    ),
    Field("power preference", "in the request for the GPU", _proof("power_preference"), _OF_BACKEND),
    Field(
        "threads",
        "as requested; each side must have run on as many",
        _axis("threads"),
        {
            "native and web": "named",
            "wasm builds": "named",
            "GPUs": "named",
            "targets": "named",
            "threads": "compared",
        },
    ),
    Field("browser", "", _axis("browser"), {**_ACROSS_ENGINES, "browsers": "compared"}),
    Field(
        "browser version",
        "",
        _proof("browser_version"),
        {**_ACROSS_ENGINES, **_VERSIONS, "browsers": "compared"},
    ),
    Field("isolation", "the requested isolation of a page", _axis("isolation"), {**_ONLY_PAGES, "rungs": "compared"}),
    Field("cross-origin isolation", "of a page", _proof("cross_origin_isolated"), {"rungs": "compared"}),
    Field("thread of the page", "in which the engine ran: main thread or worker", _proof("runs_in")),
    Field("headed", "whether the browser showed its window", _planned(lambda planned: planned.conditions.headed)),
    Field(
        "frame trace",
        "whether a page's frames were also counted from outside of it",
        _planned(lambda planned: planned.conditions.frame_trace),
    ),
    Field("cores", "the requested affinity", _axis("affinity"), {"native and web": "named", "targets": "named"}),
    Field("caches", "the requested state", _axis("caches"), {"native and web": "named"}),
    Field("link", "imitated network", _axis("link"), _ONLY_PAGES),
    Field("loader", "how a page obtains engine and model", _axis("loader"), _ONLY_PAGES),
    Field("encoding", "compression of downloads", _axis("encoding"), _ONLY_PAGES),
    Field("scenario", "how the page was used meanwhile", _axis("scenario")),
    Field("duty", "share of the time in which a scenario's page infers", _axis("duty")),
    Field("place", "thread of a scenario's page that calls the engine", _axis("place")),
    Field("download path", "from the server to the page", _proof("download_path"), {"targets": "named"}),
    Field("regime", "natural or fixed clocks of a phone", _device(lambda device: device.regime)),
    Field("conditions", "that a phone held", _device(_held), dict.fromkeys(KINDS, "named")),
    Field("priority", "nice value, read back", _proof("priority"), {"contexts": "named"}),
    Field("model access", "read or mapped", _proof("model_access")),
    Field("recorders", "that run while the stages are timed", _planned(_recorders)),
    Field("weights", "origin of the model's weights", _weights),
    Field(
        "model file",
        "SHA-256 of the files that were loaded",
        lambda side: _files(side, of_model=True),
        {"native and web": "free", "precisions": "compared"},
    ),
    Field(
        "output",
        "names and shapes of the outputs",
        _shapes,
        sentence="{field}: {a} answered {before}, {b} answered {after}.",
    ),
    Field(
        "engine files",
        "SHA-256 of the engine's files that were loaded",
        lambda side: _files(side, of_model=False),
        {
            "native and web": "free",
            **{kind: "named" for kind in KINDS if kind not in ("native and web", "releases", "wasm builds", "rungs")},
            "releases": "compared",
            "wasm builds": "compared",
        },
    ),
    Field(
        "block rule",
        "when a block stops predicting",
        _planned(lambda planned: planned.rule.describe()),
        dict.fromkeys(KINDS, "named"),
    ),
    Field(
        "mobilebench",
        "version that measured",
        lambda side: side.run.mobilebench_version if side.run else None,
        {"runs": "named", "targets": "named"},
    ),
)
"""Every fact that is looked at, in the order in which conflicts are named."""


def axes_without_field() -> set[str]:
    """Axes of a case that no field covers; a new axis needs one."""
    covered = {"wasm_build": "wasm build", "gpu": "GPU", "device_type": "device type", "affinity": "cores"}
    names = {one.name for one in FIELDS}
    return {name for name in AXES if covered.get(name, name) not in names}


def markdown() -> str:
    """The table of docs/method.md."""
    head = f"| fact | {' | '.join(KINDS)} |"
    rows = [
        f"| **{one.name}**{f': {one.meaning}' if one.meaning else ''} | "
        + " | ".join(_CELLS[one.rule(kind)] for kind in KINDS)
        + " |"
        for one in FIELDS
    ]
    kinds = [f"- *{kind}*: {meaning}" for kind, meaning in MEANINGS.items()]
    return "\n".join([*kinds, "", head, "|---" * (len(KINDS) + 1) + "|", *rows])


_CELLS: Mapping[Rule, str] = {"equal": "equal", "named": "named", "compared": "**compared**", "free": "–"}
