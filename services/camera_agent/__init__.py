"""A camera at the entry or exit of a section: streams frames while it is switched on."""
