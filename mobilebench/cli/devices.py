"""`mobilebench devices`."""

from __future__ import annotations

from mobilebench.cli.output import Json, print_json, print_table


def devices(json: Json = False) -> None:
    """List this computer and the phones that adb sees, and what each is.

    A virtual phone is filed under `virtual: <host CPU>`; the SoC that it imitates stands behind it.
    """
    from mobilebench import profiles, targets

    found = targets.discover()
    if json:
        print_json([info.model_dump(mode="json") for info in found])
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
    for info in found:
        if info.kind == "android" and info.state == "device" and info.profile is None:
            print(f"{info.id}: {profiles.advice(info.facts)}")  # noqa: T201
