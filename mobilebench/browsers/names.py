"""What browsers are called: `chrome`, `firefox`, and builds of them that carry a name of their own."""

from __future__ import annotations

import re
from typing import Literal, cast

Family = Literal["chrome", "firefox"]

FAMILIES: tuple[Family, ...] = ("chrome", "firefox")
TITLES: dict[Family, str] = {"chrome": "Chrome", "firefox": "Firefox"}
PATTERN = r"^(chrome|firefox)(@[A-Za-z0-9][A-Za-z0-9._-]{0,40})?$"
"""Such as `chrome`, `firefox` and `chrome@beta`."""
_PACKAGE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*){2,}", re.ASCII)


def is_name(name: str) -> bool:
    """Whether a browser could be called so."""
    return re.fullmatch(PATTERN.strip("^$"), name) is not None


def is_package(word: str) -> bool:
    """Whether this could be an Android app's package, such as `com.android.chrome`."""
    return _PACKAGE.fullmatch(word) is not None


def family(name: str) -> Family:
    """What kind of browser it is, which decides how it is driven."""
    return cast(Family, name.partition("@")[0])


def title(name: str) -> str:
    """For sentences."""
    return TITLES[family(name)] if name in FAMILIES else name
