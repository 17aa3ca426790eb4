"""Who calls: open-loop load inside Locust."""
