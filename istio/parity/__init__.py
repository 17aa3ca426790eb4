"""What each arm will do on each edge, and whose number each is: read from what is compiled and what is translated."""

from istio.parity.client import Client
from istio.parity.edges import parity
from istio.parity.numbers import Edge, Number, Row
from istio.parity.origins import Inputs

__all__ = ["Client", "Edge", "Inputs", "Number", "Row", "parity"]
