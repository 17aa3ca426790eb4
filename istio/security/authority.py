"""The certificate authority of one world: it lives in memory, and so does everything that it signs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from istio.registry import DOMAIN

# istiod's own: workload certificates last a day (SECRET_TTL), are valid from two minutes before their making
# (security/pkg/pki/util/generate_cert.go), and are replaced at half their life (SECRET_GRACE_PERIOD_RATIO).
LIFETIME = timedelta(hours=24)
_SKEW = timedelta(minutes=2)
_ROTATED_AT = 0.5
# Past any difference of clocks.
_OVERDUE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its private key, both PEM; the key is left out of any printed form."""

    certificate: str
    key: str = field(repr=False)


def _now() -> datetime:
    return datetime.now(UTC)


class Authority:
    """Signs workload certificates. A world has one, so no world's workloads are believed by another's."""

    def __init__(self, lifetime: timedelta = LIFETIME, now: Callable[[], datetime] = _now) -> None:
        self._lifetime, self._now = lifetime, now
        root = trustme.CA(organization_name=DOMAIN)
        self._root = root.cert_pem.bytes()
        self._issuer = x509.load_pem_x509_certificate(self._root).subject
        key = serialization.load_pem_private_key(root.private_key_pem.bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"the root's key must be one of an elliptic curve, not {type(key).__name__}")
        self._key = key

    @property
    def root(self) -> str:
        """The root certificate, PEM: what everybody checks against."""
        return self._root.decode()

    @property
    def rotation(self) -> timedelta:
        """After how long certificates are to be replaced."""
        return self._lifetime * _ROTATED_AT

    def issue(self, identity: str, *, expired: bool = False) -> Credentials:
        """Sign a new key for an identity (a URI), good for both ends of a connection.

        `expired`: as it would have been signed a whole life and an hour ago, which nobody takes any more.

        trustme's own certificates carry host names, mail and IP addresses only; a workload's is a URI (SPIFFE's
        X.509-SVID, sections 2 to 4), which stands in a critical extension because there is no subject.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._now() - (self._lifetime + _OVERDUE if expired else timedelta())
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now + self._lifetime)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_SIGNS_ONLY, critical=True)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Credentials(
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
        )


_SIGNS_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
