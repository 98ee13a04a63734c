"""Keys, touches and the display: `input`, `uiautomator`, `monkey`, `ime` and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mobilebench.virtual.android.apps import end_browsers, launch
from mobilebench.virtual.android.device import CommandOutput, Device, lines
from mobilebench.virtual.android.screens import hierarchy, touched, turned, views
from mobilebench.virtual.browsers import DidNotStart
from mobilebench.virtual.state import KEYBOARD, State

_GESTURES = {"tap", "swipe", "text", "press", "roll", "draganddrop", "motionevent", "keycombination", "scroll"}
_NUMBERS = {
    "3": "HOME", "4": "BACK", "24": "VOLUME_UP", "25": "VOLUME_DOWN", "26": "POWER", "66": "ENTER", "67": "DEL",
    "82": "MENU", "83": "NOTIFICATION", "164": "VOLUME_MUTE", "187": "APP_SWITCH", "223": "SLEEP", "224": "WAKEUP",
    "276": "SLEEP",
}  # fmt: skip
_ON_WHEN_OFF = {"POWER", "WAKEUP"}
_LOUDEST = 15


async def input_(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Keys, touches and texts."""
    words = [word for word in arguments if word not in {"touchscreen", "keyboard", "--longpress"}]
    if words[:1] == ["-d"]:
        del words[:2]
    try:
        match words:
            case ["keyevent", *keys] if keys:
                for key in keys:
                    await _press(device, key.upper().removeprefix("KEYCODE_"))
            case ["tap", x, y]:
                await _touch(device, float(x), float(y))
            case ["swipe" | "draganddrop", *numbers] if len(numbers) in {4, 5}:
                await _swipe(device, *map(float, numbers[:4]))
            case ["text", *texts] if texts:
                _type(device, " ".join(texts).replace("%s", " "))
            case [word, *_] if word in _GESTURES - {"tap", "swipe", "draganddrop", "text"}:
                device.files.touched()
            case [word, *_] if word in _GESTURES:
                return CommandOutput(stderr=f"Error: Invalid arguments for command: {word}\n", code=255)
            case _:
                return CommandOutput(stderr=f"Error: Unknown command: {' '.join(words[:1])}\n", code=255)
    except ValueError:
        return CommandOutput(stderr=f"Error: Invalid arguments for command: {words[0]}\n", code=255)
    except DidNotStart as error:
        return CommandOutput(stderr=f"Error: {error}\n", code=1)
    return CommandOutput()


async def dismiss_keyguard(device: Device) -> None:
    """Leave the lock screen unless it asks for a secret."""
    if device.state.screen.keyguard != "secret":
        _change_screen(device, locked=False)
        if device.state.screen.on:
            await device.settle_pages()


async def _press(device: Device, key: str) -> None:
    key = _NUMBERS.get(key, key)
    screen, interface = device.state.screen, device.interface
    if not screen.on:
        if key in _ON_WHEN_OFF:
            device.files.touched()
            _change_screen(device, on=True)
            device.note("PowerManagerService", "Waking up from Asleep (uid=1000, reason=WAKE_REASON_WAKE_KEY)")
            if not screen.locked:
                await device.settle_pages()
        return
    device.files.touched()
    if key in {"POWER", "SLEEP"}:
        _change_screen(device, on=False, locked=screen.locked or screen.keyguard != "none")
        device.note("PowerManagerService", "Going to sleep due to power button (uid 1000)")
        await device.settle_pages()
    elif key == "MENU" and screen.locked:
        await dismiss_keyguard(device)
    elif screen.locked:
        return
    elif key == "HOME":
        interface.close_overlays()
        device.apps.leave()
        if device.running and not interface.at_home:
            interface.at_home = True
            await device.settle_pages()
    elif key == "BACK":
        if not interface.close_overlays() and not await device.dialogs.dismiss() and device.running:
            interface.at_home = True
            await device.settle_pages()
    elif key == "APP_SWITCH":
        interface.recent = not interface.recent
    elif key == "NOTIFICATION":
        interface.shade = "notifications"
    elif key.startswith("VOLUME_"):
        steps = {"VOLUME_UP": 1, "VOLUME_DOWN": -1, "VOLUME_MUTE": -_LOUDEST}
        interface.volume = min(_LOUDEST, max(0, interface.volume + steps.get(key, 0)))
    elif key == "DEL" and interface.focused:
        interface.address = interface.address[:-1]


async def _touch(device: Device, x: float, y: float) -> None:
    screen = turned(device.state)
    if not device.state.screen.on:
        return
    device.files.touched()
    if device.state.screen.locked:
        return
    if device.dialogs.now is not None:
        if (await device.dialogs.touch(round(x), round(y), screen)).endswith("aerr_close"):
            await end_browsers(device)
    elif device.first_run.now is not None:
        await device.first_run.touch(round(x), round(y), screen)
    elif (view := touched(views(device), x, y)) is not None:
        device.interface.focused = view.resource if view.editable else ""
        if view.opens:
            await launch(device, view.opens)


