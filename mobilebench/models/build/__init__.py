"""Building a model of the zoo: its cache key, the process that builds, and the locks around it."""
