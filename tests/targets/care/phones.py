"""Targets whose readings a test chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import TargetInfo
from mobilebench.targets.base import ShellResult
from tests.results.making import phone


def thermal(status: int = 0, **celsius: float) -> str:
    """What `dumpsys thermalservice` prints, with sensors such as `skin=41.2`."""
    kinds = {"cpu": 0, "gpu": 1, "battery": 2, "skin": 3}
    sensors = [
        f"\tTemperature{{mValue={of}, mType={kinds[name]}, mName={name}, mStatus=0}}" for name, of in celsius.items()
    ]
    head = ["IsStatusOverride: false", f"Thermal Status: {status}", "HAL Ready: true"]
    return "\n".join([*head, *(["Current temperatures from HAL:", *sensors] if sensors else [])]) + "\n"


def battery(celsius: float = 27.4, level: int = 87, status: int = 2) -> str:
    """What `dumpsys battery` prints."""
    return (
        "Current Battery Service state:\n"
        f"  status: {status}\n  present: true\n  level: {level}\n  scale: 100\n  voltage: 4120\n"
        f"  temperature: {round(celsius * 10)}\n"
    )


Answer = str | Exception | Callable[[], str]


@dataclass
class Scripted:
    """Answers each command with the next text of its list, and then with the last one again."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    info: TargetInfo = field(default_factory=phone)
    asked: list[str] = field(default_factory=list)

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> ShellResult:
        name = " ".join(argv)
        self.asked.append(name)
        if cancel is not None and cancel.is_set():
            raise BlockFailed(f"{name} was cancelled.")
        key = next((key for key in self.answers if key in name), None)
        if key is None:
            return ShellResult(b"", b"not found\n", 127)
        answers = self.answers[key]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return ShellResult((answer if isinstance(answer, str) else answer()).encode(), b"", 0)
