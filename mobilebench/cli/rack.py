"""`mobilebench rack …`: phones on many hosts, offered through one scheduler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say
from mobilebench.cli.results import Out, StoreAt, place_of_results

if TYPE_CHECKING:
    from mobilebench.rack.client import RackClient
    from mobilebench.rack.messages import RackPhoneInfo, Reserved

app = options.group(
    "Phones on many hosts, behind one scheduler: make certificates, start the scheduler and a worker on each host, "
    "then list, reserve and release phones."
)

_Scheduler = Annotated[
    str,
    typer.Option(
        "--rack",
        metavar="tls://HOST[:PORT]",
        envvar="MOBILEBENCH_SCHEDULER",
        help="The rack's scheduler.",
    ),
]
_Certificates = Annotated[
    Path | None,
    typer.Option(
        "--certificates",
        metavar="DIR",
        envvar="MOBILEBENCH_RACK_CERTIFICATES",
        help="Folder with this computer's certificate, as `rack certificates` made it. "
        "[default: rack/certificates in MOBILEBENCH_HOME]",
        show_default=False,
    ),
]
_Phones = Annotated[
    str,
    typer.Argument(
        metavar="PHONE,…",
        help="Phones: `all`, a serial, `SERIAL@HOST`, `host:…`, `name:…`, `label:…`, `group:…`, `soc:…` or `model:…`.",
    ),
]
_For = Annotated[str, typer.Option("--for", metavar="TIME", help="How long, such as 30m, 2h or 1d.")]
_Purpose = Annotated[str, typer.Option("--purpose", help="What for; everybody sees it.")]
_Owner = Annotated[
    str | None, typer.Option("--owner", help="Who; everybody sees it. [default: the name in the certificate]")
]

_TIME = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]+)(?::(\d{1,5}))?")


@app.command()
def certificates(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the CA; it is made when it is missing. Keep it secret.")
    ],
    scheduler: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,ADDRESS…]",
            help="A certificate for a scheduler: its host's name, and the names and IP addresses by which others "
            "reach it.",
        ),
    ] = None,
    worker: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A certificate for a host with phones; the host has this name in the rack."),
    ] = None,
    client: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A certificate for a person.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until the certificates expire.")] = 730,
) -> None:
    """Make certificates for a rack, and its certificate authority (CA) the first time.

    Each certificate gets a folder of its own: copy `scheduler-NAME`, `worker-NAME` or `client-NAME` to its computer, as
    `rack/certificates` in MOBILEBENCH_HOME (or name it with --certificates). `ca.key` stays here: who has it can make
    further certificates. Who has a worker's or the scheduler's key can run programs on every host of the rack; a
    client's key only allows jobs of mobilebench. Nothing that exists is overwritten, so further certificates are made
    by the same command later.

    Examples:

    - `mobilebench rack certificates ca --scheduler lab,lab.example.org,192.0.2.10 --worker host-1 --client ada`

    - `mobilebench rack certificates ca --worker host-2`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.rack import certificates as making

    wanted = []
    for one in scheduler or ():
        name, *addresses = (part.strip() for part in one.split(","))
        wanted.append(making.Wanted("scheduler", name, (name, *addresses)))
    wanted += [making.Wanted("worker", name) for name in worker or ()]
    wanted += [making.Wanted("client", name) for name in client or ()]
    if not wanted:
        raise BadInput("No certificate is asked for.", hint="Give --scheduler, --worker or --client.")
    for made in making.make(folder, wanted, days=days):
        say(f"{made}")
    say("Copy each of these folders to its computer, as `rack/certificates` in MOBILEBENCH_HOME; ca.key stays here.")


