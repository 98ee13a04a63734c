"""Adds a user's model: inspects it, copies it under its hash, and computes the reference output."""
