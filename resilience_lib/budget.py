"""How many calls may be retried at once, as a share of what is under way: Envoy's retry_budget."""

from __future__ import annotations

from collections.abc import Callable


class RetryBudget:
    """Allows max(floor(percent / 100 * active), minimum) calls to be retried at once, their pauses included.

    A number that is right for a quiet hour is too high for an outage at noon, and one that is right for noon refuses
    every retry at night; a share is right for both, and bounds what retries can add to an overload.

    `active` tells how many tries are under way or waiting for a slot. The one whose failure is being judged is over by
    then, and is counted with them, as Envoy counts it, whether it was answered, reset, or cut off. (Envoy:
    config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget, RetryBudgetImpl::max in resource_manager_impl.h.)
    """

    def __init__(self, percent: float, minimum: int, active: Callable[[], int]) -> None:
        self._percent = percent
        self._minimum = minimum
        self._active = active
        self._taken = 0

    def take(self) -> bool:
        """Take a permit if the budget has one left; say whether it had."""
        if self._taken >= max(int(self._percent / 100 * (self._active() + 1)), self._minimum):
            return False
        self._taken += 1
        return True

    def give_back(self) -> None:
        """Return a permit that was taken."""
        self._taken -= 1
