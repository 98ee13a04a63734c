"""Virtual phones: sandboxed processes on this computer that answer adb as a phone with a given profile does."""
