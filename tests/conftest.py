"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # how busy the machine is decides nothing
settings.load_profile("any machine")
