"""Firefox on a phone: configured by a GeckoView file, and driven over WebDriver BiDi.

GeckoView reads that file if its app is the debug app. The settings apply to this start only and are not saved in
the profile, which belongs to the phone's user.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence

from mobilebench.browsers.firefox import AWAKE, sorted_out

ALWAYS = (
    *AWAKE,
    # Firefox would change dozens of preferences for an automated browser, and keep them.
    "remote.prefs.recommended=false",
    # The user's profile keeps nothing from the measurement.
    "browser.cache.disk.enable=false",
)


def config_file(package: str) -> str:
    """Path at which GeckoView looks for the file."""
    return f"/data/local/tmp/{package}-geckoview-config.yaml"


def config(port: int, flags: Sequence[str]) -> bytes:
    """Content of the file, as JSON, which is valid YAML.

    Args:
        port: port of the phone's loopback on which Firefox listens.
        flags: flags of the three kinds in `browsers.firefox`.

    Raises:
        BadInput: a flag is of none of these kinds.
    """
    start = sorted_out(flags)
    parts = {
        "args": ["--remote-debugging-port", str(port), *start.arguments],
        "prefs": start.preferences,
        "env": start.environment,
    }
    return (json.dumps({name: part for name, part in parts.items() if part}, indent=1) + "\n").encode()


def listens(port: int) -> bool:
    """Whether Firefox answers on this port of this computer; it does so with an error, as the path does not exist."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse().read(1 << 10)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
