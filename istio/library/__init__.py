"""Istio objects -> a client library's policies, and what of them a client library does not do."""

from istio.library.edges import policies
from istio.library.endpoints import endpoint_policies
from istio.library.spoken import NotCarried

__all__ = ["NotCarried", "endpoint_policies", "policies"]
