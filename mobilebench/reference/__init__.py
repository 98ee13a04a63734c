"""Published results as data, each with its source: what a study measured, on what, and which cells are doubtful."""
