"""Statistics with the block as the unit: estimates with intervals, sequences of blocks, and when to stop measuring."""
