"""Counts the persons on a frame."""
