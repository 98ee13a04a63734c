"""Names of browsers: `chrome`, `firefox`, and named builds of them such as `chrome@beta`."""

from __future__ import annotations

import re
from typing import Literal, cast

Family = Literal["chrome", "firefox"]

FAMILIES: tuple[Family, ...] = ("chrome", "firefox")
TITLES: dict[Family, str] = {"chrome": "Chrome", "firefox": "Firefox"}
PATTERN = r"^(chrome|firefox)(@[A-Za-z0-9][A-Za-z0-9._-]{0,40})?$"
"""Pattern of names such as `chrome`, `firefox` and `chrome@beta`."""
_PACKAGE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*){2,}", re.ASCII)


def is_name(name: str) -> bool:
    """Whether this is a valid browser name."""
    return re.fullmatch(PATTERN.strip("^$"), name) is not None


def is_package(word: str) -> bool:
    """Whether this is a valid Android package name, such as `com.android.chrome`."""
    return _PACKAGE.fullmatch(word) is not None


def family(name: str) -> Family:
    """The kind of browser, which decides how it is driven."""
    return cast(Family, name.partition("@")[0])


def title(name: str) -> str:
    """The browser's title for messages."""
    return TITLES[family(name)] if name in FAMILIES else name
