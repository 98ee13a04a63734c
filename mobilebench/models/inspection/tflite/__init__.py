"""Readers of TensorFlow Lite files."""
