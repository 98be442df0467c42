from __future__ import annotations

from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from usher_webhooks.adapters.http import HttpSender
from usher_webhooks.destinations import DestinationPolicy, ForbiddenDestination

FORBIDDEN = [
    "169.254.169.254",  # metadata
    "100.100.100.200",  # another cloud's metadata, in carrier-grade NAT space
    "fd00:ec2::254",  # and in unique local space
    "fd20:ce::254",
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104  an address to refuse, not to bind
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",  # mapped
    "::ffff:8.8.8.8",
    "64:ff9b::a9fe:a9fe",  # NAT64 of the metadata address
    "64:ff9b:1::1",
    "2002:a9fe:a9fe::1",  # 6to4 of it
    "2001:0:1::1",  # Teredo
    "2001:db8::1",
    "100::1",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"]
METADATA_SPELLINGS = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "0xA9.254.0251.254",
    "169.254.169.254.",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::]",
    "[fe80::1%25eth0]",
]
LOCAL_NAMES = [
    "localhost",
    "LOCALHOST.",
    "x.localhost",
    "metadata.google.internal",
    "printer.local",
    "metadata",
    "a.home.arpa",
]


def sender(resolver: AbstractResolver | None = None, **more: Any) -> HttpSender:
    policy = more.pop("policy", DestinationPolicy())
    return HttpSender(policy, timeout_seconds=5, max_response_bytes=100, resolver=resolver, **more)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_addresses_are_forbidden(address) -> None:
    assert not DestinationPolicy().allows(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address) -> None:
    assert DestinationPolicy().allows(address)
    assert DestinationPolicy(allow_private_networks=True).allows(address)


def test_with_private_networks_allowed_the_metadata_service_is_still_forbidden() -> None:
    policy = DestinationPolicy(allow_private_networks=True)
    assert [a for a in FORBIDDEN if policy.allows(a)] == [
        "127.0.0.1",
        "127.255.255.254",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "::1",
        "fc00::1",
    ]


@pytest.mark.parametrize("host", METADATA_SPELLINGS)
@pytest.mark.parametrize("private", [False, True])
async def test_every_spelling_is_refused_at_registration_and_when_connecting(host, private) -> None:
    policy = DestinationPolicy(allow_private_networks=private)
    one = sender(policy=policy)
    url = f"https://{host}/latest/meta-data"
    with pytest.raises(ForbiddenDestination):
        policy.check_url(url)
    answer = await one.send(url, {}, b"{}")
    assert answer.status is None
    assert answer.error is not None
    await one.close()


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_local_names_are_refused_at_registration(host) -> None:
    with pytest.raises(ForbiddenDestination):
        DestinationPolicy().check_url(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://",
        "https:///x",
        "https://user@example.com/",
        "https://example.com\\@169.254.169.254/",
        "https://example.com:0x50/",
        "https://①⑥⑨.254.169.254/",
        "https://exam\tple.com/",
    ],
)
def test_odd_urls_are_refused(url) -> None:
    with pytest.raises(ForbiddenDestination):
        DestinationPolicy().check_url(url)


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_a_name_that_resolves_to_a_forbidden_address_is_refused(address, fixed_resolver) -> None:
    one = sender(fixed_resolver(address))
    with pytest.raises(ForbiddenDestination):
        await one.check("https://innocent.example.com/")
    answer = await one.send("https://innocent.example.com/", {}, b"{}")
    assert answer.error == "the host resolves to an address that webhooks are not sent to"
    await one.close()


async def test_rebinding_between_registration_and_delivery_is_refused(endpoint, fixed_resolver) -> None:
    """The name is public when it is registered and loopback, where something listens, when it is delivered to."""
    port = endpoint.url.split(":")[2].split("/")[0]
    url = f"http://rebinding.example.com:{port}/hook"
    resolver = fixed_resolver("93.184.215.14", "127.0.0.1")
    guarded = HttpSender(_HttpToo(), timeout_seconds=5, max_response_bytes=100, resolver=resolver)
    await guarded.check(url)
    answer = await guarded.send(url, {}, b"{}")
    assert answer.error == "the host resolves to an address that webhooks are not sent to"
    assert endpoint.received == []
    await guarded.close()


async def test_the_address_connected_to_is_checked_even_if_resolving_lied(endpoint, fixed_resolver) -> None:
    """Without the resolver's check (a policy that changes its mind) the socket's own check still refuses."""
    port = endpoint.url.split(":")[2].split("/")[0]
    policy = _FirstAllowed()
    one = HttpSender(policy, timeout_seconds=5, max_response_bytes=100, resolver=fixed_resolver("127.0.0.1"))
    answer = await one.send(f"http://innocent.example.com:{port}/hook", {}, b"{}")
    assert (policy.asked, answer.status) == (2, None)
    assert endpoint.received == []
    await one.close()


async def test_control_without_the_policy_the_same_request_arrives(endpoint, fixed_resolver) -> None:
    port = endpoint.url.split(":")[2].split("/")[0]
    allowed = sender(fixed_resolver("127.0.0.1"), policy=DestinationPolicy(allow_private_networks=True))
    answer = await allowed.send(f"http://innocent.example.com:{port}/hook", {"webhook-id": "x"}, b"{}")
    assert answer.status == 204
    assert endpoint.received[0].headers["host"] == f"innocent.example.com:{port}"
    await allowed.close()


class _HttpToo(DestinationPolicy):
    """The strict rule for addresses, without the demand for https: the test endpoint has no certificate."""

    def check_url(self, url: str) -> tuple[str, int]:
        return DestinationPolicy(allow_private_networks=True).check_url(url)


class _FirstAllowed(DestinationPolicy):
    asked = 0

    def check_url(self, url: str) -> tuple[str, int]:
        return "innocent.example.com", 80

    def allows(self, address: str) -> bool:
        type(self).asked += 1
        return type(self).asked == 1


async def test_registration_refuses_what_resolves_to_a_private_address(open_service, fixed_resolver) -> None:
    async with open_service(allow_private_networks=False, resolver=fixed_resolver("10.0.0.1")) as service:
        answer = await service.call("POST", "/webhooks/register", json={"url": "https://hooks.example.com/x"})
        assert (answer.status_code, answer.json()["code"]) == (422, "forbidden_destination")
        plain = await service.call("POST", "/webhooks/register", json={"url": "http://hooks.example.com/x"})
        assert plain.json()["code"] == "forbidden_destination"
    async with open_service(allow_private_networks=False, resolver=fixed_resolver("93.184.215.14")) as service:
        made = await service.register("https://hooks.example.com/x")
        path = f"/webhooks/{made['webhook_id']}"
        changed = await service.call("PATCH", path, json={"url": "https://0x7f.1/"})
        assert (changed.status_code, changed.json()["code"]) == (422, "forbidden_destination")
        assert (await service.call("GET", path)).json()["url"] == "https://hooks.example.com/x"
