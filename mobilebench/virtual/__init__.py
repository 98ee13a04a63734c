"""Virtual phones: the device side of adb, and a profile made real."""