@app.command()
def scheduler(
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS[:PORT]", help="Where to listen, always with TLS; 0.0.0.0 is everywhere.")
    ] = "0.0.0.0:8786",
    dashboard: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of Dask's pages on this computer's loopback; 0: none.")
    ] = 0,
    certificates: _Certificates = None,
) -> None:
    """Run a rack's scheduler, until Ctrl-C.

    It accepts only peers with a certificate of the rack's CA: hosts (`rack worker`), and clients, which can do nothing
    but what mobilebench offers them. Jobs and reservations are kept by the hosts, so it can be restarted at any time.

    Examples:

    - `mobilebench rack scheduler`

    - `mobilebench rack scheduler --listen 192.0.2.10 --dashboard 8787`
    """
    from mobilebench.core import paths
    from mobilebench.core.errors import BadInput
    from mobilebench.rack import certificates as found
    from mobilebench.rack.resources import allow_many_connections

    address = _place(listen)
    credentials = found.find("scheduler", certificates)
    _need_dask()
    from mobilebench.rack import scheduler as serving

    def started(one: serving.DaskScheduler) -> None:
        say(f"The scheduler listens at {one.listen_address}. Ctrl-C stops it.")
        if dashboard:
            say(f"Dask's pages: http://127.0.0.1:{one.services['dashboard'].port}/status")

    allow_many_connections()

    async def serve() -> None:
        stop = _asked_to_end()
        folder = paths.home() / "rack" / "scheduler"
        await serving.serve(address, credentials, folder, dashboard=dashboard or None, started=started, stop=stop)

    try:
        _run(serve)
    except OSError as error:
        raise BadInput(
            f"The scheduler cannot listen at {address}: {error.strerror or error}.",
            hint="Is another one running? Name another address with --listen.",
        ) from error


