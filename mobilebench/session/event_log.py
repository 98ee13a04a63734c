"""Writes the events of a run to the log."""

from __future__ import annotations

import json
import logging

from mobilebench.core import log
from mobilebench.session import events

LOG_NAME = "run.log"
"""The log of a run, in the run's folder."""

_logger = logging.getLogger(__name__)


def log_event(event: events.Event) -> None:
    """Log an event at INFO, with the target and the block that it concerns. Countdowns are left out."""
    if isinstance(event, events.StillWaiting):
        return
    data = event.data()
    target = data.pop("target", None) or "-"
    planned = getattr(event, "planned", None) or getattr(getattr(event, "block", None), "planned", None)
    block = "-" if planned is None else planned.index
    with log.about(target=target, block=block):
        _logger.info("%s %s", event.kind, json.dumps(data, ensure_ascii=False, default=str))
