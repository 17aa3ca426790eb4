"""geventhttpclient sends an idempotent request again, in silence, when the server closes after it was sent.

A generator that does this is one more layer of resilience, and hides the faults that are measured. Neither Locust's
`max_retries` nor any other public option turns it off, hence a private name of geventhttpclient (2.6) is replaced here;
tests count the requests that reach a server which closes, and one which resets.
"""

from __future__ import annotations

from geventhttpclient import client

PRIVATE_NAME = "_may_retry_after_send_error"


class HiddenRetriesError(RuntimeError):
    """The installed geventhttpclient resends in a way that cannot be switched off: no measurement would be true."""


def switch_off() -> None:
    """Make this process send every request at most once. Raises HiddenRetriesError when the private name is gone."""
    if not callable(getattr(client, PRIVATE_NAME, None)):
        raise HiddenRetriesError(
            f"geventhttpclient.client.{PRIVATE_NAME} is gone from this version: its silent resends cannot be switched "
            "off; install geventhttpclient 2.6, as in requirements.lock"
        )
    setattr(client, PRIVATE_NAME, _never)


def are_off() -> bool:
    """Whether this process sends each request at most once."""
    return getattr(client, PRIVATE_NAME, None) is _never


def _never(method: str) -> bool:
    return False
