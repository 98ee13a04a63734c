"""From a suite, targets and a selection to the ordered list of blocks that a session measures."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mobilebench.errors import BadInput, NothingToMeasure
from mobilebench.results.records import Case, PlannedBlock, TargetInfo
from mobilebench.suite.schema import AUTO, Group, Suite, TargetClass
from mobilebench.suite.vocabulary import Vocabulary, unknown, vocabulary


@dataclass(frozen=True)
class Selection:
    """What of a suite to measure; an empty field does not filter.

    `models`, `variants`, `batches` and `threads` replace the suite's own, and so may name others; the rest filters.
    """

    models: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    browsers: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What will be measured, in order."""

    suite: Suite
    targets: tuple[TargetInfo, ...]
    seed: int
    blocks: tuple[PlannedBlock, ...]

    def of(self, target: str) -> tuple[PlannedBlock, ...]:
        """The blocks of one target, in order."""
        return tuple(block for block in self.blocks if block.case.target == target)


def plan(
    suite: Suite,
    targets: Sequence[TargetInfo],
    selection: Selection = Selection(),
    seed: int = 0,
    *,
    words: Vocabulary | None = None,
) -> Plan:
    """Lay out every block: a round holds each case of a target once, in an order that follows from seed and target.

    Raises:
        BadInput: the selection names something that does not exist.
        NothingToMeasure: no case is left; the message says which filter took them.
    """
    words = words or vocabulary()
    check(selection, words)
    wanted = {info.id: _cases(suite, info, selection, words) for info in targets}
    if not any(wanted.values()):
        raise _nothing(suite, targets, selection, words)
    rounds = max(count for cases in wanted.values() for count in cases.values())
    ordered = [
        (number, case)
        for number in range(rounds)
        for target, cases in wanted.items()
        for case in _shuffled([case for case, count in cases.items() if count > number], seed, target, number)
    ]
    blocks = tuple(
        PlannedBlock(index=index, round=number, case=case, rule=suite.rule)
        for index, (number, case) in enumerate(ordered)
    )
    return Plan(suite=suite, targets=tuple(targets), seed=seed, blocks=blocks)


def check(selection: Selection, words: Vocabulary) -> None:
    """Raise `BadInput` for the first name in the selection that does not exist."""
    known: dict[str, tuple[tuple[str, ...], Collection[str]]] = {
        "model": (selection.models, words.models),
        "engine": (selection.engines, tuple(words.engines)),
        "backend": (selection.backends, tuple(words.backends())),
        "setting": (selection.settings, tuple(words.settings())),
        "browser": (selection.browsers, words.browsers),
        "variant": (selection.variants, words.variants),
    }
    for kind, (chosen, names) in known.items():
        for name in chosen:
            if name not in names:
                problem, hint = unknown(kind, name, names)
                raise BadInput(f"T{problem[1:]}.", hint=hint)
    for kind, counts in (("batch", selection.batches), ("threads", selection.threads)):
        if bad := [count for count in counts if count < 1]:
            raise BadInput(f"--{kind} must be at least 1, not {bad[0]}.")


def matches(info: TargetInfo, classes: Sequence[TargetClass]) -> bool:
    """Whether a target is of one of these classes."""
    if info.kind == "host":
        return "host" in classes
    return "android" in classes or ("virtual" if info.virtual else "real") in classes


def _cases(suite: Suite, info: TargetInfo, selection: Selection, words: Vocabulary) -> dict[Case, int]:
    """The target's cases and how often each is measured. A case in two groups belongs to the first."""
    found: dict[str, tuple[Case, int]] = {}
    for group in suite.groups:
        if matches(info, group.targets):
            for case, blocks in _of_group(suite, group, info, selection, words):
                found.setdefault(case.key, (case, blocks))
    return dict(found.values())


