"""What a workload's certificate says, and who believes it."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from istio.compile.tls import identity
from istio.security import Authority, Credentials

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALERTS = identity("airport", "alerts")
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
AUTHORITY = Authority()


def certificate(credentials: Credentials) -> x509.Certificate:
    return x509.load_pem_x509_certificate(credentials.certificate.encode())


def test_an_identity_is_written_as_istio_writes_it() -> None:
    assert ALERTS == "spiffe://cluster.local/ns/airport/sa/alerts"


@given(namespace=NAMES, account=NAMES)
def test_a_certificate_carries_the_identity_and_nothing_else(namespace: str, account: str) -> None:
    who = identity(namespace, account)
    found = certificate(AUTHORITY.issue(who))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert list(names.value) == [x509.UniformResourceIdentifier(who)]
    assert names.critical
    assert not list(found.subject)


def test_a_certificate_serves_both_ends_and_signs_no_other() -> None:
    extensions = certificate(AUTHORITY.issue(ALERTS)).extensions
    ends = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(ends) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_certificate_lasts_a_day_and_is_replaced_at_half_of_it() -> None:
    authority = Authority(now=lambda: NOON)
    found = certificate(authority.issue(ALERTS))
    assert found.not_valid_after_utc == NOON + timedelta(hours=24)
    assert found.not_valid_before_utc == NOON - timedelta(minutes=2)
    assert authority.rotation == timedelta(hours=12)


def test_an_expired_certificate_ended_an_hour_ago_and_lasted_a_day() -> None:
    found = certificate(Authority(now=lambda: NOON).issue(ALERTS, expired=True))
    assert found.not_valid_after_utc == NOON - timedelta(hours=1)
    assert found.not_valid_before_utc == NOON - timedelta(hours=25, minutes=2)


def test_only_its_own_root_stands_for_a_certificate() -> None:
    found = certificate(AUTHORITY.issue(ALERTS))
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(AUTHORITY.root.encode()))
    with pytest.raises((InvalidSignature, ValueError)):
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(Authority().root.encode()))


def test_every_certificate_has_a_key_of_its_own_that_is_never_printed() -> None:
    first, second = AUTHORITY.issue(ALERTS), AUTHORITY.issue(ALERTS)
    assert first.key != second.key
    key = load_pem_private_key(first.key.encode(), password=None)
    assert key.public_key() == certificate(first).public_key()
    assert "PRIVATE" not in repr(first)


def test_the_root_is_one_that_tls_accepts() -> None:
    context = ssl.create_default_context(cadata=AUTHORITY.root)
    assert context.cert_store_stats()["x509_ca"] == 1
