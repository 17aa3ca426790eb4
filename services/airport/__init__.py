"""The field itself, pure: messages, photos, and what can be seen on them."""
