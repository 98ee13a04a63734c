"""The schema of suite files. It is strict: an unknown key or a value of the wrong type is refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, create_model, model_validator

from mobilebench.core.axes import AXES, OFFERED, STATED, Axis, engine_name
from mobilebench.core.errors import BadInput, as_clause
from mobilebench.core.records import BlockRule, Goal, ModelAccess, Pass, Record
from mobilebench.recorders import registry
from mobilebench.suite import gates, goals
from mobilebench.targets.android.conditions import parse as parse_conditions

TargetClass = Literal["host", "android", "virtual", "real"]
"""`host`: this computer · `android`: every phone · `virtual`: virtual phones · `real`: physical phones."""

MOST_PREDICTIONS = 1_000_000
MOST_SECONDS = 86_400
LEAST_LIMIT = 1
MOST_BLOCKS = 1000

Names = Annotated[list[str], Field(min_length=1)]
Blocks = Annotated[int, Field(ge=1, le=MOST_BLOCKS)]


def _pass(name: str) -> Pass:
    if name not in registry.IN_ENGINE:
        *others, last = (f"'{one}'" for one in registry.IN_ENGINE)
        raise ValueError(f"this should be {', '.join(others)} or {last}")
    return name


Passes = Annotated[list[Annotated[str, AfterValidator(_pass)]], Field(min_length=1)]
Choice = dict[str, list[Any]]
"""Values that are chosen for a backend, by axis."""


def _request(text: str) -> str:
    try:
        registry.request(text)
    except BadInput as error:
        raise ValueError(error.message.removesuffix(".")) from None
    return text


def _conditions(text: str) -> str:
    try:
        return parse_conditions(text).text
    except BadInput as error:
        raise ValueError(f"this should be a set and names of conditions ({as_clause(error.message)})") from None


Requests = list[Annotated[str, AfterValidator(_request)]]
"""Recorders with their intervals: `thermal@1s`."""


def share(value: Any) -> float:
    """A share; `true` means all and `false` none. Raises `ValueError` for any other value."""
    if isinstance(value, int | float) and 0 <= value <= 1:
        return float(value)
    raise ValueError("this should be true, false or a number from 0 to 1")


Share = Annotated[float, BeforeValidator(share)]

NO_LIMIT: Literal["none"] = "none"


def time_limit(value: Any) -> float | Literal["none"]:
    """The time limit of a block in seconds, or `none`. Raises `ValueError` for anything else."""
    if value == NO_LIMIT:
        return NO_LIMIT
    with suppress(TypeError, ValueError):
        if LEAST_LIMIT <= (seconds := float(value)) <= MOST_SECONDS:
            return seconds
    raise ValueError(f"a block's time limit should be {LEAST_LIMIT} to {MOST_SECONDS} s, or `none`, not {value}")


def _by_engine(engines: dict[str, dict[str, list[Choice]]]) -> dict[str, dict[str, list[Choice]]]:
    found = {engine_name(name): backends for name, backends in engines.items()}
    if len(found) < len(engines):
        twice = next(name for name in found if f"{name}@current" in engines)
        raise ValueError(f"{twice} and {twice}@current are the same engine")
    return found


def _in_full(engines: Any) -> Any:
    """Engine to backend to choices, from the shorter forms that a suite file may use.

    `[cpu]` stands for `{cpu: {}}`, one choice for a list of one, and one value for a list of one.
    """
    if not isinstance(engines, Mapping):
        return engines
    found: dict[Any, Any] = {}
    for engine, backends in engines.items():
        if isinstance(backends, list) and all(isinstance(name, str) for name in backends):
            backends = dict.fromkeys(backends)
        if isinstance(backends, Mapping):
            backends = {name: _choices(choices) for name, choices in backends.items()}
        found[engine] = backends
    return found


def _choices(choices: Any) -> Any:
    if choices is None:
        choices = {}
    if isinstance(choices, Mapping):
        choices = [choices]
    if not isinstance(choices, list):
        return choices
    return [
        {axis: value if isinstance(value, list) else [value] for axis, value in one.items()}
        if isinstance(one, Mapping)
        else one
        for one in choices
    ]


def _parsed(choice: Choice) -> Choice:
    """A choice with parsed values. Raises `ValueError` for a key that is not an axis of a backend."""
    for name, values in choice.items():
        if name not in IN_BACKENDS:
            raise ValueError(f"there is no axis `{name}` of backends; known are {', '.join(IN_BACKENDS)}")
        if not values:
            raise ValueError(f"`{name}` should have at least 1 value")
    return {name: [AXES[name].parse(value) for value in values] for name, values in choice.items()}


IN_BACKENDS = (*OFFERED, "threads")
"""The axes that a suite may state for a single backend."""

Engines = Annotated[
    dict[
        str,
        Annotated[
            dict[str, Annotated[list[Annotated[Choice, AfterValidator(_parsed)]], Field(min_length=1)]],
            Field(min_length=1),
        ],
    ],
    Field(min_length=1),
    BeforeValidator(_in_full),
    AfterValidator(_by_engine),
]
"""Engine to backend to choices. Every combination of a choice's values is a case."""


