"""Who a workload is, proven by certificates that one authority per world signs and that never touch a disk."""

from istio.security.authority import Authority, Credentials
from istio.security.identity import TRUST_DOMAIN, spiffe
from istio.security.secrets import LEAF, ROOT, secrets

__all__ = ["LEAF", "ROOT", "TRUST_DOMAIN", "Authority", "Credentials", "secrets", "spiffe"]
