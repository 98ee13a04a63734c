"""The browser in which a person opened the page, as a target. All that is known of it is what the browser reports."""

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
    """The target for a press on “run”, before the browser has reported what it is."""
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
    """The target as a page's browser describes itself and its machine.

    Args:
        agent: its user agent (`navigator.userAgent`); may be any text.
        cores: number of cores as it reports it; 1 is assumed for None.
        renderer: the GPU with which its pages draw, if known.
        renderer_software: whether the renderer is software, which runs on the processor.
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
    """The first name whose pattern occurs in the user agent, with the matched text."""
    for name, pattern in known:
        if found := re.search(pattern, agent):
            return name, found[found.lastindex or 0].strip()
    return otherwise, _UNKNOWN
