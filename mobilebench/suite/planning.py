"""Plans the ordered list of blocks that a session measures, from a suite, targets and a selection."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mobilebench.core import old_names
from mobilebench.core.axes import AUTO, AXES, GPUS, NO_BACKEND, NO_MODEL, NO_SCENARIO, OFFERED, ON_SCENARIOS, PAGE, Axis
from mobilebench.core.errors import BadInput, NothingToMeasure, as_sentence
from mobilebench.core.records import (
    BlockRule,
    Case,
    Conditions,
    EnergyWindow,
    ModelAccess,
    Pass,
    PlannedBlock,
    RecordRequest,
    TargetInfo,
)
from mobilebench.recorders import registry
from mobilebench.recorders.energy import meters, quantities
from mobilebench.suite import gates, goals
from mobilebench.suite.neighbours import Pairs, next_round, pairs_of
from mobilebench.suite.schema import (
    MOST_PREDICTIONS,
    MOST_SECONDS,
    NO_LIMIT,
    Choice,
    Group,
    Suite,
    TargetClass,
    time_limit,
)
from mobilebench.suite.vocabulary import Vocabulary, unknown, vocabulary
from mobilebench.targets.android.conditions import parse as parse_conditions

if TYPE_CHECKING:
    from mobilebench.engines.base import Backend

_T = TypeVar("_T")


@dataclass(frozen=True)
class Selection:
    """Which part of a suite to measure. An empty field selects everything."""

    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Selected values by name of axis. For an axis that narrows, the suite's values are filtered by them; for other
    axes, they replace the suite's values."""
    settings: tuple[str, ...] = ()
    """Only cases that had these settings in earlier releases (`core.old_names`)."""
    builds: tuple[str, ...] = ()
    """Builds of browsers that are measured in addition to the suite's browsers, when no browser is selected."""
    passes: tuple[Pass, ...] = ()
    further_passes: tuple[Pass, ...] = ()
    """Passes in addition to `passes`, or to the suite's passes."""
    record: tuple[RecordRequest, ...] = ()
    """Recorders that work during blocks; empty keeps the suite's."""
    record_in_timing: bool = False
    """Whether they work during the timing blocks, not during blocks of their own."""
    energy: EnergyWindow | None = None
    """How a block of the pass `energy` is measured; None: as usual."""
    energy_windows: int = 3
    """Number of such blocks of every case."""
    blocks: int | None = None
    """Number of blocks of every case in the timing pass."""
    time_limit: float | str | None = None
    """Seconds of a block, or `none` for no limit; None keeps the suite's limit."""
    seconds: float | str | None = None
    """Time after which a block stops predicting, such as `20s`; None keeps the suite's."""
    gates: tuple[str, ...] = ()
    """Gates that differ from the suite's, such as `temperature=38` (`suite.gates`)."""
    effort: str | None = None
    """Name of an effort (`goals.EFFORTS`), for what `blocks`, `within` and `budget` leave open."""
    within: float | str | None = None
    """Half the width of each interval that further rounds are to reach; None keeps the suite's."""
    budget: float | str | None = None
    """Time of measuring, such as `20m`; None keeps the suite's."""
    priority: int | None = None
    model_access: ModelAccess | None = None
    headed: bool = False
    frame_trace: bool = True
    conditions: str | None = None
    """What is asked of phones' state, as in a suite; None keeps the suite's."""

    def of(self, axis: str) -> tuple[Any, ...]:
        """The selected values of an axis; empty when none are selected."""
        return self.axes.get(axis, ())


