"""Parse the renderer names of graphics drivers: the GPU's name, and whether it is a software renderer."""

from __future__ import annotations

import re

_SOFTWARE = re.compile(
    r"swiftshader|llvmpipe|lavapipe|softpipe|swrast|software|basic render|pixelflinger", re.IGNORECASE
)
"""The same patterns as in `web/src/gpu.ts`."""
_ANGLE = re.compile(r"\bANGLE \(")
_API = re.compile(r"^(?:Vulkan|OpenGL(?: ES)?|Metal|Direct3D)\b[^(]*\(")
_CODE = re.compile(r"\s*\(0x[0-9A-Fa-f]+\)$")
_COMPANY = re.compile(r"(?:co|inc|ltd|llc|corp|corporation|limited|gmbh|s\.a)\.?(?: \(.*\))?", re.IGNORECASE)


def is_software(renderer: str) -> bool:
    """Whether the renderer with this name draws on the CPU."""
    return _SOFTWARE.search(renderer) is not None


def plain_name(renderer: str) -> str:
    """The GPU's own name, without a wrapper such as `ANGLE (ARM, Vulkan 1.3.1 (Mali-G715 (0x0)), …)`."""
    found = _ANGLE.search(renderer)
    if not found:
        return renderer.strip()
    parts = without_company(fields(_inside(renderer, found.end() - 1)))
    name = parts[0] if len(parts) < 2 else parts[1]
    if api := _API.match(name):
        name = _inside(name, api.end() - 1)
    return _CODE.sub("", name).strip() or renderer.strip()


def fields(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    found, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found]


def without_company(parts: list[str]) -> list[str]:
    """Join the first field, a company's name, with following fields such as `Co.` or `Ltd.`; keep the others."""
    count = 1
    while count < len(parts) and _COMPANY.fullmatch(parts[count]):
        count += 1
    return [", ".join(parts[:count]), *parts[count:]]


def _inside(text: str, opening: int) -> str:
    """The text inside the parentheses that open at this index; the rest of the text if they do not close."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[opening + 1 : place]
    return text[opening + 1 :]
