from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from usher_webhooks.adapters.http import HttpSender
from usher_webhooks.destinations import DestinationPolicy

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def serve(behave: Behave, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A raw server: its address, and an event that tells that the client has hung up."""
    hung_up = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            hung_up.set()
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}", hung_up


def sender(timeout_seconds: float = 20.0) -> HttpSender:
    return HttpSender(DestinationPolicy(True), timeout_seconds=timeout_seconds, max_response_bytes=8192)


async def for_ever(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    while True:
        writer.write(chunk)
        await writer.drain()


async def test_an_endless_body_is_cut_off() -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Type: text/plain\r\n\r\n")
        await for_ever(writer, b"x" * 65536)

    async with serve(behave) as (address, hung_up):
        one = sender()
        answer = await one.send(f"http://{address}/", {}, b"{}")
        assert (answer.status, answer.error) == (200, None)
        await asyncio.wait_for(hung_up.wait(), 10)
        await one.close()


async def test_a_slow_body_is_not_waited_for() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 100\r\n\r\nx")
        await writer.drain()
        await reader.readuntil(b"never sent")

    async with serve(behave) as (address, hung_up):
        one = sender(timeout_seconds=30)
        answer = await one.send(f"http://{address}/", {}, b"{}")
        assert (answer.status, answer.error) == (200, None)
        await asyncio.wait_for(hung_up.wait(), 10)
        await one.close()


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        OK + b"".join(b"X-%d: x\r\n" % n for n in range(100_000)) + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 999999 what\r\n\r\n",
        b"",
    ],
    ids=["long header", "many headers", "another protocol", "bad status", "silence"],
)
async def test_an_answer_that_is_no_answer_is_a_failure(answer) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with serve(behave) as (address, _):
        one = sender()
        got = await one.send(f"http://{address}/", {}, b"{}")
        assert got.status is None
        assert got.error is not None
        assert address not in got.error
        await one.close()


async def test_headers_without_end_and_silence_end_with_the_timeout() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        while True:
            writer.write(b"X: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def keep_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"never sent")

    for behave in (drip, keep_silent):
        async with serve(behave) as (address, hung_up):
            one = sender(timeout_seconds=0.3)
            answer = await one.send(f"http://{address}/", {}, b"{}")
            assert (answer.status, answer.error) == (None, "no answer in time")
            await asyncio.wait_for(hung_up.wait(), 10)
            await one.close()


async def test_a_closed_port_and_an_unknown_name_are_failures() -> None:
    async def behave(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None: ...

    async with serve(behave) as (address, _):
        pass
    one = sender()
    assert (await one.send(f"http://{address}/", {}, b"{}")).error == "cannot connect"
    assert (await one.send("http://nowhere.invalid/", {}, b"{}")).error is not None
    await one.close()


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120.0), ("soon", None), ("-5", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
async def test_retry_after_is_read(value, seconds) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: {value}\r\n\r\n".encode())
        await writer.drain()

    async with serve(behave) as (address, _):
        one = sender()
        answer = await one.send(f"http://{address}/", {}, b"{}")
        assert (answer.status, answer.retry_after_seconds) == (503, seconds)
        await one.close()


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for that host, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "endpoint.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())


async def test_tls_keeps_the_host_name_and_checks_the_certificate(tmp_path, fixed_resolver) -> None:
    server_tls, client_tls = certificate(tmp_path, "hooks.example.com")
    asked: list[str | None] = []
    server_tls.sni_callback = lambda _, name, __: asked.append(name)

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with serve(behave, tls=server_tls) as (address, _):
        port = address.split(":")[1]
        one = HttpSender(
            DestinationPolicy(True),
            timeout_seconds=10,
            max_response_bytes=100,
            resolver=fixed_resolver("127.0.0.1"),
            tls=client_tls,
        )
        assert (await one.send(f"https://hooks.example.com:{port}/", {}, b"{}")).status == 204
        assert asked == ["hooks.example.com"]
        other = await one.send(f"https://other.example.com:{port}/", {}, b"{}")
        assert (other.status, other.error) == (None, "the TLS certificate or handshake failed")
        await one.close()
        untrusting = HttpSender(
            DestinationPolicy(True),
            timeout_seconds=10,
            max_response_bytes=100,
            resolver=fixed_resolver("127.0.0.1"),
        )
        answer = await untrusting.send(f"https://hooks.example.com:{port}/", {}, b"{}")
        assert answer.error == "the TLS certificate or handshake failed"
        await untrusting.close()
