"""The phones of one host that runs leave out for a time. They are kept in the store of the host's own results, so they
hold for its own runs and for every client of the rack. All times are of the host's clock."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import Quarantine, TargetInfo
from mobilebench.results import quarantine
from mobilebench.results.places import Place
from mobilebench.results.store import Store

_logger = logging.getLogger(__name__)


class Quarantines:
    """The quarantines in one store.

    Args:
        place: where the store is; it is made when the first phone is put in quarantine.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def in_force(self) -> Sequence[Quarantine]:
        """Those that hold now; none while the store cannot be read."""
        try:
            return self._held()
        except MobilebenchError as error:
            _logger.warning("%s", error.text_with_hint)
            return ()

    def add(self, phone: TargetInfo, seconds: float, reason: str) -> Quarantine:
        """Leave a phone out of runs. Raises `MobilebenchError` when that cannot be stored."""
        with Store.open(self._place) as store:
            return quarantine.add(store, phone, datetime.now(UTC) + timedelta(seconds=seconds), reason)

    def lift(self, phone: TargetInfo) -> list[Quarantine]:
        """Let a phone be measured again; what was lifted. Raises `MobilebenchError` when that cannot be stored."""
        held = [one for one in self._held() if quarantine.concerns(one, phone)]
        if not held:
            return []
        with Store.open(self._place) as store:
            return quarantine.end(store, held)

    def _held(self) -> list[Quarantine]:
        store = Store.existing(self._place)
        if store is None:
            return []
        with store:
            return quarantine.in_force(store)
