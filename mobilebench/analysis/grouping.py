"""Groups targets by a fact about them: their SoC, instruction set, GPU vendor, and other fields of the device profile.

A virtual target has none of the facts of the phone that it imitates, so it always stands under this computer's CPU.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mobilebench.analysis.summary import TargetSummary
from mobilebench.core.errors import BadInput
from mobilebench.core.records import TargetInfo
from mobilebench.profiles.schema import Profile

DEFAULT = "soc"
UNKNOWN = "unknown"
"""The group of targets whose fact is not known, such as a profile's fact for a computer."""
_GPU_VENDORS = {
    r"\b(swiftshader|llvmpipe|softpipe)\b": "software",
    r"\badreno\b": "Qualcomm",
    r"\b(mali|immortalis)\b": "Arm",
    r"\bxclipse\b": "Samsung",
    r"\bmaleoon\b": "HiSilicon",
    r"\b(powervr|img)\b": "Imagination",
    r"\b(nvidia|geforce|tegra)\b": "NVIDIA",
    r"\b(amd|radeon)\b": "AMD",
    r"\bintel\b": "Intel",
    r"\bapple\b": "Apple",
}
"""Pattern of a GPU's name to the vendor of its design."""


@dataclass(frozen=True)
class Grouping:
    """A fact by which targets can be grouped."""

    title: str
    """Such as `GPU vendor`."""
    read: Callable[[TargetInfo, Profile | None], str | int | None]
    """The fact of a real target, from what it reported and its device profile; None if it is not known."""


def gpu_vendor(name: str) -> str | None:
    """The vendor of a GPU's design by the GPU's name, such as `Arm` for `Mali-G710`; `software` if the CPU draws."""
    found = (vendor for pattern, vendor in _GPU_VENDORS.items() if re.search(pattern, name, re.IGNORECASE))
    return next(found, None)


def _gpu(info: TargetInfo, profile: Profile | None) -> str | None:
    return info.gpu or (profile.gpu.name if profile else None)


def _gpu_vendor(info: TargetInfo, profile: Profile | None) -> str | None:
    name = _gpu(info, profile)
    return gpu_vendor(name) if name else None


GROUPINGS: dict[str, Grouping] = {
    "soc": Grouping("SoC", lambda info, _: info.soc),
    "isa": Grouping("instruction set", lambda info, _: info.abi),
    "vendor": Grouping("SoC vendor", lambda _, profile: profile.vendor if profile else None),
    "year": Grouping("year of the SoC", lambda _, profile: profile.year if profile else None),
    "core": Grouping("fastest core", lambda _, profile: profile.cpu.clusters[0].core if profile else None),
    "cores": Grouping("number of cores", lambda info, profile: profile.cores if profile else info.cores),
    "gpu": Grouping("GPU", _gpu),
    "gpu_vendor": Grouping("GPU vendor", _gpu_vendor),
    "npu": Grouping("NPU", lambda _, profile: profile.npu.name if profile and profile.npu else None),
    "memory": Grouping("memory type", lambda _, profile: profile.memory.type if profile and profile.memory else None),
    "maker": Grouping("maker", lambda info, _: info.manufacturer),
    "os": Grouping("system", lambda info, _: info.os),
    "kind": Grouping("kind of target", lambda info, _: info.kind),
}
"""Every fact by which targets can be grouped, by its name in the command line."""


def grouping(name: str) -> Grouping:
    """The grouping of this name.

    Raises:
        BadInput: there is none; the hint names those that exist.
    """
    if name not in GROUPINGS:
        raise BadInput(
            f"Targets cannot be grouped by {name!r}.", hint=f"These facts can be used: {', '.join(GROUPINGS)}."
        )
    return GROUPINGS[name]


@dataclass(frozen=True)
class TargetGroup:
    """Targets with the same fact: only real ones, or only virtual ones."""

    name: str
    """The fact, or `virtual: <CPU>` for virtual targets."""
    virtual: bool
    targets: tuple[TargetSummary, ...]
    profile: Profile | None
    """The device profile, if all of them have the same one."""


def group_targets(targets: Iterable[TargetSummary], by: str = DEFAULT) -> tuple[TargetGroup, ...]:
    """The groups in the order of their first targets: computers, then phones, then virtual targets.

    Raises:
        BadInput: there is no such grouping.
    """
    fact = grouping(by)
    profiles = _profiles()
    found: dict[tuple[bool, str], list[TargetSummary]] = {}
    for target in sorted(targets, key=lambda target: (target.info.virtual, target.info.kind != "host")):
        info = target.info
        own = None if info.virtual else profiles.get(info.profile or "")
        value = target.soc if info.virtual else fact.read(info, own)
        found.setdefault((info.virtual, UNKNOWN if value is None else str(value)), []).append(target)
    return tuple(
        TargetGroup(name, virtual, tuple(members), _common(profiles, members))
        for (virtual, name), members in found.items()
    )


def _common(profiles: dict[str, Profile], members: list[TargetSummary]) -> Profile | None:
    ids = {member.info.profile for member in members}
    return profiles.get(ids.pop() or "") if len(ids) == 1 and not members[0].info.virtual else None


def _profiles() -> dict[str, Profile]:
    from mobilebench.profiles import catalogue

    return {profile.id: profile for profile in reversed(catalogue.all_profiles())}
