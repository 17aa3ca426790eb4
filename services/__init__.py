"""The airport security application: what is under test."""
