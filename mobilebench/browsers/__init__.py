"""Start and drive Chrome and Firefox, and serve the measured pages."""
