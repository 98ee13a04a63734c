"""What may be given with `mobilebench run --resume`: a run is continued as it was planned, so nothing that would change
it is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from mobilebench.cli import care_words
from mobilebench.cli.output import print_json, print_table, say
from mobilebench.cli.pasted import is_typed

if TYPE_CHECKING:
    from mobilebench.core.records import PlannedBlock, Run

ALLOWED = frozenset(
    {
        "resume",
        "retry",
        "wait_for_phone",
        "blocked_too",
        "out",
        "store_at",
        "json",
        "dry_run",
        "rack",
        "rack_certificates",
        "engine_library",
        "keep_app",
        "browser_path",
    }
)
"""Parameters of `run` that have an effect with `--resume`: how it is continued, and where things are."""


def refuse_changes(context: typer.Context, run: Run) -> None:
    """Refuse options that a run that was begun cannot take any more.

    Raises:
        BadInput: such an option stands on the command line; the message says what the run uses instead.
    """
    from mobilebench.core.errors import BadInput

    given = [
        (one.name, max(one.opts, key=len))
        for one in context.command.params
        if one.name and one.name not in ALLOWED and is_typed(context, one.name)
    ]
    if not given:
        return
    options = " and ".join(option for _, option in given)
    used = [words for name, _ in given if (words := uses(name, run))]
    raise BadInput(
        f"{options} cannot change run {run.info.id}, which was planned when it began."
        + "".join(f" It uses {words}." for words in dict.fromkeys(used)),
        hint=f"Leave {options} out to continue that run, or begin a new one without --resume.",
    )


def uses(name: str, run: Run) -> str | None:
    """What a run uses for a parameter of `run`, as a clause; None where only its suite tells."""
    if name in _OF_RUN:
        return _OF_RUN[name](run)
    if name in _OF_BLOCKS:
        title, words = _OF_BLOCKS[name]
        return f"{title} {_listed(words(block) for block in run.planned)}"
    from mobilebench.core.axes import AXES

    if axis := AXES.get(name):
        values = [getattr(block.case, name) for block in run.planned]
        return f"{axis.title} {_listed(str(value) for value in values if value is not None)}"
    return None


def print_what_is_left(run: Run, left: Sequence[PlannedBlock], *, json: bool) -> None:
    """Print which blocks `--resume` would measure."""
    if json:
        print_json({"run": run.info.id, "blocks": [one.model_dump(mode="json", by_alias=True) for one in left]})
        return
    counted = Counter((block.case.key, block.pass_) for block in left)
    print_table(["case", "pass", "blocks left"], [(case, pass_, count) for (case, pass_), count in counted.items()])
    say(f"Run {run.info.id}: {len(left)} of {len(run.planned)} planned blocks are left.")
    for sentence in care_words.sentences(left):
        say(sentence)


_MOST_NAMED = 6


def _listed(words: Iterable[str]) -> str:
    found = list(dict.fromkeys(words))
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return ", ".join(found[:_MOST_NAMED]) + more or "none"


def _gates(block: PlannedBlock) -> str:
    from mobilebench.suite import gates

    return gates.describe(block.conditions.gates)


def _recorded(block: PlannedBlock) -> str:
    return ",".join(
        one.recorder if one.interval_ms is None else f"{one.recorder}@{one.interval_ms:g}ms"
        for one in block.conditions.record
    )


def _goal(run: Run) -> str:
    goal = run.info.goal
    if goal is None:
        return "no goal for its intervals"
    within = f"--within {goal.within:.3g}"
    return within if goal.budget is None else f"{within} --budget {goal.budget:g}s"


_OF_RUN: Mapping[str, Callable[[Run], str]] = {
    "serial": lambda run: f"the targets {_listed(info.id for info in run.info.targets)}",
    "suite": lambda run: f"suite {run.info.suite}",
    "seed": lambda run: f"seed {run.info.seed}",
    "within": _goal,
    "budget": _goal,
    "record": lambda run: f"the recorders {_listed(words for block in run.planned if (words := _recorded(block)))}",
    "blocks": lambda run: f"{len({block.round for block in run.planned if block.pass_ == 'timing'})} rounds of timing",
}
_OF_BLOCKS: Mapping[str, tuple[str, Callable[[PlannedBlock], str]]] = {
    "gate": ("the gate", _gates),
    "conditions": ("the conditions", lambda block: block.conditions.device or "none"),
    "passes": ("the passes", lambda block: block.pass_),
    "meter": ("the meter", lambda block: (block.conditions.energy and block.conditions.energy.meter) or "none"),
    "seconds": ("the rule", lambda block: block.rule.describe()),
    "time_limit": ("the rule", lambda block: block.rule.describe()),
    "priority": ("priority", lambda block: str(block.conditions.priority)),
    "model_access": ("model access", lambda block: block.conditions.model_access),
}
