"""Virtual phones: processes that answer adb like a phone with a given profile."""
