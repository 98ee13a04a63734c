"""The conditions under which a phone is measured: what each of them changes, and which are asked for together.

`CONDITIONS` is the only list. `held_conditions` sets them; the tables in `docs/devices.md` are `markdown()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from mobilebench.core.errors import BadInput, as_sentence
from mobilebench.core.records import DeviceCondition, DeviceConditions
from mobilebench.targets.android.state_controls import Control, PinnedClocks, Setting, State

ConditionSet = Literal["default", "strict", "none"]
SETS: tuple[ConditionSet, ...] = get_args(ConditionSet)

SETS_MEAN: dict[ConditionSet, str] = {
    "default": "what keeps pages visible and the screen the same; a condition that the phone refuses is named, and the"
    " phone is measured without it, which makes its blocks suspect",
    "strict": "the default ones, do-not-disturb and fixed performance; what a phone refuses makes its cases"
    " `unsupported`",
    "none": "nothing is changed but what a browser needs",
}


@dataclass(frozen=True)
class Condition:
    """One condition: a part of the phone's state, and the value that it gets."""

    name: str
    """As it is given to `--conditions` and stored with each block."""
    what: str
    changes: tuple[Control, ...]
    sets: tuple[ConditionSet, ...] = ()
    """The sets that hold it; any condition can also be asked for by its name."""
    since: int = 24
    """API level from which Android has it."""
    fixes_clocks: bool = False
    """Whether it makes the regime `fixed`."""
    cuts_network: bool = False
    """Whether it would cut the connection to a phone that is reached over a network."""
    note: str = ""


_PROTECTED = re.compile(r"security ?exception|permission", re.IGNORECASE)
_USUAL: tuple[ConditionSet, ...] = ("default", "strict")

CONDITIONS: tuple[Condition, ...] = (
    Condition(
        "screen-on",
        "the screen is on, and no lock screen covers it",
        (State("screen", "on"),),
        _USUAL,
        note="a screen that was off is switched off; a lock screen with a secret stays, and counts as refused",
    ),
    Condition(
        "stay-awake",
        "the screen stays on while the phone is plugged in",
        (Setting("global", "stay_on_while_plugged_in", "7"),),
        _USUAL,
    ),
    Condition(
        "brightness",
        "half brightness, not automatic",
        (Setting("system", "screen_brightness_mode", "0"), Setting("system", "screen_brightness", "128")),
        _USUAL,
    ),
    Condition(
        "rotation",
        "upright, and locked",
        (Setting("system", "accelerometer_rotation", "0"), Setting("system", "user_rotation", "0")),
        _USUAL,
    ),
    Condition(
        "animations",
        "the three scales of animations are 0",
        (
            Setting("global", "window_animation_scale", "0"),
            Setting("global", "transition_animation_scale", "0"),
            Setting("global", "animator_duration_scale", "0"),
        ),
        _USUAL,
    ),
    Condition(
        "do-not-disturb",
        "only alarms interrupt",
        (State("do_not_disturb", "alarms"),),
        ("strict",),
        since=30,
    ),
    Condition(
        "fixed-performance",
        "Android keeps the clocks at a level that the maker calls sustainable",
        (State("fixed_performance", "true"),),
        ("strict",),
        since=30,
        fixes_clocks=True,
        note="Android does not tell whether it is on: it counts as off before the run, and is switched off afterwards",
    ),
    Condition(
        "radios-off",
        "Wi-Fi, mobile data and Bluetooth are off",
        (State("wifi", "off"), State("mobile_data", "off"), State("bluetooth", "off")),
        cuts_network=True,
        note="refused if the phone is reached over a network",
    ),
    Condition(
        "pinned-clocks",
        "each cluster's governor is `performance`, and its lowest clock is its highest",
        (PinnedClocks(),),
        fixes_clocks=True,
        note="needs root: adbd as root, or `su`",
    ),
)
BY_NAME = {one.name: one for one in CONDITIONS}


@dataclass(frozen=True)
class Asked:
    """Conditions that are asked for: a set, and further ones by name."""

    set: ConditionSet = "default"
    further: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The canonical form, such as `strict,radios-off`."""
        return ",".join([self.set, *self.further])

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions in the order in which they are set."""
        return tuple(one for one in CONDITIONS if self.set in one.sets or one.name in self.further)

    def requires(self, condition: Condition) -> bool:
        """Whether a block may only be measured under this condition, rather than be marked."""
        return self.set == "strict" or condition.name in self.further


def parse(text: str) -> Asked:
    """Read `strict`, `radios-off` (with the default set) or `none,fixed-performance`.

    Raises:
        BadInput: a name is not known, two sets are named, or two conditions exclude each other.
    """
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise BadInput("No conditions are named.", hint=_known())
    for word in words:
        if word not in SETS and word not in BY_NAME:
            raise BadInput(as_sentence(f"there is no condition “{word[:40]}”"), hint=_known())
    sets = [word for word in SETS if word in words]
    if len(sets) > 1:
        raise BadInput(
            f"The conditions {' and '.join(sets)} exclude each other.", hint="Name one set, and single conditions."
        )
    chosen: ConditionSet = sets[0] if sets else "default"
    asked = Asked(chosen, tuple(one.name for one in CONDITIONS if one.name in words and chosen not in one.sets))
    fixing = [one.name for one in asked.conditions if one.fixes_clocks]
    if len(fixing) > 1:
        raise BadInput(f"The conditions {' and '.join(fixing)} both decide the clocks.", hint="Ask for one of them.")
    return asked


def _known() -> str:
    return f"Sets are {', '.join(SETS)}; conditions are {', '.join(BY_NAME)}."


def missing(found: DeviceConditions) -> str | None:
    """Why a block may not be measured: a required condition does not hold. None if it may."""
    wanted = parse(found.asked)
    required = {one.name for one in wanted.conditions if wanted.requires(one)}
    lacking = [one for one in found.conditions if one.name in required and not one.holds]
    if not lacking:
        return None
    return (
        f"the phone does not hold the conditions {found.asked}: {describe(lacking)}. Choose others with --conditions; "
        "`default` measures without what is refused"
    )


def describe(lacking: Sequence[DeviceCondition]) -> str:
    """Such as `brightness, rotation (refused: …), fixed-performance (unavailable: needs Android 11)`, and how to allow
    what the phone does not let adb do.
    """
    names: dict[tuple[str, str | None], list[str]] = {}
    for one in lacking:
        names.setdefault((one.state, one.reason), []).append(one.name)
    parts = [f"{', '.join(found)} ({state}: {reason or 'no reason'})" for (state, reason), found in names.items()]
    hint = ""
    if any(_PROTECTED.search(one.reason or "") for one in lacking):
        from mobilebench.targets.android.shell import ALLOW_HINT

        hint = f". {ALLOW_HINT.removesuffix('.')}"
    return ", ".join(parts) + hint


def markdown() -> str:
    """The tables of `docs/devices.md`."""
    from mobilebench.virtual.android.abilities import RELEASES

    sets = ["| set | conditions |", "|---|---|", *(f"| `{name}` | {SETS_MEAN[name]} |" for name in SETS)]
    head = ["| condition | what holds | sets | changed by | from Android | notes |", "|---|---|---|---|---|---|"]
    rows = [
        f"| `{one.name}` | {one.what} | {_list(one.sets) or 'only by name'} | {_list(_commands(one))} |"
        f" {RELEASES[one.since]} | {one.note} |"
        for one in CONDITIONS
    ]
    return "".join(f"{line}\n" for line in [*sets, "", *head, *rows])


def _commands(condition: Condition) -> Iterable[str]:
    return [change.set_by for change in condition.changes]


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