@dataclass(frozen=True)
class _Wanted:
    """What is to be measured for one case."""

    case: Case
    conditions: Conditions
    record: tuple[RecordRequest, ...]
    """Recorders that work during the blocks of the pass `record_in`."""
    record_in: Pass
    passes: frozenset[Pass]
    rounds: int
    """Rounds of the timing pass; the other passes are measured once."""
    rule: BlockRule
    watched_rule: BlockRule
    energy: EnergyWindow
    energy_windows: int

    def rule_of(self, pass_: Pass) -> BlockRule:
        if pass_ == quantities.PASS:
            return _of_window(self.energy)
        if self.case.has_scenario:
            return self.rule.model_copy(update=_OF_SCENARIO)
        return self.rule if pass_ == "timing" else self.watched_rule

    def conditions_of(self, pass_: Pass) -> Conditions:
        if pass_ == quantities.PASS:
            own = {"record": [RecordRequest(recorder=quantities.RECORDER)], "energy": self.energy}
            return self.conditions.model_copy(update=own)
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
    """Plan every block. A round has each case of a target once, in an order that depends on seed and target.

    The rounds of timing come first, with balanced neighbours, then one round of each further pass, with the cases that
    have this pass.

    Raises:
        BadInput: the selection names something that does not exist.
        NothingToMeasure: no case is left; the message says which filter excluded them.
    """
    words = words or vocabulary()
    selection = _with_recorders(check(selection, words), suite)
    suite = _with_goal(suite, selection)
    _require_scenario(suite, selection)
    if len(targets) > 1 and selection.energy and selection.energy.meter:
        raise BadInput("--meter measures one device.", hint="Choose it with --serial.")
    by_target = {info.id: _wanted(suite, info, selection, words) for info in targets}
    if not any(by_target.values()):
        raise _nothing(suite, targets, selection, words)
    rounds = list(_rounds(list(itertools.chain(*by_target.values()))))
    orders = {target: list(_orders(wanted, rounds, f"{seed}:{target}")) for target, wanted in by_target.items()}
    ordered = [
        (number, pass_, one)
        for number, (pass_, _) in enumerate(rounds)
        for of_target in orders.values()
        for one in of_target[number]
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


def _require_scenario(suite: Suite, selection: Selection) -> None:
    """Raises `BadInput` if a duty or place is selected, and neither selection nor suite has a scenario."""
    used = [
        *selection.of("scenario"),
        *(one for part in (suite, *suite.groups) for one in part.stated(AXES["scenario"])),
    ]
    asked = next((AXES[name] for name in ON_SCENARIOS if selection.of(name)), None)
    if asked and all(scenario == NO_SCENARIO for scenario in used):
        raise BadInput(
            f"{asked.option} says how a model infers in a page that is used, and no page is.",
            hint="Add --scenario video, or choose a suite with scenarios (--suite qoe).",
        )


def check(selection: Selection, words: Vocabulary) -> Selection:
    """The selection with its values parsed. Raises `BadInput` for the first one that does not exist."""
    axes = {name: _parsed(AXES[name], values, words) for name, values in selection.axes.items()}
    for setting in selection.settings:
        if setting not in old_names.SETTINGS:
            problem, hint = unknown("setting", setting, old_names.SETTINGS)
            raise BadInput(as_sentence(problem), hint=hint)
    for name in selection.passes:
        if name not in registry.passes():
            raise BadInput(f"--pass {name} is not known; known are {', '.join(registry.passes())}.")
    if "recording" in selection.passes and not _without_energy(selection.record):
        raise BadInput("--pass recording needs recorders.", hint="Add --record thermal@1s.")
    if selection.energy and selection.energy.meter:
        meters.address(selection.energy.meter)
    asked = None if selection.conditions is None else parse_conditions(selection.conditions).text
    limit = selection.time_limit
    if limit is not None:
        try:
            limit = time_limit(limit)
        except ValueError as error:
            raise BadInput(f"--time-limit: {error}.") from error
    _asked("--gate", gates.parse_words, selection.gates)
    seconds = _asked("--seconds", goals.budget, selection.seconds)
    if seconds is not None and seconds > MOST_SECONDS:
        raise BadInput(f"--seconds {selection.seconds}: a block predicts for at most {MOST_SECONDS // 3600} h.")
    return _with_effort(dataclasses.replace(selection, axes=axes, time_limit=limit, seconds=seconds, conditions=asked))


def _with_effort(selection: Selection) -> Selection:
    """The selection with its goal parsed, and with the values of its effort where it states none."""
    if selection.effort is not None and selection.effort not in goals.EFFORTS:
        problem, hint = unknown("effort", selection.effort, goals.EFFORTS)
        raise BadInput(as_sentence(problem), hint=hint)
    within = _asked("--within", goals.within, selection.within)
    budget = _asked("--budget", goals.budget, selection.budget)
    if selection.effort is None:
        return dataclasses.replace(selection, within=within, budget=budget)
    effort = goals.EFFORTS[selection.effort]
    return dataclasses.replace(
        selection,
        blocks=selection.blocks or effort.blocks,
        within=within or effort.within,
        budget=budget or effort.budget,
    )


def _asked(option: str, parse: Callable[[Any], _T], value: Any) -> _T | None:
    try:
        return None if value is None else parse(value)
    except ValueError as error:
        shown = ",".join(value) if isinstance(value, tuple) else value
        raise BadInput(f"{option} {shown}: {error}.") from error


def _with_goal(suite: Suite, selection: Selection) -> Suite:
    """The suite with the goal of the selection, in place of its own."""
    if selection.effort is not None:
        changes = {"within": selection.within, "budget": selection.budget}
    else:
        changes = {
            name: getattr(suite, name) if (value := getattr(selection, name)) is None else value
            for name in ("within", "budget")
        }
    if changes["budget"] is not None and changes["within"] is None:
        raise BadInput(
            "--budget limits the rounds that follow until results are precise, and no precision is asked for.",
            hint="Add --within 2% or --effort normal.",
        )
    return suite.model_copy(update=changes)


def _with_recorders(selection: Selection, suite: Suite) -> Selection:
    """The selection, with the suite's recorders where it has none of its own."""
    if selection.record:
        return selection
    in_timing = selection.record_in_timing or suite.record_in_timing
    return dataclasses.replace(selection, record=tuple(map(registry.request, suite.record)), record_in_timing=in_timing)


def _parsed(axis: Axis, values: tuple[Any, ...], words: Vocabulary) -> tuple[Any, ...]:
    found, known = [], words.known(axis.name)
    for value in values:
        try:
            found.append(axis.parse(value))
        except ValueError as error:
            raise BadInput(f"{axis.option} {value}: {error}.") from error
        if known is not None and found[-1] not in known:
            problem, hint = unknown(axis.title, found[-1], known)
            raise BadInput(as_sentence(problem), hint=hint)
    return tuple(found)


def matches(info: TargetInfo, classes: Sequence[TargetClass]) -> bool:
    """Whether a target is of one of these classes."""
    if info.kind == "host":
        return "host" in classes
    return "android" in classes or ("virtual" if info.virtual else "real") in classes


def _rounds(wanted: Sequence[_Wanted]) -> Iterator[tuple[Pass, int]]:
    """Each round's pass, and how many rounds of that pass come before it."""
    timed = [one.rounds for one in wanted if "timing" in one.passes]
    for number in range(max(timed, default=0)):
        yield "timing", number
    for pass_ in registry.passes():
        if pass_ != "timing" and any(pass_ in one.passes for one in wanted):
            windows = max(one.energy_windows for one in wanted) if pass_ == quantities.PASS else 1
            yield from ((pass_, number) for number in range(windows))


def _orders(wanted: Sequence[_Wanted], rounds: Sequence[tuple[Pass, int]], seed: str) -> Iterator[list[_Wanted]]:
    """The order of one target's cases in each round."""
    timed = {one.case.key: one for one in wanted if "timing" in one.passes}
    used: Pairs = Counter()
    for pass_, earlier in rounds:
        if pass_ != "timing":
            own = f"{seed}:{pass_}:{earlier}" if earlier else f"{seed}:{pass_}"
            yield _shuffled([one for one in wanted if pass_ in one.passes], own)
            continue
        members = {key for key, one in timed.items() if one.rounds > earlier}
        order = next_round(timed.keys(), members, earlier, seed, used)
        used.update(pairs_of(order))
        yield [timed[key] for key in order]


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
    rule = _within(limited or suite.rule, selection)
    watched_rule = _within(limited or suite.watched_rule or suite.rule, selection)
    record = _without_energy(selection.record)
    passes = frozenset(
        [
            *(selection.passes or group.passes or suite.passes),
            *selection.further_passes,
            *(("recording",) if record and not selection.record_in_timing else ()),
            *((quantities.PASS,) if len(record) < len(selection.record) else ()),
        ]
    )
    energy = selection.energy or EnergyWindow()
    conditions = _conditions(suite, group, selection, info)
    for engine, backend, choice in _ways(group, selection, words):
        stating = _Stating(suite, group, limits.models if limits else None, choice, selection)
        for values in _products(stating, info, words.engines[engine].kind, words.backend(engine, backend)):
            case = _baseline_for(Case(target=info.id, engine=engine, backend=backend, **values))
            if not selection.settings or old_names.setting_of(case) in selection.settings:
                pass_: Pass = "timing" if selection.record_in_timing else "recording"
                yield _Wanted(
                    case,
                    conditions,
                    record,
                    pass_,
                    passes,
                    rounds,
                    rule,
                    watched_rule,
                    energy,
                    selection.energy_windows,
                )


def _baseline_for(case: Case) -> Case:
    """The case itself; for one with a duty of 0 the page in which nothing infers, the same for all engines."""
    if case.duty != 0:
        return case
    return Case(
        target=case.target,
        engine=PAGE,
        backend=NO_BACKEND,
        threads=1,
        browser=case.browser,
        model=NO_MODEL,
        isolation=case.isolation,
        scenario=case.scenario,
        duty=0,
    )


def _without_energy(requests: Sequence[RecordRequest]) -> tuple[RecordRequest, ...]:
    """The requests but that of energy, which has a pass of its own."""
    return tuple(one for one in requests if one.recorder != quantities.RECORDER)


_MOST_OF_WINDOW = 500_000
"""Most predictions of a window: all their times are stored."""
_OF_SCENARIO = {"min_predictions": 2, "max_predictions": MOST_PREDICTIONS, "time_limit_seconds": None}
"""How the rule of a block differs in which a page is used: its time alone ends it. A duty takes two inferences."""
_LONGER = 1.05
"""So much longer than its window a block predicts, because a block's rule also counts the time between predictions."""


def _of_window(energy: EnergyWindow) -> BlockRule:
    return BlockRule(min_predictions=1, max_predictions=_MOST_OF_WINDOW, max_seconds=energy.seconds * _LONGER)


@dataclass(frozen=True)
class _Stating:
    """Everything that states values of axes for one backend of a group, and the selection among them."""

    suite: Suite
    group: Group
    models_of_software: Sequence[str] | None
    """The models that the group keeps on a software GPU."""
    choice: Choice
    selection: Selection

    def values(self, axis: Axis, backend: Backend) -> list[Any]:
        """The stated or selected values of an axis that applies."""
        offered = backend.axes.get(axis.name, ())
        stated = self.choice.get(axis.name) or self.group.stated(axis) or self.suite.stated(axis)
        stated = stated or list(axis.stated or offered[:1])
        selected = self.selection.of(axis.name)
        if axis.name == "gpu":
            return self._gpus(stated, offered)
        if axis.name == "browser" and not selected:
            return [*stated, *self.selection.builds]
        if axis.narrows:
            return [value for value in stated if not selected or value in selected]
        values = list(selected) or stated
        if axis.name == "model":
            kept = [names for names in (self.group.stated(axis), self.models_of_software) if names]
            values = [name for name in values if all(name in names for names in kept)]
        return values

    def _gpus(self, stated: Sequence[str], offered: Sequence[str]) -> list[str]:
        """The GPUs to measure. `auto` stands for the GPU that the target has, or for GPUs that are selected by name."""
        selected = self.selection.of("gpu") or [name for name in self.selection.settings if name in (AUTO, *GPUS)]
        found: list[str] = []
        for gpu in stated:
            if not selected or gpu in selected:
                found.append(gpu)
            elif gpu == AUTO:
                found += [name for name in selected if name in offered]
        return found


def _products(stating: _Stating, info: TargetInfo, kind: str, backend: Backend) -> list[dict[str, Any]]:
    """Every combination of the values of all axes except target, engine and backend."""
    found: list[dict[str, Any]] = [{}]
    for axis in [axis for axis in AXES.values() if axis.name not in ("target", "engine", "backend")]:
        found = [
            {**one, axis.name: value} for one in found for value in _values(axis, one, stating, info, kind, backend)
        ]
    return found


def _values(
    axis: Axis, chosen: Mapping[str, Any], stating: _Stating, info: TargetInfo, kind: str, backend: Backend
) -> list[Any]:
    """The values of an axis for one combination of the axes before it."""
    if not axis.applies(kind, backend.axes) and axis.elsewhere != "unsupported":
        return [] if axis.elsewhere == "left out" and stating.selection.of(axis.name) else [axis.default]
    if axis.name in ON_SCENARIOS and chosen["scenario"] == NO_SCENARIO:
        return [] if stating.selection.of(axis.name) else [axis.default]
    if axis.name == "threads" and backend.on_one_thread(chosen["wasm_build"]):
        return [1]
    return list(dict.fromkeys(axis.on(info, value) for value in stating.values(axis, backend)))


def _within(rule: BlockRule, selection: Selection) -> BlockRule:
    """The rule with the selected time and time limit, if there are any."""
    changes: dict[str, Any] = {}
    if selection.time_limit is not None:
        changes["time_limit_seconds"] = None if selection.time_limit == NO_LIMIT else selection.time_limit
    if selection.seconds is not None:
        changes["max_seconds"] = selection.seconds
    return rule.model_copy(update=changes)


def _conditions(suite: Suite, group: Group, selection: Selection, info: TargetInfo) -> Conditions:
    asked = suite.require_full_delegation if group.require_full_delegation is None else group.require_full_delegation
    return Conditions(
        priority=suite.priority if selection.priority is None else selection.priority,
        model_access=selection.model_access or suite.model_access,
        delegated_share=asked,
        headed=selection.headed,
        frame_trace=selection.frame_trace,
        gates=gates.limits_of(info, suite.gates, gates.parse_words(selection.gates)),
        device=(selection.conditions or suite.conditions) if info.kind == "android" else None,
    )


def _ways(group: Group, selection: Selection, words: Vocabulary) -> Iterator[tuple[str, str, Choice]]:
    """The selected engines and backends, each with its choices.

    Where values of axes that backends offer are selected, backends that offer none of these axes are left out.
    """
    engines, names = selection.of("engine"), selection.of("backend")
    offered = [name for name in OFFERED if selection.of(name)]
    for engine, backends in group.engines.items():
        for backend, choices in backends.items():
            if (engines and engine not in engines) or (names and backend not in names):
                continue
            if not offered or any(name in words.backend(engine, backend).axes for name in offered):
                yield from ((engine, backend, choice) for choice in choices)


def _shuffled(wanted: list[_Wanted], seed: str) -> list[_Wanted]:
    """An order that is the same in every process and Python version (text seeds are hashed by SHA-512)."""
    ordered = sorted(wanted, key=lambda one: one.case.key)
    random.Random(seed).shuffle(ordered)  # noqa: S311
    return ordered


def _nothing(suite: Suite, targets: Sequence[TargetInfo], selection: Selection, words: Vocabulary) -> NothingToMeasure:
    """The error that says which filter excluded every case: a single one, or several together."""
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
            f"Suite {suite.name} has no case for {where}.",
            hint="Choose another suite (`mobilebench describe suites`) or other targets.",
        )
    names = {
        name: f"{AXES[name].option} {','.join(map(str, values))}" for name, values in selection.axes.items() if values
    }
    alone = {name: Selection({name: selection.axes[name]}) for name in names}
    rest = {name: replace(selection, axes={**selection.axes, name: ()}) for name in names}
    if selection.settings:
        names["settings"] = f"--setting {','.join(selection.settings)}"
        alone["settings"] = Selection(settings=selection.settings)
        rest["settings"] = replace(selection, settings=())
    guilty = [name for name in names if left(rest[name])] or [name for name in names if not left(alone[name])]
    shown = " ".join(names[name] for name in guilty or names)
    if len(guilty) == 1 and len(names) > 1 and left(alone[guilty[0]]):
        together = " together with the other filters"
    else:
        together = " together" if len(guilty or names) > 1 else ""
    return NothingToMeasure(
        f"No case of suite {suite.name} on {where} matches {shown}{together}.",
        hint="Drop or change that filter; `--dry-run` without it shows the suite's cases.",
    )