def _of_group(
    suite: Suite, group: Group, info: TargetInfo, selection: Selection, words: Vocabulary
) -> Iterator[tuple[Case, int]]:
    limits = group.on_software_gpu if info.gpu_software else None
    blocks = (limits and limits.blocks) or group.blocks or suite.blocks
    allowed = [names for names in (group.models, limits and limits.models) if names]
    models = [name for name in selection.models or suite.models if all(name in names for names in allowed)]
    for engine, backend, setting, browser in _ways(suite, group, info, selection, words):
        threads = selection.threads or group.threads or suite.threads
        if setting in words.backend(engine, backend).single_threaded:
            threads = [1]
        for model in models:
            for variant in selection.variants or group.variants or suite.variants:
                for batch in selection.batches or group.batches or suite.batches:
                    for count in threads:
                        case = Case(
                            target=info.id,
                            engine=engine,
                            backend=backend,
                            setting=setting,
                            threads=count,
                            browser=browser,
                            model=model,
                            variant=variant,
                            batch=batch,
                        )
                        yield case, blocks


def _ways(
    suite: Suite, group: Group, info: TargetInfo, selection: Selection, words: Vocabulary
) -> Iterator[tuple[str, str, str, str | None]]:
    """Engine, backend, setting and browser of a group, as far as they are selected."""
    for engine, backends in group.engines.items():
        if selection.engines and engine not in selection.engines:
            continue
        browsers: Sequence[str | None] = [None]
        if words.engines[engine].kind == "web":
            browsers = [
                name
                for name in group.browsers or suite.browsers
                if not selection.browsers or name in selection.browsers
            ]
        elif selection.browsers:
            continue
        for backend, settings in backends.items():
            if selection.backends and backend not in selection.backends:
                continue
            known = words.backend(engine, backend).settings
            for setting in _settings(settings, info, selection, known):
                for browser in browsers:
                    yield engine, backend, setting, browser


def _settings(stated: Sequence[str], info: TargetInfo, selection: Selection, known: Sequence[str]) -> list[str]:
    """`auto` stands for the GPU that the target has, or for the one that is selected by name."""
    found: list[str] = []
    for setting in stated:
        if setting != AUTO:
            found += [setting] if not selection.settings or setting in selection.settings else []
        elif not selection.settings or AUTO in selection.settings:
            found.append("software" if info.gpu_software else "hardware")
        else:
            found += [name for name in selection.settings if name in known]
    return list(dict.fromkeys(found))


def _shuffled(cases: list[Case], seed: int, target: str, number: int) -> list[Case]:
    """An order that is the same in every process and Python version (text seeds are hashed by SHA-512)."""
    ordered = sorted(cases, key=lambda case: case.key)
    random.Random(f"{seed}:{target}:{number}").shuffle(ordered)  # noqa: S311
    return ordered


def _nothing(suite: Suite, targets: Sequence[TargetInfo], selection: Selection, words: Vocabulary) -> NothingToMeasure:
    """Say which filter took every case: one alone, or several together."""
    if not targets:
        return NothingToMeasure(
            "There is no target to measure on.",
            hint="`mobilebench devices` shows what is attached; `mobilebench virtual up` starts virtual phones.",
        )

    def left(one: Selection) -> bool:
        return any(_cases(suite, info, one, words) for info in targets)

    where = ", ".join(info.id for info in targets)
    if not left(Selection()):
        return NothingToMeasure(
            f"Suite {suite.name} states no case for {where}.",
            hint="Choose another suite (`mobilebench describe suites`) or other targets.",
        )
    used = {field.name: values for field in dataclasses.fields(selection) if (values := getattr(selection, field.name))}
    alone = [name for name, values in used.items() if not left(Selection(**{name: values}))]
    shown = " ".join(f"{_OPTIONS[name]} {','.join(map(str, used[name]))}" for name in alone or used)
    together = "" if alone or len(used) == 1 else " together"
    return NothingToMeasure(
        f"No case of suite {suite.name} on {where} is left by {shown}{together}.",
        hint="Drop or change that filter; `--dry-run` without it shows the suite's cases.",
    )


_OPTIONS = {
    "models": "--model",
    "engines": "--engine",
    "backends": "--backend",
    "settings": "--setting",
    "browsers": "--browser",
    "variants": "--variant",
    "batches": "--batch",
    "threads": "--threads",
}
