"""What is chosen of a backend, by one word: so that parameters of tests stay short."""

from __future__ import annotations

from typing import Any

from mobilebench.core.axes import OFFERED
from mobilebench.core.records import Case
from mobilebench.engines.registry import engines


def axes(engine: str, backend: str, choice: str = "") -> dict[str, Any]:
    """The axes of a backend: `choice` on the one that offers it, the default on the others.

    A choice that none of them offers is made on the first of them. `xnnpack-fp16` chooses on two axes.
    """
    declared = next((one for one in engines()[engine].backends if one.name == backend), None)
    if declared is None:
        return {"wasm_build": choice} if choice else {}
    words = choice.split("-") if choice == "xnnpack-fp16" else [choice]
    found = {
        name: next((word for word in words if word in values), values[0]) for name, values in declared.axes.items()
    }
    if choice and not any(value in words for value in found.values()):
        found |= {next(iter(found), "wasm_build"): choice}
    return found


def chosen(case: Case) -> str:
    """What a case chooses of its backend, such as `simd`; empty where there is nothing to choose."""
    return " ".join(str(value) for name in OFFERED if (value := getattr(case, name)) not in (None, "fp32"))
