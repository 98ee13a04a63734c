"""`mobilebench devices`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilebench.cli import attached
from mobilebench.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from mobilebench.core.records import TargetInfo


def devices(json: Json = False) -> None:
    """List this computer and the phones that adb sees, and what each is.

    A virtual phone is filed under `virtual: <host CPU>`; the SoC that it imitates stands behind it. Below the table
    stands which phones are being measured, and on which a killed run has left something to put back.
    """
    from mobilebench import targets

    found = targets.discover()
    standings = targets.phone_statuses(found)
    if json:
        print_json(
            [
                {
                    **info.model_dump(mode="json"),
                    "measured_by": standings[info.id].holder if info.id in standings else None,
                    "restore_due": info.id in standings and standings[info.id].restore_due,
                }
                for info in found
            ]
        )
        return
    print_table(
        ["serial", "model", "SoC", "OS", "ABI", "browsers", "battery", "state"],
        [
            (
                info.id,
                info.name,
                f"{info.soc} (imitates {info.profile_soc or 'an unknown SoC'})" if info.virtual else info.soc,
                info.os,
                info.abi,
                ", ".join(f"{name} {version}" for name, version in info.browsers.items()) or None,
                None if info.battery_percent is None else f"{info.battery_percent} %",
                info.state,
            )
            for info in found
        ],
    )
    for serial, standing in standings.items():
        if standing.holder:
            say(f"{serial}: it is being measured by {standing.holder}.")
        if standing.restore_due:
            say(
                f"{serial}: a run that was killed has left changes; the next run puts them back, "
                f"and so does `mobilebench restore {serial}`."
            )
    for info in found:
        for sentence in _beside(info):
            say(f"{info.id}: {sentence}")


def _beside(info: TargetInfo) -> list[str]:
    """Remarks below the table, such as what to do about a phone's state, or why a field is empty."""
    from mobilebench import profiles
    from mobilebench.targets.android import discovery

    if info.state != "device":
        return [f"{discovery.clause(one['state'])}. {one['hint']}" for one in attached.left_out([info])]
    said = [f"{_FIELDS.get(name, name)} not known: {reason}." for name, reason in info.unknown.items()]
    said += [f"{reason}." for reason in info.unusable_browsers.values()]
    if info.kind == "android" and info.profile is None:
        said.append(profiles.advice(info.facts))
    return said


_FIELDS = {"battery_percent": "battery", "memory_mb": "memory", "gpu": "GPU", "abi": "ABI"}
