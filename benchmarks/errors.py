"""What a user did wrong, said in sentences: the command line prints it and ends with code 2."""

from __future__ import annotations

import signal
from collections.abc import Iterable

UNPROVEN = 1
"""Exit code of a bench with a cell whose fault was never proven."""
NOT_KEPT = 1
"""Exit code of a bench in which a frame was stored more than once, or acknowledged and not stored."""
WRONG = 2
"""Exit code of whatever the user can mend, and has been told."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as a shell has it."""


class BadInput(Exception):
    """Input that cannot be used. Carries every problem found, one sentence each, so that all are mended at once."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class NotRemoved(BadInput):
    """All is measured, and something that was made for it is left."""


class CannotWrite(BadInput):
    """A result could not be written: names the path and the reason that the system gave."""
