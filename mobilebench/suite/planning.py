"""From a suite, targets and a selection to the ordered list of blocks that a session measures."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from mobilebench.browsers.network_presets import NAMES as LINKS
from mobilebench.core.errors import BadInput, NothingToMeasure
from mobilebench.core.records import (
    BlockRule,
    CacheState,
    Case,
    Conditions,
    Encoding,
    Loader,
    ModelAccess,
    Pass,
    PlannedBlock,
    RecordRequest,
    TargetInfo,
)
from mobilebench.recorders import registry
from mobilebench.suite.schema import (
    ALL,
    AUTO,
    NO_LIMIT,
    Group,
    Suite,
    TargetClass,
    affinity,
    engine_name,
    thread_count,
    time_limit,
)
from mobilebench.suite.vocabulary import Vocabulary, unknown, vocabulary


@dataclass(frozen=True)
class Selection:
    """What of a suite to measure; an empty field does not filter.

    `engines`, `backends` and `settings` filter; `builds` are measured beside the suite's browsers, where `browsers`
    names none; everything else replaces what the suite says.
    """

    models: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    browsers: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    threads: tuple[int | str, ...] = ()
    """Numbers, or `all`."""
    affinities: tuple[str, ...] = ()
    caches: tuple[CacheState, ...] = ()
    links: tuple[str, ...] = ()
    loaders: tuple[Loader, ...] = ()
    encodings: tuple[Encoding, ...] = ()
    passes: tuple[Pass, ...] = ()
    further_passes: tuple[Pass, ...] = ()
    """Beside `passes`, or beside those of the suite."""
    record: tuple[str, ...] = ()
    """Recorders that work during blocks, such as `thermal@1s`."""
    record_in_timing: bool = False
    """They work during the timing blocks, not during blocks of their own."""
    blocks: int | None = None
    """Of every case, in the timing pass."""
    time_limit: float | str | None = None
    """Seconds of a block, or `none` for no limit; None leaves the suite's."""
    priority: int | None = None
    model_access: ModelAccess | None = None
    headed: bool = False


@dataclass(frozen=True)
class _Wanted:
    """What is to be measured of one case."""

    case: Case
    conditions: Conditions
    record: tuple[RecordRequest, ...]
    """Recorders that work during the blocks of the pass `record_in`."""
    record_in: Pass
    passes: frozenset[Pass]
    rounds: int
    """Of the timing pass; the others are measured once."""
    rule: BlockRule
    watched_rule: BlockRule

    def rule_of(self, pass_: Pass) -> BlockRule:
        return self.rule if pass_ == "timing" else self.watched_rule

    def conditions_of(self, pass_: Pass) -> Conditions:
        if not self.record or pass_ not in (self.record_in, "recording"):
            return self.conditions
        return self.conditions.model_copy(update={"record": list(self.record)})


@dataclass(frozen=True)
class Plan:
    """What will be measured, in order."""

    suite: Suite
    targets: tuple[TargetInfo, ...]
    seed: int
    blocks: tuple[PlannedBlock, ...]

    def of(self, target: str) -> tuple[PlannedBlock, ...]:
        """The blocks of one target, in order."""
        return tuple(block for block in self.blocks if block.case.target == target)


def plan(
    suite: Suite,
    targets: Sequence[TargetInfo],
    selection: Selection = Selection(),
    seed: int = 0,
    *,
    words: Vocabulary | None = None,
) -> Plan:
    """Lay out every block: a round holds each case of a target once, in an order that follows from seed and target.

    The rounds of timing come first, then one of each further pass, with the cases that are to have it.

    Raises:
        BadInput: the selection names something that does not exist.
        NothingToMeasure: no case is left; the message says which filter took them.
    """
    words = words or vocabulary()
    selection = check(selection, words)
    by_target = {info.id: _wanted(suite, info, selection, words) for info in targets}
    if not any(by_target.values()):
        raise _nothing(suite, targets, selection, words)
    ordered = [
        (number, pass_, one)
        for number, (pass_, earlier, order) in enumerate(_rounds(list(itertools.chain(*by_target.values()))))
        for target, wanted in by_target.items()
        for one in _shuffled(
            [one for one in wanted if pass_ in one.passes and one.rounds > earlier],
            f"{seed}:{target}:{order}",
        )
    ]
    blocks = tuple(
        PlannedBlock(
            index=index,
            round=number,
            case=one.case,
            rule=one.rule_of(pass_),
            conditions=one.conditions_of(pass_),
            pass_=pass_,
        )
        for index, (number, pass_, one) in enumerate(ordered)
    )
    return Plan(suite=suite, targets=tuple(targets), seed=seed, blocks=blocks)


