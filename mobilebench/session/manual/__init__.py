"""The bench page for a person: what can be chosen, the job of each press on “run”, and what becomes of the answer."""

from mobilebench.session.manual.manual_session import Manual

__all__ = ["Manual"]
