"""`mobilebench virtual …`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from mobilebench.cli import devices, options
from mobilebench.cli.output import Json, print_json, print_table, say, split

app = options.group(
    "Start and stop virtual phones: stand-ins on this computer that speak the real adb protocol. Their results are "
    "marked as virtual."
)


@app.command()
def up(
    count: Annotated[int, typer.Option(min=1, max=64, help="Number of phones.")] = 1,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            help="Device profile to imitate; repeat the option for several.", autocompletion=options.complete_profiles
        ),
    ] = None,
    unless_phone: Annotated[
        bool, typer.Option("--unless-phone", help="Start none if adb lists a phone, usable or not.")
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Name of a phone, instead of phone-1, phone-2 …; repeat the option for several."),
    ] = None,
    no_chrome: Annotated[bool, typer.Option("--no-chrome", help="Start phones without a browser.")] = False,
    data_mb: Annotated[
        int | None,
        typer.Option(min=1, metavar="MIB", help="Size of the storage; its files are then deleted by `down`."),
    ] = None,
    fault: Annotated[
        Literal["offline", "unauthorized"] | None,
        typer.Option(help="State in which adb lists the phone, instead of a usable one."),
    ] = None,
    android: Annotated[
        int | None, typer.Option(min=7, max=16, metavar="VERSION", help="Android's version, in place of the profile's.")
    ] = None,
    bionic: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Android's `system` folder for this computer's processor: the phones run programs that were built for "
            "Android, on its C library. A phone keeps it until `--bionic none`.",
        ),
    ] = None,
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Start with empty phones: delete files that were pushed before.")
    ] = False,
    names: Annotated[bool, typer.Option("--names", help="Print only the names of the started phones.")] = False,
) -> None:
    """Start virtual phones and connect adb to them. Files that were pushed to a phone survive `down`."""
    from mobilebench import targets
    from mobilebench.virtual import phones

    targets.require_adb(for_virtual_phones=True)
    if unless_phone and _has_phones():
        return
    started = phones.up(
        count,
        list(split(profile)) or None,
        names=list(split(name)) or None,
        wipe=wipe,
        chrome=not no_chrome,
        data_mb=data_mb,
        fault=fault,
        android=android,
        bionic_folder=bionic,
    )
    for phone in started:
        say(phone.name if names else f"{phone.name}: {phone.serial} imitates {phone.profile}")


def _has_phones() -> bool:
    """Whether adb lists a phone. If none can be used, a message says what to do about each.

    Virtual phones of this computer that are stopped do not count, although adb may still list them as offline.
    """
    from mobilebench import targets
    from mobilebench.virtual import phones

    known = phones.list_phones()
    down = {phone.serial for phone in known if not phone.running}
    found = [info for info in targets.discover() if info.kind == "android" and info.id not in down]
    missed = devices.left_out(found)
    if len(missed) == len(found):
        for phone in missed:
            say(f"{devices.sentence(phone)} No virtual phone is started in its place.", err=True)
    for one in known:
        if one.running and (fixed := phones.state_of(one.name).fixed):
            sets = " ".join(f"{field}=null" for field in fixed)
            say(
                f"The virtual phone {one.name} was left running, with values that were set by hand: "
                f"{', '.join(fixed)}. "
                f"`mobilebench virtual set {one.name} {sets}` lets them move again, and `mobilebench virtual down "
                f"{one.name}` ends it.",
                err=True,
            )
    return bool(found)


@app.command("set")
def set_state(
    name: Annotated[str, typer.Argument(metavar="PHONE", help="Name or serial of the phone, such as phone-1.")],
    changes: Annotated[
        list[str], typer.Argument(metavar="FIELD=VALUE…", help="Values to change, such as `battery.level=15`.")
    ],
) -> None:
    """Change what a running virtual phone reports: battery, temperatures, clocks, settings, properties.

    Example: `mobilebench virtual set phone-1 battery.level=15 thermal.status=3`
    """
    from mobilebench import targets
    from mobilebench.virtual import phones

    parsed = phones.parse_changes(changes)
    if "fault" in parsed:
        targets.require_adb(for_virtual_phones=True)
    phones.change_state(phones.name_of(name), parsed)


@app.command("fault")
def cause_fault(
    name: Annotated[str, typer.Argument(metavar="PHONE", help="Name or serial of the phone, such as phone-1.")],
    fault: Annotated[
        str | None,
        typer.Argument(metavar="FAULT", help="Fault of the table below, or `clear`. None: list the present."),
    ] = None,
    option: Annotated[str | None, typer.Argument(metavar="KIND", help="Kind of the fault, if it has several.")] = None,
    lasts: Annotated[float | None, typer.Option("--for", metavar="SECONDS", min=0, help="How long it lasts.")] = None,
    after: Annotated[float, typer.Option("--after", metavar="SECONDS", min=0, help="When it begins.")] = 0.0,
) -> None:
    """Cause a fault on a running virtual phone, as it happens to real phones in the middle of a run.

    The command returns at once; the fault goes on for `--for` seconds, or until `mobilebench virtual fault PHONE
    clear`, which ends all faults of the phone (`clear heat` ends one). Several faults can be on at the same time; all
    end with `mobilebench virtual down`.

    \b
    unplug                  the cable is pulled; 3 s if no time is given
    reboot                  its processes end and boot_id changes; away from adb for 5 s
    offline                 adb lists it as offline
    unauthorise             it does not accept this computer's key any more
    recovery                it shows another mode: recovery, sideload, rescue or bootloader
    fill-disk               no space is left on /data (needs `virtual up --data-mb`)
    heat                    skin at 51 °C, status 4, slower clocks; it cools slowly afterwards
    dialog                  a system dialog is in front: anr or crash (the browser hangs), update or usb
    slow-link               adb gets 64 KiB per second
    kill-chrome             the browser's processes are killed
    refuse-settings         `settings put` throws a SecurityException
    service-dies            SERVICE:missing, SERVICE:hangs or SERVICE:denied, such as battery:hangs
    lock                    screen off and locked: secret or swipe
    clock-jump              its clock is two hours ahead
    chrome-update           the browser ends, and has another version
    low-memory-kill         the system kills the process that used most processor time
    app-crash               the app of mobilebench that runs, or runs next, crashes in mid-job
    app-anr                 it does not respond, and is ended
    app-killed              the system kills it for want of memory
    app-switched-away       the user leaves it while it is in front
    app-install-forbidden   `pm install` is refused: nobody answers the question on the screen
    app-install-full        `pm install` finds no space
    app-install-unverified  the package verifier refuses every app
    app-run-as-refused      `run-as` cannot become an app

    \b
    Examples:
      mobilebench virtual fault phone-1 unplug --for 5
      mobilebench virtual fault phone-1 dialog anr --after 20
      mobilebench virtual fault phone-1 service-dies thermalservice:hangs --for 60
      mobilebench virtual fault phone-1 clear
    """
    from mobilebench import targets
    from mobilebench.virtual import faults, phones

    name = phones.name_of(name)
    if fault is None:
        for active, kind in faults.active(name).items():
            say(f"{active} {kind}".strip())
        return
    targets.require_adb(for_virtual_phones=True)
    if fault == "clear":
        faults.clear(name, option)
    else:
        faults.apply(name, fault, seconds=lasts, after=after, option=option)


@app.command("list")
def list_phones(json: Json = False) -> None:
    """List the virtual phones of this computer."""
    from mobilebench import targets
    from mobilebench.virtual import phones

    found = phones.list_phones()
    if json:
        print_json(
            [
                {"name": one.name, "serial": one.serial, "profile": one.profile, "pid": one.pid, "running": one.running}
                for one in found
            ]
        )
    else:
        print_table(
            ["name", "serial", "profile", "pid", "state"],
            [(one.name, one.serial, one.profile, one.pid, "running" if one.running else "down") for one in found],
        )
    targets.require_adb()


@app.command()
def down(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="PHONE…", help="Names or serials of the phones; by default all phones."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
) -> None:
    """Stop virtual phones; only processes that `virtual up` started are ended."""
    from mobilebench import targets
    from mobilebench.core.errors import BadInput
    from mobilebench.virtual import phones

    wrong: BadInput | None = None
    try:
        targets.require_adb()
    except BadInput as error:
        wrong = error
    for phone in phones.down([phones.name_of(one) for one in names] if names else None, tell_adb=wrong is None):
        if not quiet:
            say(f"{phone.name}: down")
    if wrong:
        raise wrong