async def _swipe(device: Device, from_x: float, from_y: float, to_x: float, to_y: float) -> None:
    """Swipes upwards leave a lock screen without a secret; those from the top open the notifications."""
    del from_x, to_x
    height = turned(device.state).height
    if not device.state.screen.on:
        return
    device.files.touched()
    if device.state.screen.locked:
        if from_y - to_y > height / 5:
            await dismiss_keyguard(device)
    elif from_y < height / 30 and to_y - from_y > height / 5:
        device.interface.shade = "notifications"
    elif device.interface.shade and from_y - to_y > height / 5:
        device.interface.close_overlays()


def _type(device: Device, text: str) -> None:
    device.files.touched()
    if device.interface.focused:
        device.interface.address += text


def _change_screen(device: Device, *, on: bool | None = None, locked: bool | None = None) -> None:
    def edit(state: State) -> State:
        screen = state.screen
        return replace(
            state,
            screen=replace(
                screen, on=screen.on if on is None else on, locked=screen.locked if locked is None else locked
            ),
        )

    device.files.change(edit)


async def uiautomator(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """`uiautomator dump FILE`: write the display's view hierarchy; `/dev/tty` is standard output."""
    if not arguments or arguments[0] != "dump":
        return CommandOutput(stderr="Usage: uiautomator <subcommand> [options]\n", code=1)
    files = [word for word in arguments[1:] if not word.startswith("--")] or ["/sdcard/window_dump.xml"]
    content = hierarchy(device)
    answer = f"UI hierchary dumped to: {files[0]}\n"  # spelt as Android spells it
    if files[0] == "/dev/tty":
        return CommandOutput(content + answer)
    try:
        Path(device.config.path(files[0])).write_text(content, encoding="utf-8")
    except OSError as error:
        return CommandOutput(stderr=f"ERROR: could not write {files[0]}: {error.strerror}\n", code=1)
    return CommandOutput(answer)


async def reboot(device: Device, _arguments: Sequence[str]) -> CommandOutput:
    """Start the phone again."""
    device.restart()
    return CommandOutput()


async def monkey(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """`monkey -p PACKAGE … 1`: the way in which automation starts an app."""
    words = list(arguments)
    package = words[words.index("-p") + 1] if "-p" in words[:-1] else ""
    if package not in device.browsers:
        return CommandOutput("** No activities found to run, monkey aborted.\n", code=252)
    try:
        await launch(device, package)
    except DidNotStart as error:
        return CommandOutput(stderr=f"** Monkey aborted due to error: {error}\n", code=1)
    return CommandOutput(lines("Events injected: 1", "## Network stats: elapsed time=20ms (0ms mobile, 0ms wifi)"))


async def ime(_device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Input methods: there is only the keyboard of the system."""
    match list(arguments):
        case ["list", *options] if "-s" in options:
            return CommandOutput(lines(KEYBOARD))
        case ["list", *_]:
            return CommandOutput(lines(f"{KEYBOARD}:", f"  mId={KEYBOARD} mSettingsActivityName=null"))
        case [("enable" | "disable" | "set") as verb, name]:
            if name != KEYBOARD:
                return CommandOutput(
                    stderr=f"Unknown input method {name} cannot be {_DONE[verb]} for user #0\n", code=255
                )
            return CommandOutput(f"Input method {name}: now {_DONE[verb]} for user #0\n")
    return CommandOutput(stderr=f"Unknown command: {' '.join(arguments[:1])}\n", code=255)


_DONE = {"enable": "enabled", "disable": "disabled", "set": "selected"}


async def ip(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """`ip addr`: with Wi-Fi on, `wlan0` has the address at which adb reaches the phone after `adb tcpip`."""
    if list(arguments[:1]) not in (["addr"], ["a"], ["address"]):
        return CommandOutput(stderr="Usage: ip addr [show [dev DEVICE]]\n", code=255)
    name = arguments[-1] if len(arguments) > 1 and arguments[-1] not in {"show", "dev"} else ""
    loopback = lines(
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000",
        "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00",
        "    inet 127.0.0.1/8 scope host lo",
    )
    is_on = device.state.settings.global_.get("wifi_on", "1") == "1"
    flags, state = ("", "UP") if is_on else ("NO-CARRIER,", "DOWN")
    address = device.config.wlan_address
    wlan = lines(
        f"2: wlan0: <{flags}BROADCAST,MULTICAST,UP> mtu 1500 qdisc mq state {state} group default qlen 3000",
        "    link/ether 02:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff",
        *([f"    inet {address}/24 brd {address.rpartition('.')[0]}.255 scope global wlan0"] if is_on else []),
    )
    known = {"lo": loopback, "wlan0": wlan, "": loopback + wlan}
    if name not in known:
        return CommandOutput(stderr=f'Device "{name}" does not exist.\n', code=1)
    return CommandOutput(known[name])
