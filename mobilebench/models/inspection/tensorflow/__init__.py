"""Readers of TensorFlow's graphs: SavedModels and TF.js graph models."""
