"""What is watched around a block."""
