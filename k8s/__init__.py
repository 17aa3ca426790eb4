"""Where worlds run: manifests, rendering, and the local target."""
