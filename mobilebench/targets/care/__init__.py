"""Care for targets: what the doctor checks before a run, and the gates before each block."""
