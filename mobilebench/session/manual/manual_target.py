"""The browser that a person opened the page in, as a target: all that is known of it is what it says."""

from __future__ import annotations

import re

from mobilebench.core.records import TargetInfo

KIND = "manual"

_UNKNOWN = "not told by the browser"
_LONGEST = 300
_BROWSERS = (("firefox", r"Firefox/([\d.]+)"), ("chrome", r"Chrom(?:e|ium)/([\d.]+)"), ("safari", r"Version/([\d.]+)"))
_SYSTEMS: tuple[tuple[str, str], ...] = (
    ("android", r"Android[^;)]*"),
    ("ios", r"iPhone OS [\d_]+|iPad[^;)]*"),
    ("linux", r"Linux[^;)]*"),
    ("windows", r"Windows[^;)]*"),
    ("mac", r"Mac OS X[^;)]*"),
)


def before_the_answer(cores: int) -> TargetInfo:
    """Whoever presses “run”, before the browser has said what it is."""
    return TargetInfo(
        id=KIND,
        kind="manual",
        machine=KIND,
        name=_UNKNOWN,
        soc=_UNKNOWN,
        os=_UNKNOWN,
        abi=_UNKNOWN,
        runner="none",
        cores=cores,
        browsers={"chrome": _UNKNOWN},
    )


def target_of(agent: str, cores: int | None, renderer: str | None, renderer_software: bool | None) -> TargetInfo:
    """What a page's browser says of itself and of its machine.

    Args:
        agent: what it calls itself (`navigator.userAgent`); may be anything.
        cores: as it tells them; 1 is assumed where it does not.
        renderer: the GPU that its pages draw with, where it was told.
        renderer_software: whether that is the processor.
    """
    agent = agent[: 2 * _LONGEST]
    browser, version = _first(_BROWSERS, agent, "browser")
    system, words = _first(_SYSTEMS, agent, "system")
    return TargetInfo(
        id=f"{KIND}:{browser}-{system}",
        kind="manual",
        machine=f"{KIND}:{browser}-{system}",
        name=f"{words} (a person's browser)",
        soc=_UNKNOWN,
        os=words,
        abi=_UNKNOWN,
        runner="none",
        cores=cores or 1,
        unknown={} if cores else {"cores": "the browser does not tell its machine's cores: 1 is assumed"},
        gpu=(renderer or "")[:_LONGEST] or None,
        gpu_software=renderer_software,
        browsers={browser: version},
        facts={"user agent": agent},
    )


def _first(known: tuple[tuple[str, str], ...], agent: str, otherwise: str) -> tuple[str, str]:
    """The first name of which the user agent holds the pattern, with what it says there."""
    for name, pattern in known:
        if found := re.search(pattern, agent):
            return name, found[found.lastindex or 0].strip()
    return otherwise, _UNKNOWN
