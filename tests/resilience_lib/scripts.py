"""How many scripts are drawn to compare the engine with Envoy: `SCRIPTS` of them, in shares by kind."""

import os

from hypothesis import Phase, settings

TOTAL = int(os.environ.get("SCRIPTS", "300"))


def share(percent: float) -> settings:
    """Return the settings of a kind that has this share of all scripts.

    The scripts are the same in every run. One that disagrees is told as it is: to shrink it would take minutes of an
    Envoy's time.
    """
    number = max(1, round(TOTAL * percent / 100))
    return settings(max_examples=number, deadline=None, derandomize=True, phases=[Phase.generate])
