"""Converts a SavedModel to the files that engines open, with the official converters. Needs the `models` extra.

Import these modules only in the builder's own process (`models.build.worker`): TensorFlow is large and prints a lot.
"""
