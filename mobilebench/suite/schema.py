"""What a suite file may say. Strict: an unknown key or a value of the wrong type is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator

from mobilebench.browsers.names import PATTERN as BROWSER
from mobilebench.browsers.network_presets import NAMES as LINKS
from mobilebench.core.errors import BadInput
from mobilebench.core.records import BlockRule, CacheState, Encoding, EnginePass, Loader, ModelAccess, Record
from mobilebench.recorders import registry

TargetClass = Literal["host", "android", "virtual", "real"]
"""`host`: this computer · `android`: every phone · `virtual`: virtual phones · `real`: all phones that are not."""

Browser = Annotated[str, Field(pattern=BROWSER)]
"""`chrome`, `firefox`, or a build of one of them: `chrome@beta`."""

MOST_PREDICTIONS = 1_000_000
MOST_SECONDS = 86_400
LEAST_LIMIT = 1
MOST_THREADS = 1024

AUTO = "auto"
"""A GPU setting: `hardware` or `software`, whichever the target has."""
ALL: Literal["all"] = "all"
"""A thread count: as many as the target has cores."""

Names = Annotated[list[str], Field(min_length=1)]
Counts = Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(min_length=1)]
MOST_BLOCKS = 1000
Blocks = Annotated[int, Field(ge=1, le=MOST_BLOCKS)]
Browsers = Annotated[list[Browser], Field(min_length=1)]


Passes = Annotated[list[EnginePass], Field(min_length=1)]


def _request(text: str) -> str:
    try:
        registry.request(text)
    except BadInput as error:
        raise ValueError(error.message.removesuffix(".")) from None
    return text


Requests = list[Annotated[str, AfterValidator(_request)]]
"""Recorders with their intervals: `thermal@1s`."""

CORES = ("none", "big", "little", "prime")
_MASK = re.compile(r"0x[0-9a-fA-F]{1,64}")


def affinity(text: str) -> str:
    """Cores by name, or by a mask in one spelling. Raises `ValueError` for what is neither."""
    if text in CORES:
        return text
    if _MASK.fullmatch(text) and (mask := int(text, 16)):
        return f"0x{mask:x}"
    raise ValueError(f"cores are named {', '.join(CORES)}, or by a mask such as 0xf0 (CPUs 4 to 7), not `{text}`")


Affinity = Annotated[str, AfterValidator(affinity)]
Affinities = Annotated[list[Affinity], Field(min_length=1)]
Caches = Annotated[list[CacheState], Field(min_length=1)]


def link(name: str) -> str:
    """A network by its name. Raises `ValueError` for one that is not known."""
    if name in LINKS:
        return name
    raise ValueError(f"there is no link `{name}`; known are {', '.join(LINKS)}")


Links = Annotated[list[Annotated[str, AfterValidator(link)]], Field(min_length=1)]
Loaders = Annotated[list[Loader], Field(min_length=1)]
Encodings = Annotated[list[Encoding], Field(min_length=1)]


def share(told: Any) -> float:
    """`true` is all, `false` none. Raises `ValueError` for what is no share."""
    if isinstance(told, int | float) and 0 <= told <= 1:
        return float(told)
    raise ValueError("this should be true, false or a number from 0 to 1")


Share = Annotated[float, BeforeValidator(share)]


def thread_count(told: Any) -> int | Literal["all"]:
    """A number of threads, or `all`. Raises `ValueError` for anything else."""
    if told == ALL:
        return ALL
    if isinstance(told, int) and not isinstance(told, bool) and 1 <= told <= MOST_THREADS:
        return told
    raise ValueError(f"threads should be a number from 1 to {MOST_THREADS}, or `all` for the target's cores")


Threads = Annotated[list[Annotated[int | Literal["all"], PlainValidator(thread_count)]], Field(min_length=1)]


NO_LIMIT: Literal["none"] = "none"


def time_limit(told: Any) -> float | Literal["none"]:
    """Seconds of a block, or `none`. Raises `ValueError` for anything else."""
    if told == NO_LIMIT:
        return NO_LIMIT
    with suppress(TypeError, ValueError):
        if LEAST_LIMIT <= (seconds := float(told)) <= MOST_SECONDS:
            return seconds
    raise ValueError(f"a block's time limit should be {LEAST_LIMIT} to {MOST_SECONDS} s, or `none`, not {told}")


def engine_name(name: str) -> str:
    """An engine's name as it is listed: the current release may also be called `@current`."""
    return name.removesuffix("@current")


