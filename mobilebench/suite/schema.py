"""What a suite file may say. Strict: an unknown key or a value of the wrong type is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from mobilebench.results.records import BlockRule, Record

TargetClass = Literal["host", "android", "virtual", "real"]
"""`host`: this computer · `android`: every phone · `virtual`: virtual phones · `real`: all phones that are not."""

Browser = Literal["chrome", "firefox"]

AUTO = "auto"
"""A GPU setting: `hardware` or `software`, whichever the target has."""

Names = Annotated[list[str], Field(min_length=1)]
Counts = Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(min_length=1)]
Blocks = Annotated[int, Field(ge=1, le=1000)]
Browsers = Annotated[list[Browser], Field(min_length=1)]
Engines = Annotated[
    dict[str, Annotated[dict[str, Names], Field(min_length=1)]],
    Field(min_length=1),
]
"""Engine to backend to settings."""


class Strict(Record):
    """Frozen; neither unknown keys nor values that would have to be converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Limits(Strict):
    """What a group narrows down where the GPU is software."""

    models: Names | None = None
    blocks: Blocks | None = None


class Group(Strict):
    """Cases that belong together: on these targets, these engines. What it does not say, the suite says."""

    title: str | None = None
    targets: Annotated[list[TargetClass], Field(min_length=1)]
    engines: Engines
    browsers: Browsers | None = None
    models: Names | None = None
    """Only these of the suite's models."""
    variants: Names | None = None
    batches: Counts | None = None
    threads: Counts | None = None
    blocks: Blocks | None = None
    on_software_gpu: Limits | None = None


class Suite(Strict):
    """What to measure."""

    name: str
    """The file's name without its ending."""
    title: str
    description: str
    models: Names
    variants: Names = Field(default=["fp32"])
    batches: Counts = Field(default=[1])
    threads: Counts
    browsers: Browsers = Field(default=["chrome"])
    rule: BlockRule
    """When a block stops predicting."""
    blocks: Blocks
    """How often each case is measured: the number of rounds."""
    groups: Annotated[list[Group], Field(min_length=1)]

    @model_validator(mode="after")
    def _rule_can_be_kept(self) -> Self:
        if self.rule.min_predictions > self.rule.max_predictions:
            raise ValueError("rule: min_predictions is larger than max_predictions")
        return self


def keys_at(path: tuple[Any, ...]) -> list[str]:
    """The keys that are allowed in the mapping at this place of a suite file."""
    if path[-1:] == ("on_software_gpu",):
        return list(Limits.model_fields)
    if path[-1:] == ("rule",):
        return list(BlockRule.model_fields)
    if path[:1] == ("groups",) and len(path) == 2:
        return list(Group.model_fields)
    return [name for name in Suite.model_fields if name != "name"] if not path else []
