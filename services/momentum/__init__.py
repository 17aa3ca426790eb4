"""Keeps the latest analysis and the latest alert."""
