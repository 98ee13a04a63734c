"""SoC and phone facts: schema and matching."""
