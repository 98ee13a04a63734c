"""SoC and phone facts: schema and matching."""

from __future__ import annotations

from mobilebench.profiles.loader import all_profiles, load, user_folder
from mobilebench.profiles.matching import DECISIVE, advice, best_name, match, property_value
from mobilebench.profiles.schema import Profile

__all__ = [
    "DECISIVE",
    "Profile",
    "advice",
    "all_profiles",
    "best_name",
    "load",
    "match",
    "property_value",
    "user_folder",
]
