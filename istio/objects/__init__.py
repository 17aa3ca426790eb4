"""Istio's objects as strict models: what is not understood is refused by its path, never ignored."""

from istio.objects.document import Document, Key, read
from istio.objects.parse import Objects, parse
from istio.objects.refusal import Fault, Refused

__all__ = ["Document", "Fault", "Key", "Objects", "Refused", "parse", "read"]
