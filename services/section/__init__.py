"""Keeps who entered and left one section."""
