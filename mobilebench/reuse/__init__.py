"""Frame reuse: what a model is worth on a video whose frames it cannot all process in time."""
