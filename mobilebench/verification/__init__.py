"""Verifies that engines compute the same function: runs every format of a model on every engine of this computer with
several seeded inputs, compares the outputs with TensorFlow's, and proves that this check can fail.
"""
