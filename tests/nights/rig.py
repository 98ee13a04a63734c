"""Nights over runs that tests make up: `run` adds a run with chosen times to a real store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Case, Run
from mobilebench.nights import conduct, past
from mobilebench.nights.conduct import Ended, Means
from mobilebench.nights.config import Config
from mobilebench.nights.records import Night, Phone
from mobilebench.results.store import Store
from tests.analysis import example
from tests.analysis.runs import add, run_of, times

HOST = Phone(id="host", name="example-pc", outcome="ready")
Made = Mapping[Case, Sequence[float]] | Run
Call = Made | Ended | KeyboardInterrupt
"""What a call of `run` makes, or how it ends."""


def config(**fields: Any) -> Config:
    """A configuration of one suite, with these fields."""
    return Config.model_validate({"name": "lab", "phones": "host", "suites": [{"suite": "quick"}], **fields})


def steady(level: float = 1.0, *cases: Case) -> dict[Case, list[float]]:
    """These cases, all around `level` × 10 ms."""
    return {case: times(level) for case in cases}


def failing(number: int, made: Mapping[Case, Sequence[float]], *cases: Case, outcome: str = "failed") -> Run:
    """A run in which these cases have no measurement."""
    run = run_of(number, made)
    blocks = [
        example.unmeasured(block.planned, outcome, "It fell over.", started=block.started_at)
        if block.planned.case in cases
        else block
        for block in run.blocks
    ]
    return run.model_copy(update={"blocks": blocks})


@dataclass
class Rig:
    """Conducts nights one after another."""

    folder: Path
    phones: list[Phone] = field(default_factory=lambda: [HOST])
    typed: list[list[str]] = field(default_factory=list)
    """The arguments of every call of `run`."""
    said: list[str] = field(default_factory=list)
    runs: int = 0
    nights: int = 0
    seconds: float = 0.0
    """What the clock says."""

    def night(self, made: Sequence[Call], config: Config, begun: Night | None = None) -> Night:
        """A night whose calls of `run` make these runs, or end in these ways."""
        left = list(made)

        def run(typed: Sequence[str], seconds: float | None, recorded: Callable[[str], None]) -> Ended:
            self.typed.append(list(typed))
            one = left.pop(0)
            if isinstance(one, KeyboardInterrupt):
                raise one
            if isinstance(one, Ended):
                return one
            recorded(self.add(one))
            return Ended(ExitCode.OK)

        earlier = past.nights(self.folder, config.name)
        means = Means(
            folder=self.folder,
            store=self.folder,
            run=run,
            say=self.said.append,
            examine=lambda *_, **__: list(self.phones),
            clock=lambda: self.seconds,
        )
        night = begun or self.begin(config)
        done = conduct.conduct(config, night, [one for one in earlier if one.id != night.id], means)
        assert not left, "not everything was measured"
        return done

    def begin(self, config: Config) -> Night:
        """The next night, with an id that is the same in each run of the tests."""
        self.nights += 1
        night = conduct.begin(config, example.START + timedelta(days=self.nights))
        return night.model_copy(update={"id": f"{night.begun_at:%Y%m%d-%H%M%S}-{self.nights:04x}"})

    def add(self, made: Made) -> str:
        """Add a run to the store; returns its id."""
        self.runs += 1
        run = made if isinstance(made, Run) else run_of(self.runs, made)
        with Store.open(self.folder) as store:
            add(store, run)
        return run.info.id

    def failing(self, made: Mapping[Case, Sequence[float]], *cases: Case, outcome: str = "failed") -> Run:
        """The next run, in which these cases have no measurement."""
        return failing(self.runs + 1, made, *cases, outcome=outcome)
