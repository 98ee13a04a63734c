"""The bench page for a person: the choices, the job for each press on “run”, and the handling of the answer."""

from mobilebench.session.manual.manual_session import Manual

__all__ = ["Manual"]
