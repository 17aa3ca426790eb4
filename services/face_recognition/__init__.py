"""Finds persons of interest on a frame, and raises the alert."""
