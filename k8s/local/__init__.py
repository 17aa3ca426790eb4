"""The local target: the rendered manifests as processes of this machine."""
