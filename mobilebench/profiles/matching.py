"""Find a phone's profile by its Android properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilebench.profiles.loader import all_profiles, user_folder
from mobilebench.profiles.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

DECISIVE = (
    "ro.soc.model",
    "ro.hardware.chipname",
    "ro.mediatek.platform",
    "ro.vendor.mediatek.platform",
    "ro.board.platform",
    "ro.hardware",
)
"""Properties that name a chip, most exact first."""


_NOTHING = {"", "unknown", "undefined", "none", "null", "n/a", "na", "not available", "to be filled by o.e.m."}


def property_value(properties: Mapping[str, str], name: str) -> str:
    """A property's value; "" if it is missing or a placeholder such as `unknown`."""
    value = properties.get(name, "").strip()
    return "" if value.casefold() in _NOTHING else value


def match(properties: Mapping[str, str]) -> Profile | None:
    """The profile of the phone with these properties, or None.

    Board platforms are shared by chips of one family (an SM8475 reports `taro` like an SM8450),
    so they never overrule a `ro.soc.model` that no profile knows.
    """
    for name in DECISIVE:
        if value := property_value(properties, name):
            profiles = [profile for profile in all_profiles() if profile.identify.accepts(name, value)]
            if profiles:
                return profiles[0]
            if name == "ro.soc.model":
                return None
    return None


def best_name(properties: Mapping[str, str]) -> str:
    """Name for a chip without a profile: maker and model, if the phone reports them."""
    model = next((value for name in DECISIVE if (value := property_value(properties, name))), "")
    maker = property_value(properties, "ro.soc.manufacturer")
    return f"{maker} {model}".strip() or "unknown"


def advice(properties: Mapping[str, str]) -> str:
    """How to add the profile that this phone lacks: which file, and which properties identify its chip."""
    identifying = [f"{name}={value}" for name in DECISIVE if (value := property_value(properties, name))]
    instruction = (
        f"identify the SoC by {', '.join(identifying)}"
        if identifying
        else "identify the SoC by ro.product.board, because no property names its chip"
    )
    return (
        f"There is no device profile for this SoC ({best_name(properties)}). The phone can be measured without one. "
        f"To add one, write {user_folder() / 'NAME.yaml'} and {instruction}; docs/devices.md shows how."
    )
