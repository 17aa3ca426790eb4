"""Keeps the alerts, and passes each on to momentum."""
