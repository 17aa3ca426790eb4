"""Who a workload is, proven by certificates that one authority per world signs and that never touch a disk."""

from istio.security.authority import Authority, Credentials
from istio.security.secrets import secrets

__all__ = ["Authority", "Credentials", "secrets"]
