"""The control panel: shows what the airport knows, and switches cameras."""
