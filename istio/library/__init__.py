"""Istio objects <-> a client library's policies, and what of them either side does not do."""

from istio.library.back import objects_of
from istio.library.edges import policies
from istio.library.endpoints import endpoint_policies
from istio.library.spoken import NotCarried
from istio.library.strengths import strengthened

__all__ = ["NotCarried", "endpoint_policies", "objects_of", "policies", "strengthened"]