def check(selection: Selection, words: Vocabulary) -> Selection:
    """The selection in the words of a suite. Raises `BadInput` for the first name in it that does not exist."""
    selection = dataclasses.replace(selection, engines=tuple(map(engine_name, selection.engines)))
    known: dict[str, tuple[tuple[str, ...], Collection[str]]] = {
        "model": (selection.models, words.models),
        "engine": (selection.engines, tuple(words.engines)),
        "backend": (selection.backends, tuple(words.backends())),
        "setting": (selection.settings, tuple(words.settings())),
        "browser": (selection.browsers, words.browsers),
        "precision": (selection.precisions, words.precisions),
    }
    for kind, (chosen, names) in known.items():
        for name in chosen:
            if name not in names:
                problem, hint = unknown(kind, name, names)
                raise BadInput(f"T{problem[1:]}.", hint=hint)
    if bad := [count for count in selection.batches if count < 1]:
        raise BadInput(f"--batch must be at least 1, not {bad[0]}.")
    for count in selection.threads:
        try:
            thread_count(count)
        except ValueError as error:
            raise BadInput(f"--threads {count}: {error}.") from error
    for option, words_given, options in (
        ("--caches", selection.caches, get_args(CacheState)),
        ("--link", selection.links, LINKS),
        ("--loader", selection.loaders, get_args(Loader)),
        ("--encoding", selection.encodings, get_args(Encoding)),
        ("--pass", selection.passes, get_args(Pass)),
    ):
        for word in words_given:
            if word not in options:
                raise BadInput(f"{option} {word} is not known; known are {', '.join(options)}.")
    for text in selection.record:
        registry.request(text)
    if "recording" in selection.passes and not selection.record:
        raise BadInput("--pass recording needs recorders.", hint="Add --record thermal@1s.")
    if selection.time_limit is not None:
        try:
            selection = dataclasses.replace(selection, time_limit=time_limit(selection.time_limit))
        except ValueError as error:
            raise BadInput(f"--time-limit: {error}.") from error
    try:
        return dataclasses.replace(selection, affinities=tuple(map(affinity, selection.affinities)))
    except ValueError as error:
        raise BadInput(f"--affinity: {error}.") from error


def matches(info: TargetInfo, classes: Sequence[TargetClass]) -> bool:
    """Whether a target is of one of these classes."""
    if info.kind == "host":
        return "host" in classes
    return "android" in classes or ("virtual" if info.virtual else "real") in classes


def _rounds(wanted: Sequence[_Wanted]) -> Iterator[tuple[Pass, int, str]]:
    """Each round's pass, how many rounds of that pass come before it, and what its order is drawn by."""
    timed = [one.rounds for one in wanted if "timing" in one.passes]
    for number in range(max(timed, default=0)):
        yield "timing", number, str(number)
    once: tuple[Pass, ...] = ("kernels", "memory", "trace", "recording")
    for pass_ in once:
        if any(pass_ in one.passes for one in wanted):
            yield pass_, 0, pass_


def _wanted(suite: Suite, info: TargetInfo, selection: Selection, words: Vocabulary) -> list[_Wanted]:
    """The target's cases. A case in two groups belongs to the first."""
    found: dict[str, _Wanted] = {}
    for group in suite.groups:
        if matches(info, group.targets):
            for one in _of_group(suite, group, info, selection, words):
                found.setdefault(one.case.key, one)
    return list(found.values())


def _of_group(
    suite: Suite, group: Group, info: TargetInfo, selection: Selection, words: Vocabulary
) -> Iterator[_Wanted]:
    limits = group.on_software_gpu if info.gpu_software else None
    rounds = selection.blocks or (limits and limits.blocks) or group.blocks or suite.blocks
    limited = limits and limits.rule
    rule = _within(limited or suite.rule, selection.time_limit)
    watched_rule = _within(limited or suite.watched_rule or suite.rule, selection.time_limit)
    record = tuple(map(registry.request, selection.record or suite.record))
    in_timing = selection.record_in_timing or (not selection.record and suite.record_in_timing)
    passes = frozenset(
        [
            *(selection.passes or group.passes or suite.passes),
            *selection.further_passes,
            *(("recording",) if record and not in_timing else ()),
        ]
    )
    conditions = _conditions(suite, group, selection)
    allowed = [names for names in (group.models, limits and limits.models) if names]
    offered = selection.models or group.models or suite.models
    models = [name for name in offered if all(name in names for names in allowed)]
    for engine, backend, setting, browser in _ways(suite, group, info, selection, words):
        counts = selection.threads or group.threads or suite.threads
        threads = list(dict.fromkeys(info.cores if count == ALL else int(count) for count in counts))
        if setting in words.backend(engine, backend).single_threaded:
            threads = [1]
        for model, precision, batch, count, cores, caches, download in itertools.product(
            models,
            selection.precisions or group.precisions or suite.precisions,
            selection.batches or group.batches or suite.batches,
            threads,
            selection.affinities or group.affinities or suite.affinities,
            selection.caches or group.caches or suite.caches,
            _downloads(suite, group, selection) if browser else [{}],
        ):
            case = Case(
                target=info.id,
                engine=engine,
                backend=backend,
                setting=setting,
                threads=count,
                browser=browser,
                model=model,
                precision=precision,
                batch=batch,
                affinity=cores,
                caches=caches,
                **download,
            )
            yield _Wanted(
                case, conditions, record, "timing" if in_timing else "recording", passes, rounds, rule, watched_rule
            )


