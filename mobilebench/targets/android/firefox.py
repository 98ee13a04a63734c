"""Firefox on a phone: started as a file of GeckoView says, and driven over WebDriver BiDi.

GeckoView reads that file when its app is the one set for debugging. What it says counts for this start alone, and
nothing of it is kept in the profile, which is the phone's person's.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence

from mobilebench.browsers.firefox import AWAKE, sorted_out

ALWAYS = (
    *AWAKE,
    # Firefox would change dozens of preferences for a driven browser, and keep them.
    "remote.prefs.recommended=false",
    # A person's profile keeps nothing of what is measured.
    "browser.cache.disk.enable=false",
)


def config_file(package: str) -> str:
    """Where GeckoView looks for it."""
    return f"/data/local/tmp/{package}-geckoview-config.yaml"


def config(port: int, flags: Sequence[str]) -> bytes:
    """The file, in JSON, which is YAML.

    Args:
        port: of the phone's loopback, at which Firefox is to listen.
        flags: of the three kinds of `browsers.firefox`.

    Raises:
        BadInput: a flag is of no kind.
    """
    start = sorted_out(flags)
    parts = {
        "args": ["--remote-debugging-port", str(port), *start.arguments],
        "prefs": start.preferences,
        "env": start.environment,
    }
    return (json.dumps({name: part for name, part in parts.items() if part}, indent=1) + "\n").encode()


def listens(port: int) -> bool:
    """Whether Firefox answers behind this port of this computer. What is asked for is not there, and it says so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse().read(1 << 10)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
