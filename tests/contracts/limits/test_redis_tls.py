"""Redis over TLS as Memorystore offers it: a password, and an authority of its own that the URI brings along."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulators.redis import RedisServer, redis_process
from served import HOST
from usher_gateway.adapters.caches import answer_cache
from usher_gateway.adapters.counters import WindowCounter
from usher_gateway.limiting.ports import CounterFailed

PASSWORD = "0b9f-a-password-of-the-tests"
PATIENT = 10.0


class Authority:
    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        certificate = self._sign(self._name, self._key.public_key(), is_authority=True)
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, folder: Path) -> tuple[Path, Path]:
        """Files with the server's certificate, which names its address only as its common name, and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        certificate = self._sign(subject, key.public_key(), is_authority=False)
        files = folder / "server.crt", folder / "server.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Iterator[RedisServer]:
    certificate, key = authority.issue(tmp_path)
    tls = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no"]
    with redis_process(["--port", "0", "--tls-port", "{port}", *tls, "--requirepass", PASSWORD]) as process:
        yield process


def uri(server: RedisServer, authority: Authority, password: str = PASSWORD, *, by_name: bool = False) -> str:
    """As redis.tf writes it."""
    options = f"ssl_check_hostname={str(by_name).lower()}&ssl_ca_data={quote_plus(authority.pem)}"
    return f"rediss://:{password}@{HOST}:{server.port}/0?{options}"


async def test_the_authority_and_the_password_of_the_uri_are_enough(server: RedisServer, authority: Authority) -> None:
    counter = WindowCounter(uri(server, authority), timeout_seconds=PATIENT)
    cache = answer_cache(uri(server, authority), timeout_seconds=PATIENT)

    assert (await counter.count("k", 2)).remaining == 1
    await cache.put("k", b"v", 60)
    assert await cache.get("k") == b"v"
    await counter.close()
    await cache.close()


@pytest.mark.parametrize("wrong", ["authority", "password", "name"])
async def test_a_server_that_is_not_the_right_one_is_not_used(
    server: RedisServer, authority: Authority, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    by = Authority() if wrong == "authority" else authority
    password = "guessed-secret" if wrong == "password" else PASSWORD
    counter = WindowCounter(uri(server, by, password, by_name=wrong == "name"), timeout_seconds=PATIENT)

    with caplog.at_level(logging.DEBUG), pytest.raises(CounterFailed) as failed:
        await counter.count("k", 2)
    reason = {
        "authority": "CERTIFICATE_VERIFY_FAILED",
        "password": "AuthenticationError",
        "name": "CERTIFICATE_VERIFY_FAILED",
    }
    assert reason[wrong] in str(failed.value)
    for secret in (PASSWORD, "guessed-secret"):
        assert secret not in str(failed.value) + caplog.text
    await counter.close()
