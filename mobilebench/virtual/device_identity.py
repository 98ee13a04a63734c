"""Properties, clusters and names of a virtual phone, derived from its profile."""

from __future__ import annotations

import platform

from mobilebench.profiles import Profile
from mobilebench.profiles.machine import cpu_name, machine_id
from mobilebench.virtual.android.abilities import missing_properties
from mobilebench.virtual.config import Cluster

LEVELS = {7: 24, 8: 26, 9: 28, 10: 29, 11: 30, 12: 31, 13: 33, 14: 34, 15: 35, 16: 36}
"""API levels of the Android versions that a virtual phone can have."""
_USUAL = 14
_LOWEST_KHZ = 300_000
_ABIS = {"x86_64": "x86_64", "aarch64": "arm64-v8a", "armv7l": "armeabi-v7a", "i686": "x86"}


def abi() -> str:
    """The ABI of programs on a virtual phone, which is this computer's."""
    return _ABIS.get(platform.machine(), platform.machine())


def properties(profile: Profile, name: str, version: int | None = None, bionic: str | None = None) -> dict[str, str]:
    """Output of `getprop`: the profile's values, except those of the hardware that really computes.

    Args:
        profile: the phone's profile.
        name: its serial number.
        version: Android version that replaces the profile's.
        bionic: name of the tree on which it runs programs built for Android, if it does.
    """
    example = profile.example
    model = example.model if example else f"Reference phone {profile.soc}"
    maker = example.manufacturer if example else profile.vendor
    device = example.device if example else profile.id.replace("-", "_")
    android = version or (example.android if example else _USUAL)
    api = LEVELS.get(android, LEVELS[_USUAL])
    product = {
        "ro.product.model": model,
        "ro.product.manufacturer": maker,
        "ro.product.brand": maker.lower(),
        "ro.product.device": device,
        "ro.product.name": device,
        "ro.product.board": profile.properties.get("ro.board.platform", device),
        "ro.product.marketname": example.name if example else model,
        "ro.build.version.release": str(android),
        "ro.build.version.sdk": str(api),
        "ro.build.version.security_patch": "2023-10-05",
        "ro.build.type": "user",
        "ro.build.tags": "release-keys",
        "ro.build.characteristics": "default",
        "ro.build.fingerprint": f"{maker.lower()}/{device}/{device}:{android}/VIRTUAL/1:user/release-keys",
        "ro.boot.serialno": name,
        "ro.serialno": name,
        "ro.adb.secure": "1",
        "ro.debuggable": "0",
        "ro.secure": "1",
        "ro.hardware": device,
        "sys.boot_completed": "1",
        "dev.bootcomplete": "1",
        "init.svc.adbd": "running",
        "init.svc.bootanim": "stopped",
        "persist.sys.timezone": "UTC",
    }
    computer = {
        "ro.product.cpu.abi": abi(),
        "ro.product.cpu.abilist": abi(),
        "ro.product.cpu.abilist64": abi(),
        "ro.mobilebench.virtual": "1",
        "ro.mobilebench.host_cpu": cpu_name(),
        "ro.mobilebench.machine": machine_id(),
        "ro.mobilebench.runner": f"android-{abi()}" if bionic else f"linux-{platform.machine()}",
        **({"ro.mobilebench.bionic": bionic} if bionic else {}),
    }
    all_properties = {**product, **profile.properties, **computer}
    return {key: value for key, value in all_properties.items() if key not in missing_properties(api)}


def clusters(profile: Profile) -> tuple[Cluster, ...]:
    """Clusters in Linux's numbering on phones, with the slowest cores first."""
    numbered = []
    first = 0
    for cluster in reversed(profile.cpu.clusters):
        clock = cluster.max_mhz * 1000
        numbered.append(Cluster(first, cluster.count, clock, min(_LOWEST_KHZ, clock)))
        first += cluster.count
    return tuple(numbered)