@app.command()
def worker(
    address: Annotated[
        str, typer.Argument(metavar="tls://HOST[:PORT]", help="The rack's scheduler.", envvar="MOBILEBENCH_SCHEDULER")
    ],
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of this host at which the scheduler reaches it. [default: the one on the way to it]",
        ),
    ] = None,
    certificates: _Certificates = None,
    rack: Annotated[
        Path | None,
        typer.Option(
            "--rack-file",
            metavar="FILE",
            dir_okay=False,
            help="The rack file, which gives this host's phones names, labels and groups. "
            "[default: rack.yaml in MOBILEBENCH_HOME]",
            show_default=False,
        ),
    ] = None,
    simulated: Annotated[
        int,
        typer.Option(min=0, max=5000, help="Offer so many simulated phones, whose blocks sleep, instead of real ones."),
    ] = 0,
    sleep: Annotated[
        float, typer.Option(min=0.001, max=3600, help="Seconds that a block of a simulated phone sleeps.")
    ] = 0.05,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Offer this host's phones to a rack, until Ctrl-C.

    Phones appear and vanish as they are attached. Jobs run in processes of their own, and go on while the scheduler
    cannot be reached: their events are kept here until the client has them. If this command or the host is restarted,
    unfinished jobs go on where they were. Ctrl-C puts the phones back first.

    The host's name in the rack is the one in its certificate. Quarantines of this host's results hold for everybody.

    Examples:

    - `mobilebench rack worker tls://lab.example.org`

    - `mobilebench rack worker tls://127.0.0.1 --simulated 8 --sleep 0.2`
    """
    from mobilebench.core import file_locks, paths
    from mobilebench.core.errors import BadInput
    from mobilebench.rack import certificates as found
    from mobilebench.rack.client import parse_address
    from mobilebench.rack.resources import allow_many_connections
    from mobilebench.rack.simulated import SleepingExecutor, phones
    from mobilebench.session.executors import Executor, ProcessExecutor
    from mobilebench.targets.care.doctor import examine_all

    scheduler = parse_address(address)
    credentials = found.find("worker", certificates)
    _need_dask()
    from mobilebench.rack import worker as working
    from mobilebench.rack.host import Host, PhoneSource
    from mobilebench.rack.phones import AttachedPhones, FixedPhones
    from mobilebench.rack.quarantines import Quarantines

    quarantines = Quarantines(place_of_results(out, store_at))
    source: PhoneSource
    executor: Executor
    if simulated:
        source, executor = FixedPhones(phones(credentials.name, simulated)), SleepingExecutor(sleep)
    else:
        source, executor = AttachedPhones(rack), ProcessExecutor()
    allow_many_connections()
    folder = paths.home() / "rack" / "host"
    folder.mkdir(parents=True, exist_ok=True)

    async def work() -> None:
        stop, changed, loop = _asked_to_end(), asyncio.Event(), asyncio.get_running_loop()
        host = Host(
            credentials.name,
            folder,
            source,
            executor,
            quarantines,
            lambda: _in_loop(loop, changed.set),
            None if simulated else examine_all,
        )
        try:
            await working.work(scheduler, credentials, host, listen=listen, changed=changed, say=say, stop=stop)
        finally:
            await asyncio.to_thread(host.close)

    with file_locks.if_free(folder / "worker.lock") as free:
        if not free:
            raise BadInput(
                f"Another worker uses {folder} already.", hint="One worker offers all phones of a host; stop it first."
            )
        _run(work)


@app.command("list")
def list_phones(
    phones: Annotated[str, typer.Argument(metavar="[PHONE,…]", help="Only these phones, as for `rack reserve`.")] = (
        "all"
    ),
    rack: _Scheduler = "",
    certificates: _Certificates = None,
    json: Json = False,
) -> None:
    """List the phones of a rack: where they are, what they are, and who has them until when.

    Phones in quarantine have the reason as their state; hosts whose clock is wrong are named.

    Examples:

    - `mobilebench rack list --rack tls://lab.example.org`

    - `mobilebench rack list label:pixel`
    """
    from mobilebench.rack.discovery import clock_sentences
    from mobilebench.rack.leases import described

    with _connected(rack, certificates) as client:
        every = _phones_of(client)
    found = _chosen(phones, every) if every else []
    for sentence in clock_sentences(found, client.clock):
        say(sentence, err=True)
    if json:
        print_json([one.model_dump(mode="json") for one in found])
    elif not found:
        say("No host with phones is connected to this rack.")
    else:
        columns = ["host", "phone", "name", "model", "SoC", "system", "labels", "state", "use", "waiting"]
        print_table(columns, [_row(one, described(one.lease)) for one in found])


@app.command()
def reserve(
    phones: _Phones,
    for_: _For = "1h",
    purpose: _Purpose = "",
    owner: _Owner = None,
    rack: _Scheduler = "",
    certificates: _Certificates = None,
    json: Json = False,
) -> None:
    """Reserve one of these phones for some time.

    The first one that is free is taken; if none is, this says who has them, and exits with 2. A reservation is kept by
    the phone's host, and renewed while a job uses it. `run --rack` uses the reservations that were made on this
    computer.

    Examples:

    - `mobilebench rack reserve label:pixel --for 2h --purpose "camera study"`

    - `mobilebench rack reserve host-1/R5CT1234567 --for 30m`
    """
    _take(phones, for_, purpose, owner, rack, certificates, json, limit_s=None)


@app.command()
def wait(
    phones: _Phones,
    for_: _For = "1h",
    purpose: _Purpose = "",
    owner: _Owner = None,
    limit: Annotated[
        str, typer.Option("--limit", metavar="TIME", help="How long to wait at most, such as 30m or 12h.")
    ] = "12h",
    rack: _Scheduler = "",
    certificates: _Certificates = None,
    json: Json = False,
) -> None:
    """Wait in the queues of these phones until one of them is free, and reserve it.

    Ctrl-C gives the places in the queues back.

    Examples:

    - `mobilebench rack wait label:pixel --for 2h --limit 8h`
    """
    _take(phones, for_, purpose, owner, rack, certificates, json, limit_s=_seconds(limit))


@app.command()
def release(phones: _Phones, rack: _Scheduler = "", certificates: _Certificates = None) -> None:
    """Give back phones that were reserved on this computer.

    A phone on which a job goes on under the reservation stays reserved: stop its run first (Ctrl-C).

    Examples:

    - `mobilebench rack release all`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.rack import reservations
    from mobilebench.rack.messages import Gone, Release

    with _connected(rack, certificates) as client:
        address = str(client.address)
        released = 0
        for phone in _chosen(phones, _phones_of(client)):
            token = reservations.token_of(address, phone.host, phone.target.id)
            if token is None:
                continue
            client.ask(Release(host=phone.host, phone=phone.target.id, token=token), Gone)
            reservations.forget(address, phone.host, phone.target.id, token)
            say(f"{phone.host}/{phone.target.id} is given back.")
            released += 1
    if not released:
        raise BadInput("None of these phones was reserved on this computer.", hint="`mobilebench rack list` shows all.")


