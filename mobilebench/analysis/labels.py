"""Labels for targets, cases and durations, the same in terminal, HTML, Markdown and CSV."""

from __future__ import annotations

import re
import unicodedata

from mobilebench.core.axes import AXES, NO_MODEL, NODE, OFFERED
from mobilebench.core.records import Case, SetupPart, TargetInfo

SETUP_PARTS: dict[SetupPart, str] = {
    "framework_download": "framework download",
    "framework_init": "framework start",
    "library_load": "library load",
    "model_download": "model download",
    "model_read": "model read",
    "model_init": "model start",
    "as_shipped": "the engine's own loader",
    "session_creation": "session creation",
    "delegate_preparation": "delegate preparation",
}
MEMORY_STAGES: dict[str, str] = {
    "process_start": "process start",
    **{str(part): name for part, name in SETUP_PARTS.items()},
    "inputs": "inputs made",
    "warmup": "warmup",
    "prediction": "predictions",
}
"""Stage that had just ended at a reading of a memory pass, to its name."""
_BREAK = re.compile(r"[ \t]*(\r\n|\r|\n)\s*")
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str) -> str:
    """Text from a device or a page without control, direction-changing and invisible characters (shown as �).

    A line break is shown as ` / `.
    """
    if text.isprintable():
        return text
    text = _BREAK.sub(" / ", text.rstrip("\r\n"))
    return "".join("\ufffd" if unicodedata.category(character) in _HIDDEN else character for character in text)


def filed_under(info: TargetInfo) -> str:
    """The SoC under which a target's results are filed: for a virtual target always this computer's CPU."""
    if info.virtual and not info.soc.startswith("virtual: "):
        return "virtual: unknown CPU"
    return info.soc


def is_web(case: Case) -> bool:
    """Whether the case's engine is one for browsers."""
    return case.browser is not None


def in_page(case: Case) -> bool:
    """Whether the case's engine runs in a page. In Node a web engine runs outside of any page."""
    return case.browser not in (None, NODE)


def engine_label(case: Case) -> str:
    """Engine, backend and the backend's options, such as `tfjs wasm simd-threads`."""
    return case.way


def threads_label(threads: int) -> str:
    return AXES["threads"].label(threads)


def case_label(case: Case, *, browser: bool = True, threads: bool = True) -> str:
    """A case's label within its target and model, such as `tfjs wasm simd-threads, 2 threads, chrome`."""
    return ", ".join([engine_label(case), *case_details(case, browser=browser, threads=threads)])


_ELSEWHERE = {"target", "engine", "backend", *OFFERED, "model", "precision", "batch"}
"""Axes that are shown in other labels and headings."""


def case_details(case: Case, *, browser: bool = True, threads: bool = True) -> list[str]:
    """The other properties that identify a case within its model: threads, browser, cores, caches, downloads."""
    left_out = _ELSEWHERE | ({"browser"} if not browser else set()) | ({"threads"} if not threads else set())
    values = ((axis, getattr(case, name)) for name, axis in AXES.items() if name not in left_out)
    return [axis.label(value) for axis, value in values if axis.mentioned(value)]


_ENDS = 12, 19
"""Characters at the beginning and the end of a scenario's name that are kept where it is too long."""


def short_scenario(name: str) -> str:
    """A scenario's name for a narrow place: without `https://`, and at most 32 characters, with both of its ends."""
    plain = re.sub(r"^https?://", "", name).rstrip("/")
    first, last = _ENDS
    return printable(plain if len(plain) <= first + 1 + last else f"{plain[:first]}…{plain[-last:]}")


def model_label(model: str, precision: str, batch: int) -> str:
    """Such as `mobilenet_v2 fp32, batch 1`."""
    return "no inference" if model == NO_MODEL else f"{model} {precision}, batch {batch}"


def plain_model_label(model: str, precision: str, batch: int) -> str:
    """The model's name, with precision and batch only if they are not `fp32` and 1."""
    return model if (precision, batch) == ("fp32", 1) and model != NO_MODEL else model_label(model, precision, batch)


def duration(ms: float) -> str:
    """Milliseconds with about three digits and without a unit: `0.412`, `4.12`, `41.2`, `4120`, `15 900`."""
    if ms == 0:
        return "0"
    for limit, digits in ((0.9995, 3), (9.995, 2), (99.95, 1)):
        if ms < limit:
            return f"{ms:.{digits}f}"
    return f"{ms:.0f}" if ms < 9999.5 else f"{ms:,.0f}".replace(",", "\u202f")


def size(kib: float) -> str:
    """Memory as `812 KiB`, `24.1 MiB` or `1.32 GiB`."""
    for limit, unit in ((2**20, "GiB"), (2**10, "MiB")):
        if kib >= 0.9995 * limit:
            value = kib / limit
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"
    return f"{kib:.0f} KiB"


def amount(count: float) -> str:
    """A number of operations or parameters as `892`, `3.49 M` or `601 M`."""
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * limit:
            value = count / limit
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}\u202f{unit}"
    return f"{count:.0f}"


def percent(share: float) -> str:
    """A share as `97.3 %`, `0.4 %` or `< 0.1 %`."""
    if 0 < share < 0.0005:
        return "< 0.1\u202f%"
    return f"{share * 100:.1f}\u202f%"


def factor(value: float) -> str:
    """A ratio such as `3.12`, `31.2` or `120`."""
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"


def ratio(value: float) -> str:
    """A ratio with its sign: `3.12×`."""
    return f"{factor(value)}×"
