"""One replica of a dependency, as a client sees it."""

from __future__ import annotations

Address = tuple[str, int]
"""Host and port."""


class Endpoint:
    """A replica: where it is, how many tries are under way, and what outlier detection remembers of it.

    The counters are of failures in a row. ejected_at: on the client's clock; None = in use. ejections: how many times
    its base time the next ejection lasts, less one.
    """

    __slots__ = ("active", "address", "consecutive_5xx", "ejected_at", "ejections", "gateway_errors", "local_failures")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.active = 0
        self.ejected_at: float | None = None
        self.ejections = 0
        self.forget()

    def forget(self) -> None:
        """Begin counting anew."""
        self.consecutive_5xx = self.gateway_errors = self.local_failures = 0
