"""From a SavedModel to the files that engines open, by the official converters. Needs the `models` extra.

TensorFlow is large and loud: these modules belong in the builder's own process (`models.builder`).
"""
