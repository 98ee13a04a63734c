"""Facts about SoCs and phones, and how a phone is matched to them."""

from __future__ import annotations

from mobilebench.profiles.catalogue import (
    DECISIVE,
    advice,
    all_profiles,
    best_name,
    load,
    match,
    property_value,
    user_folder,
)
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
