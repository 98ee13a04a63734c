"""Asks the adb server to reach a phone again, without ending the server, which other programs use too."""

from __future__ import annotations

import logging
import re

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import adb_protocol, discovery, identity, states
from mobilebench.targets.limits import Limit

_ASK_SECONDS = 3.0
"""How long adb's answer is awaited. The server goes on by itself with a connection that takes longer."""
_ADDRESS = re.compile(r"(?:[^\s:]+|\[[0-9A-Fa-f:]+\]):\d{1,5}")
_STUCK = ("offline", "connecting", states.SILENT)

_logger = logging.getLogger(__name__)


def reach_again(serial: str, state: str) -> bool:
    """Ask adb to connect a phone anew, if that can help in this state; whether it was asked.

    A phone on the network that adb no longer lists is connected, as by `adb connect`; one that is listed but does not
    answer gets a new connection, as by `adb reconnect`. A cable, a question on the phone's screen, and a phone that
    does not run Android need a person.
    """
    limit = Limit(f"{serial}: connecting it again", _ASK_SECONDS)
    try:
        if state == states.ABSENT and _ADDRESS.fullmatch(serial):
            adb_protocol.query(f"host:connect:{serial}", limit)
        elif state in _STUCK:
            adb_protocol.query(f"host-serial:{serial}:reconnect", limit, serial)
        else:
            return False
    except (MobilebenchError, OSError) as error:
        _logger.debug("%s was not connected again.", serial, exc_info=error)
    return True


def other_serial(info: TargetInfo) -> str | None:
    """Another serial under which the same phone is attached and ready, such as that of its Wi-Fi, if there is one.

    Only phones on the other kind of connection are asked: over the network if this serial is a cable's, else by cable.
    """
    if identity.BOOT not in info.facts:
        return None
    try:
        listed = discovery.attached()
    except MobilebenchError:
        return None
    by_network = identity.is_on_network(info.id)
    others = {
        serial: state
        for serial, state in listed.items()
        if state == states.READY and serial != info.id and identity.is_on_network(serial) != by_network
    }
    return next((found.id for found in discovery.phones(others) if identity.is_same(info, found)), None)
