"""TLS of a rack's servers: who may connect, and what each role may send.

The listeners here look at the role in the peer's certificate before anything is read. Only schedulers and workers reach
Dask, which unpickles what it reads. A client of the scheduler gets the frames of `wire` instead; elsewhere it is cut
off.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

from distributed.comm.addressing import parse_address
from distributed.comm.tcp import TLSListener
from distributed.core import Server
from distributed.security import Security

from mobilebench.rack import certificates
from mobilebench.rack.certificates import Credentials, Role

if TYPE_CHECKING:
    from tornado.iostream import SSLIOStream

_logger = logging.getLogger(__name__)

OnClient = Callable[["SSLIOStream", str, str], Awaitable[None]]
"""Talks with a client: its connection, its address and the name in its certificate. The connection is closed after."""

DASK_SETTINGS: dict[str, Any] = {
    "distributed.comm.require-encryption": True,
    "distributed.scheduler.allowed-failures": 1_000_000,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.preload": [],
    "distributed.scheduler.http.routes": [
        "distributed.http.scheduler.prometheus",
        "distributed.http.scheduler.info",
        "distributed.http.scheduler.json",
        "distributed.http.health",
        "distributed.http.statics",
    ],
    "distributed.worker.preload": [],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.tick.limit": "10s",
}
"""Dask's settings in every process of a rack."""


def dask_security(credentials: Credentials) -> Security:
    """Dask's own description of these credentials, for every connection that the process makes or accepts."""
    pair = {"cert": str(credentials.certificate), "key": str(credentials.key)}
    return Security(
        require_encryption=True,
        tls_ca_file=str(credentials.ca),
        tls_min_version=ssl.TLSVersion.TLSv1_3,
        **{f"tls_{role}_{what}": file for role in certificates.ROLES for what, file in pair.items()},
    )


class RoleListener(TLSListener):
    """Dask's TLS listener, behind a check of roles.

    Args:
        address: `tls://HOST:PORT`.
        handle_comm: called for each connection of a peer that may speak Dask.
        roles: those that may.
        on_client: called for each connection of a client; None: clients are cut off.
    """

    def __init__(
        self,
        address: str,
        handle_comm: Callable[..., Any],
        *,
        roles: Collection[Role],
        on_client: OnClient | None = None,
        **options: Any,
    ) -> None:
        scheme, place = parse_address(address, strict=True)
        if scheme != "tls":
            raise ValueError(f"A rack's servers listen with TLS only, not on {address}.")
        super().__init__(place, handle_comm, **options)  # type: ignore[no-untyped-call]
        self._roles = frozenset(roles)
        self._on_client = on_client

    async def _prepare_stream(self, stream: SSLIOStream, address: str) -> SSLIOStream | None:
        """The connection, if Dask may read from it; None if it was handled here."""
        ready = await super()._prepare_stream(stream, address)  # type: ignore[no-untyped-call]
        if ready is None:
            stream.close()
            return None
        peer = ready.socket.getpeercert()
        role = certificates.role_of(peer)
        if role in self._roles:
            return ready  # type: ignore[no-any-return]
        try:
            if role == "client" and self._on_client is not None:
                ready.set_nodelay(True)  # else the first answer waits 40 ms behind the session tickets of TLS
                await self._on_client(ready, address, certificates.name_of(peer))
            else:
                _logger.warning("Refused %s: its certificate's role is %s.", address, role or "unknown")
        finally:
            stream.close()
        return None


async def listen(server: Server, address: str, *, roles: Collection[Role], **options: Any) -> None:
    """Let one of Dask's servers listen by a `RoleListener`, whose further arguments are the options."""
    listener = RoleListener(address, server.handle_comm, roles=roles, deserialize=server.deserialize, **options)
    await listener.start()  # type: ignore[no-untyped-call]
    server.listeners.append(listener)
