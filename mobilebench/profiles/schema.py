"""Schema of a device profile: facts about a system on chip, and how to recognise a phone that has it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
PropertyName = Annotated[str, StringConstraints(pattern=r"^(ro|vendor|persist)(\.[A-Za-z0-9_-]+)+$")]


class Fact(BaseModel):
    """Base of all parts: frozen, and strict about unknown keys and types, because profiles are written by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(Fact):
    """The document that facts were taken from."""

    title: Text
    publisher: Text


class Cluster(Fact):
    """Cores of one kind that share a clock."""

    name: Literal["prime", "big", "little"]
    core: Text
    """The core's design, such as `Cortex-X3`."""
    count: int = Field(ge=1, le=16)
    max_mhz: int = Field(ge=100, le=10_000)


class Cpu(Fact):
    """All clusters, fastest first."""

    clusters: list[Cluster] = Field(min_length=1)
    fp32_gflops: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Peak rate of all cores together in single precision, in GFLOP/s, if the source states it."""
    source: Text

    @model_validator(mode="after")
    def _fastest_first(self) -> Cpu:
        clocks = [cluster.max_mhz for cluster in self.clusters]
        if clocks != sorted(clocks, reverse=True):
            raise ValueError("clusters must be ordered from fastest to slowest")
        return self


class Part(Fact):
    """A processor besides the CPU."""

    name: Text
    source: Text


class Memory(Fact):
    """The fastest kind of memory that the chip takes."""

    type: Text
    source: Text


class Identify(Fact):
    """Android properties that name the chip.

    A value is taken literally, or as a regular expression over the whole value when it stands between slashes.
    The first value of each property is literal: a virtual phone reports it.
    """

    properties: dict[PropertyName, list[Text]] = Field(min_length=1)
    source: Text

    @field_validator("properties")
    @classmethod
    def _usable(cls, properties: dict[str, list[str]]) -> dict[str, list[str]]:
        for name, values in properties.items():
            if not values or is_pattern(values[0]):
                raise ValueError(f"the first value of {name} must be literal")
            for value in filter(is_pattern, values):
                try:
                    re.compile(value[1:-1])
                except re.error as error:
                    raise ValueError(f"{value} of {name} is not a regular expression: {error}") from None
        return properties

    def accepts(self, name: str, value: str) -> bool:
        """Whether this value of this property is the chip's; case does not matter."""
        return any(_matches(accepted, value) for accepted in self.properties.get(name, []))


class Example(Fact):
    """A phone with this chip, as a virtual phone presents itself."""

    name: Text
    """Marketing name."""
    model: Text
    manufacturer: Text
    device: Text
    android: int = Field(ge=7, le=99)
    """The Android version that it was sold with."""
    properties: dict[PropertyName, Text] = {}
    """Further properties that the phone reports."""
    source: Text


class Profile(Fact):
    """One system on chip."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    soc: Text
    vendor: Text
    year: int = Field(ge=2008, le=2100)
    """Year of its announcement."""
    aliases: list[Text] = []
    """Other names, such as part number or code name."""
    cpu: Cpu
    gpu: Part
    npu: Part | None = None
    memory: Memory | None = None
    identify: Identify
    example: Example | None = None
    notes: list[Text] = []
    sources: dict[str, Source] = Field(min_length=1)
    """Documents by the short keys that facts refer to."""

    @property
    def cores(self) -> int:
        """CPU cores of all clusters."""
        return sum(cluster.count for cluster in self.cpu.clusters)

    @property
    def properties(self) -> dict[str, str]:
        """Output of `getprop` on a phone with this chip: the identifying values and the example's own."""
        identifying = {name: values[0] for name, values in self.identify.properties.items()}
        return identifying | (self.example.properties if self.example else {})

    @model_validator(mode="after")
    def _sources_exist(self) -> Profile:
        groups = (self.cpu, self.gpu, self.npu, self.memory, self.identify, self.example)
        named = {group.source for group in groups if group is not None}
        if missing := sorted(named - self.sources.keys()):
            raise ValueError(f"sources has no entry for {', '.join(missing)}")
        if unused := sorted(self.sources.keys() - named):
            raise ValueError(f"no fact refers to these sources: {', '.join(unused)}")
        return self


def is_pattern(value: str) -> bool:
    """Whether an accepted value is written as a regular expression, between slashes."""
    return len(value) > 2 and value[0] == value[-1] == "/"


def _matches(accepted: str, value: str) -> bool:
    if is_pattern(accepted):
        return re.fullmatch(accepted[1:-1], value, re.IGNORECASE) is not None
    return accepted.casefold() == value.casefold()