def _by_engine(engines: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
    found = {engine_name(name): backends for name, backends in engines.items()}
    if len(found) < len(engines):
        twice = next(name for name in found if f"{name}@current" in engines)
        raise ValueError(f"{twice} and {twice}@current are the same engine")
    return found


Engines = Annotated[
    dict[str, Annotated[dict[str, Names], Field(min_length=1)]],
    Field(min_length=1),
    AfterValidator(_by_engine),
]
"""Engine to backend to settings."""


class Strict(Record):
    """Frozen; neither unknown keys nor values that would have to be converted."""

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


class Limits(Strict):
    """What a group narrows down where the GPU is software."""

    models: Names | None = None
    blocks: Blocks | None = None
    rule: Rule | None = None
    """Of all passes."""


class Group(Strict):
    """Cases that belong together: on these targets, these engines. What it does not say, the suite says."""

    title: str | None = None
    targets: Annotated[list[TargetClass], Field(min_length=1)]
    engines: Engines
    browsers: Browsers | None = None
    models: Names | None = None
    """These instead of the suite's models."""
    precisions: Names | None = None
    batches: Counts | None = None
    threads: Threads | None = None
    affinities: Affinities | None = None
    caches: Caches | None = None
    links: Links | None = None
    loaders: Loaders | None = None
    encodings: Encodings | None = None
    passes: Passes | None = None
    require_full_delegation: Share | None = None
    blocks: Blocks | None = None
    on_software_gpu: Limits | None = None


class Suite(Strict):
    """What to measure."""

    name: str
    """The file's name without its ending."""
    title: str
    description: str
    models: Names
    precisions: Names = Field(default=["fp32"])
    batches: Counts = Field(default=[1])
    threads: Threads
    browsers: Browsers = Field(default=["chrome"])
    affinities: Affinities = Field(default=["none"])
    caches: Caches = Field(default=["as found"])
    links: Links = Field(default=["none"])
    """Networks that browsers imitate while a page downloads framework and model."""
    loaders: Loaders = Field(default=["split"])
    encodings: Encodings = Field(default=["identity"])
    """How pages' downloads are compressed."""
    passes: Passes = Field(default=["timing"])
    """`kernels`, `memory` and `trace` are one more block each of every case, after all rounds of `timing`."""
    record: Requests = Field(default=[])
    """Recorders that work during one more block of each case."""
    record_in_timing: bool = False
    """They work during the timing blocks instead."""
    priority: Annotated[int, Field(ge=-20, le=19)] = 0
    """Nice value of native runners."""
    model_access: ModelAccess = "read"
    require_full_delegation: Share = 0.0
    """The share of nodes that a GPU, NNAPI or another accelerator has to run."""
    rule: Rule
    """When a block stops predicting."""
    watched_rule: Rule | None = None
    """The same for passes other than `timing`; without it, `rule`."""
    blocks: Blocks
    """How often each case is measured: the number of rounds."""
    groups: Annotated[list[Group], Field(min_length=1)]


def keys_at(path: tuple[Any, ...]) -> list[str]:
    """The keys that are allowed in the mapping at this place of a suite file."""
    if path[-1:] == ("on_software_gpu",):
        return list(Limits.model_fields)
    if path[-1:] in (("rule",), ("watched_rule",)):
        return list(BlockRule.model_fields)
    if path[:1] == ("groups",) and len(path) == 2:
        return list(Group.model_fields)
    return [name for name in Suite.model_fields if name != "name"] if not path else []
