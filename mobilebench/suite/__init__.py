"""WHAT to measure: suite YAML to cases to a plan."""