def _take(
    phones: str,
    for_: str,
    purpose: str,
    owner: str | None,
    rack: str,
    folder: Path | None,
    json: bool,
    *,
    limit_s: float | None,
) -> None:
    """Reserve one of the phones, and wait for at most so long; None: not at all."""
    from mobilebench.core.errors import BadInput
    from mobilebench.rack import certificates, reservations
    from mobilebench.rack.reserving import Wish, reserve_one

    name = owner or certificates.find("client", folder).name
    with _connected(rack, folder) as client:
        every = _phones_of(client)
        usable = [one for one in _chosen(phones, every) if one.usable]
        if not usable:
            raise BadInput(f"No phone of “{phones}” can be used now.", hint="`mobilebench rack list` says why.")
        wish = Wish(name, purpose, _seconds(for_))
        phone, token, got = reserve_one(client, usable, wish, limit_s, lambda text: say(text, err=True))
        reservations.remember(
            reservations.Reservation(
                rack=str(client.address),
                host=phone.host,
                phone=phone.target.id,
                token=token,
                until=datetime.now(UTC) + timedelta(seconds=got.lease.left_s),
            )
        )
    if json:
        shown = {"host": phone.host, "phone": phone.target.id, "token": token, **got.lease.model_dump(mode="json")}
        print_json(shown)
    else:
        say(f"{phone.host}/{phone.target.id} is reserved until {_clock(got)}.")


def _clock(got: Reserved) -> str:
    return f"{got.lease.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _row(phone: RackPhoneInfo, use: str) -> tuple[object, ...]:
    target = phone.target
    state = phone.quarantined or (target.state if phone.present else f"away since {_ago(phone.seen_at)}")
    model = f"{target.name} (virtual)" if target.virtual else target.name
    labels = ", ".join((*phone.labels, *([f"group {phone.group}"] if phone.group else [])))
    ready = "ready" if state == "device" else state
    return phone.host, target.id, phone.name, model, target.soc, target.os, labels, ready, use, len(phone.queue) or None


def _ago(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@contextlib.contextmanager
def _connected(address: str, folder: Path | None) -> Iterator[RackClient]:
    from mobilebench.core.errors import BadInput
    from mobilebench.rack import client

    if not address:
        raise BadInput("No rack is named.", hint="Give --rack tls://HOST, or set MOBILEBENCH_SCHEDULER.")
    with client.connect(address, folder, patience_s=10.0) as connected:
        yield connected


def _phones_of(client: RackClient) -> list[RackPhoneInfo]:
    from mobilebench.rack.discovery import seen_from_here
    from mobilebench.rack.messages import ListPhones, Phones

    return seen_from_here(client.ask(ListPhones(), Phones).phones, client.clock)


def _chosen(text: str, phones: Sequence[RackPhoneInfo]) -> list[RackPhoneInfo]:
    from mobilebench.rack.choice import chosen

    return chosen(text, phones)


def _seconds(text: str) -> float:
    from mobilebench.core.errors import BadInput
    from mobilebench.rack.messages import LONGEST_LEASE_S

    found = _TIME.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= LONGEST_LEASE_S:
        raise BadInput(f"“{text[:80]}” is not a time of at most 14 days.", hint="Give one such as 30m, 2h or 1d.")
    return seconds


def _place(text: str) -> Any:
    from mobilebench.core.errors import BadInput
    from mobilebench.rack.client import PORT, Address

    found = _PLACE.fullmatch(text.strip())
    if found is None or int(found[2] or 0) > 65535:
        raise BadInput(f"“{text[:80]}” is no place to listen.", hint=f"Give an address such as 0.0.0.0:{PORT}.")
    return Address(found[1].strip("[]"), int(found[2]) if found[2] else PORT)


def _need_dask() -> None:
    from importlib.util import find_spec

    from mobilebench.core.errors import BadInput

    if find_spec("distributed") is None:
        raise BadInput("Dask is not installed.", hint="Install it with `pip install 'mobilebench[rack]'`.")


def _asked_to_end() -> asyncio.Event:
    """An event that Ctrl-C, SIGTERM or SIGHUP sets."""
    from mobilebench.cli import process

    ended = asyncio.Event()
    for name in process.ending_signals():
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    return ended


def _run(main: Callable[[], Any]) -> None:
    """Run a server. Of Dask only errors are logged, without lost connections, which the server says itself."""
    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("distributed.core", "distributed.scheduler", "distributed.worker"):
        logging.getLogger(name).addFilter(_is_no_lost_connection)
    asyncio.run(main())


def _is_no_lost_connection(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], OSError))


def _in_loop(loop: asyncio.AbstractEventLoop, step: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(step)