def _within(rule: BlockRule, selected: float | str | None) -> BlockRule:
    """The rule with the time limit that is selected, if one is."""
    if selected is None:
        return rule
    return rule.model_copy(update={"time_limit_seconds": None if selected == NO_LIMIT else selected})


def _downloads(suite: Suite, group: Group, selection: Selection) -> list[dict[str, Any]]:
    """The ways in which pages come by framework and model, as fields of a case; native engines download nothing."""
    ways = itertools.product(
        selection.links or group.links or suite.links,
        selection.loaders or group.loaders or suite.loaders,
        selection.encodings or group.encodings or suite.encodings,
    )
    return [{"link": link, "loader": loader, "encoding": encoding} for link, loader, encoding in ways]


def _conditions(suite: Suite, group: Group, selection: Selection) -> Conditions:
    asked = suite.require_full_delegation if group.require_full_delegation is None else group.require_full_delegation
    return Conditions(
        priority=suite.priority if selection.priority is None else selection.priority,
        model_access=selection.model_access or suite.model_access,
        delegated_share=asked,
        headed=selection.headed,
    )


def _ways(
    suite: Suite, group: Group, info: TargetInfo, selection: Selection, words: Vocabulary
) -> Iterator[tuple[str, str, str, str | None]]:
    """Engine, backend, setting and browser of a group, as far as they are selected."""
    for engine, backends in group.engines.items():
        if selection.engines and engine not in selection.engines:
            continue
        browsers: Sequence[str | None] = [None]
        if words.engines[engine].kind == "web":
            stated = group.browsers or suite.browsers
            browsers = list(dict.fromkeys(selection.browsers or [*stated, *selection.builds]))
        elif selection.browsers:
            continue
        for backend, settings in backends.items():
            if selection.backends and backend not in selection.backends:
                continue
            known = words.backend(engine, backend).settings
            for setting in _settings(settings, info, selection, known):
                for browser in browsers:
                    yield engine, backend, setting, browser


def _settings(stated: Sequence[str], info: TargetInfo, selection: Selection, known: Sequence[str]) -> list[str]:
    """`auto` stands for the GPU that the target has, or for the one that is selected by name."""
    found: list[str] = []
    for setting in stated:
        if setting != AUTO:
            found += [setting] if not selection.settings or setting in selection.settings else []
        elif not selection.settings or AUTO in selection.settings:
            found.append("software" if info.gpu_software else "hardware")
        else:
            found += [name for name in selection.settings if name in known]
    return list(dict.fromkeys(found))


def _shuffled(wanted: list[_Wanted], seed: str) -> list[_Wanted]:
    """An order that is the same in every process and Python version (text seeds are hashed by SHA-512)."""
    ordered = sorted(wanted, key=lambda one: one.case.key)
    random.Random(seed).shuffle(ordered)  # noqa: S311
    return ordered


def _nothing(suite: Suite, targets: Sequence[TargetInfo], selection: Selection, words: Vocabulary) -> NothingToMeasure:
    """Say which filter took every case: one alone, or several together."""
    if not targets:
        return NothingToMeasure(
            "There is no target to measure on.",
            hint="`mobilebench devices` shows what is attached; `mobilebench virtual up` starts virtual phones.",
        )

    def left(one: Selection) -> bool:
        return any(_wanted(suite, info, one, words) for info in targets)

    where = ", ".join(info.id for info in targets)
    if not left(Selection()):
        return NothingToMeasure(
            f"Suite {suite.name} states no case for {where}.",
            hint="Choose another suite (`mobilebench describe suites`) or other targets.",
        )
    used = {name: values for name in _OPTIONS if (values := getattr(selection, name))}
    alone = [name for name, values in used.items() if not left(Selection(**{name: values}))]
    shown = " ".join(f"{_OPTIONS[name]} {','.join(map(str, used[name]))}" for name in alone or used)
    together = "" if alone or len(used) == 1 else " together"
    return NothingToMeasure(
        f"No case of suite {suite.name} on {where} is left by {shown}{together}.",
        hint="Drop or change that filter; `--dry-run` without it shows the suite's cases.",
    )


_OPTIONS = {
    "models": "--model",
    "engines": "--engine",
    "backends": "--backend",
    "settings": "--setting",
    "browsers": "--browser",
    "precisions": "--precision",
    "batches": "--batch",
    "threads": "--threads",
}
