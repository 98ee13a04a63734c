"""Runs without what identifies phones, people and computers: serials, addresses, names of hosts and users."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Record, Run, RunInfo, StoredEvent
from mobilebench.results.redaction import PLAIN, Redaction

SUFFIX = "-anonymous"
"""End of the id of an anonymised run, which has other content than the original."""
_IDS = frozenset({"id", "target", "machine"})
"""Fields whose whole text can be the id of a phone, however short it is."""

R = TypeVar("R", bound=Record)


class Anonymiser:
    """Replaces identifying facts in runs, journals and logs. A phone has the same pseudonym (`phone-1`) everywhere."""

    def __init__(self, infos: Iterable[RunInfo]) -> None:
        """Choose the pseudonyms.

        Args:
            infos: the runs; their phones are numbered in this order.
        """
        self._redaction = Redaction([target for info in infos for target in info.targets], style=PLAIN)

    def run(self, run: Run) -> Run:
        """The run under an id of its own, without what identifies, and without how it came into its store.

        Raises:
            BadInput: a serial or a name is also a word of the format, so the result would be no run.
        """
        info = self._record(run.info.model_copy(update={"imports": []}))
        return Run(
            info=info.model_copy(update={"id": f"{run.info.id.removesuffix(SUFFIX)}{SUFFIX}"}),
            planned=list(self._records(run.planned)),
            blocks=list(self._records(run.blocks)),
            models=list(self._records(run.models)),
        )

    def events(self, events: Sequence[StoredEvent]) -> list[StoredEvent]:
        """Events of a run without what identifies."""
        return list(self._records(events))

    def line(self, text: str) -> str:
        """A line of a journal or of a log without what identifies."""
        return self._redaction.apply(text)

    def _records(self, records: Iterable[R]) -> Iterator[R]:
        return map(self._record, records)

    def _record(self, record: R) -> R:
        values = self._value(record.model_dump(mode="json", by_alias=True), "")
        try:
            return type(record).model_validate_json(json.dumps(values))
        except ValueError as error:
            raise BadInput(
                f"The run cannot be anonymised, because a name in it is also a word of the format ({error}).",
                hint="Export it without --anonymise.",
            ) from error

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            if key in _IDS and value in self._redaction.ids:
                return self._redaction.ids[value]
            return self._redaction.apply(value, key)
        if isinstance(value, list):
            if value and isinstance(value[0], int | float):
                return value
            return [self._value(one, key) for one in value]
        if isinstance(value, dict):
            return {self._redaction.apply(name): self._value(one, name) for name, one in value.items()}
        return value
