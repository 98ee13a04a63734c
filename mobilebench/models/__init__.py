"""Model registry, definitions, converters and cache."""