class Strict(Record):
    """A frozen record without unknown keys and without values that would have to be converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _kept(rule: BlockRule) -> BlockRule:
    if rule.min_predictions > rule.max_predictions:
        raise ValueError("min_predictions is larger than max_predictions")
    if rule.max_predictions > MOST_PREDICTIONS or rule.max_seconds > MOST_SECONDS:
        raise ValueError(f"a block takes at most {MOST_PREDICTIONS} predictions and {MOST_SECONDS} s")
    if rule.time_limit_seconds is not None:
        time_limit(rule.time_limit_seconds)
    return rule


Rule = Annotated[BlockRule, AfterValidator(_kept)]


Gates = Annotated[dict[str, Any], BeforeValidator(gates.parse)]
"""What is waited for before each block: limits by name, or `none`."""


class Limits(Strict):
    """How a group is restricted on targets with a software GPU."""

    models: Names | None = None
    blocks: Blocks | None = None
    rule: Rule | None = None
    """The rule of all passes."""


class _Stating(Strict):
    """A part of a suite that states values of axes, each under the axis's own key."""

    def stated(self, axis: Axis) -> list[Any]:
        """The values of an axis; empty where none are stated."""
        return list(getattr(self, axis.plural or "", None) or ())


class _Group(_Stating):
    title: str | None = None
    targets: Annotated[list[TargetClass], Field(min_length=1)]
    engines: Engines
    passes: Passes | None = None
    require_full_delegation: Share | None = None
    blocks: Blocks | None = None
    on_software_gpu: Limits | None = None


def _values_of(axis: Axis) -> Any:
    return Annotated[list[Annotated[Any, PlainValidator(axis.parse)]], Field(min_length=1)]


def _keys_of_suites() -> dict[str, Any]:
    """The fields in which a suite states values of axes. Axes without a default are required."""
    found: dict[str, Any] = {}
    for axis in STATED.values():
        default = list(axis.stated) or [axis.default]
        field = (_values_of(axis) | None, None) if axis.scope == "some backends" else (_values_of(axis), default)
        found[str(axis.plural)] = (_values_of(axis), ...) if axis.required else field
    return found


if TYPE_CHECKING:
    Group = _Group
else:
    Group = create_model(
        "Group",
        __base__=_Group,
        __doc__="Cases that belong together: on these targets, these engines. What it does not say, the suite says.",
        **{str(axis.plural): (_values_of(axis) | None, None) for axis in STATED.values()},
    )


class _Suite(_Stating):
    name: str
    """The file's name without its extension."""
    title: str
    description: str
    passes: Passes = Field(default=["timing"])
    """Each of `kernels`, `memory` and `trace` adds one block for every case, after all rounds of `timing`."""
    record: Requests = Field(default=[])
    """Recorders that work during one additional block of each case."""
    record_in_timing: bool = False
    """Whether they work during the timing blocks instead."""
    priority: Annotated[int, Field(ge=-20, le=19)] = 0
    """Nice value of native runners."""
    model_access: ModelAccess = "read"
    conditions: Annotated[str, AfterValidator(_conditions)] = "default"
    """What is asked of a phone's state: a set, and further conditions by name, such as `strict,radios-off`."""
    require_full_delegation: Share = 0.0
    """The share of nodes that have to run on a GPU, NNAPI or another accelerator."""
    rule: Rule
    """When a block stops predicting."""
    watched_rule: Rule | None = None
    """When a block of another pass than `timing` stops predicting; `rule` if not given."""
    blocks: Blocks
    """The number of rounds, each of which measures every case once."""
    within: Annotated[float, BeforeValidator(goals.within)] | None = None
    """Further rounds follow until half of each 95 % interval is at most this share: `2%` or 0.02."""
    budget: Annotated[float, BeforeValidator(goals.budget)] | None = None
    """No further round begins that would end after this time of measuring: `20m`, `90s`, `1h` or seconds."""
    gates: Gates = Field(default={})
    """What is waited for before each block, where it differs from what is usual for a target (`suite.gates`)."""
    groups: Annotated[list[Group], Field(min_length=1)]

    @model_validator(mode="after")
    def _budget_of_something(self) -> Self:
        if self.budget is not None and self.within is None:
            raise ValueError("`budget` limits the rounds that follow until results are precise, so it needs `within`")
        return self

    @property
    def goal(self) -> Goal | None:
        """What further rounds are to reach; None if none follow."""
        return None if self.within is None else Goal(within=self.within, budget=self.budget)


if TYPE_CHECKING:
    Suite = _Suite
else:
    Suite = create_model("Suite", __base__=_Suite, __doc__="What to measure.", **_keys_of_suites())


def keys_at(path: tuple[Any, ...]) -> list[str]:
    """The keys that are allowed in the mapping at this place of a suite file."""
    if path[-1:] == ("on_software_gpu",):
        return list(Limits.model_fields)
    if path[-1:] in (("rule",), ("watched_rule",)):
        return list(BlockRule.model_fields)
    if path[-1:] == ("gates",):
        return list(gates.KEYS)
    if path[:1] == ("groups",) and len(path) == 2:
        return list(Group.model_fields)
    return [name for name in Suite.model_fields if name != "name"] if not path else []
