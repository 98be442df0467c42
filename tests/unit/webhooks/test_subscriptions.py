from __future__ import annotations

import base64

import pytest


async def test_the_secret_is_shown_once(service, endpoint) -> None:
    made = await service.register(endpoint.url, events=["ticket_purchased"], description="till")
    assert made["secret"].startswith("whsec_")
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    seen = (await service.call("GET", f"/webhooks/{made['webhook_id']}")).json()
    assert seen == {key: value for key, value in made.items() if key != "secret"}
    assert (await service.call("GET", "/webhooks")).json() == {"webhooks": [seen]}
    assert seen["status"] == "active"


async def test_a_webhook_of_another_owner_does_not_exist(service, endpoint) -> None:
    made = await service.register(endpoint.url, owner="venue")
    path = f"/webhooks/{made['webhook_id']}"
    calls = [
        ("GET", path, None),
        ("PATCH", path, {"status": "disabled"}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate-secret", None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/replay", {"since": "2026-01-01T00:00:00Z"}),
    ]
    for method, url, body in calls:
        answer = await service.call(method, url, owner="other", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, url)
    assert (await service.call("GET", "/webhooks", owner="other")).json() == {"webhooks": []}
    assert (await service.call("GET", path)).json()["status"] == "active"


async def test_change_and_delete(service, endpoint) -> None:
    made = await service.register(endpoint.url, description="till")
    path = f"/webhooks/{made['webhook_id']}"
    changed = (await service.call("PATCH", path, json={"events": ["ticket_refunded"], "status": "disabled"})).json()
    assert (changed["events"], changed["status"], changed["description"]) == (["ticket_refunded"], "disabled", "till")
    assert (await service.call("PATCH", path, json={"description": None})).json()["description"] is None
    assert (await service.call("DELETE", path)).status_code == 204
    assert (await service.call("GET", path)).status_code == 404
    assert (await service.call("DELETE", path)).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://example.com/x", "events": ["no_such_event"]}, "unknown_event"),
        ({"url": "https://example.com/x", "events": ["chat_turn_completed"]}, "unknown_event"),
        ({"url": "https://example.com/x", "events": []}, "validation_failed"),
        ({"url": "ftp://example.com/x"}, "validation_failed"),
        ({"url": "https://user:password@example.com/x"}, "forbidden_destination"),
        ({"url": "https://exämple.com/x"}, "forbidden_destination"),
        ({"url": "https://example.com:99999/"}, "forbidden_destination"),
        ({}, "validation_failed"),
    ],
)
async def test_a_bad_registration_says_what_is_wrong(service, body, code) -> None:
    answer = await service.call("POST", "/webhooks/register", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_client_has_a_bounded_number_of_webhooks(open_service, endpoint) -> None:
    async with open_service(max_webhooks_per_client=1) as service:
        await service.register(endpoint.url)
        again = await service.call("POST", "/webhooks/register", json={"url": endpoint.url})
        assert (again.status_code, again.json()["code"]) == (409, "too_many_webhooks")
        await service.register(endpoint.url, owner="other")


async def test_only_the_gateway_may_call(service) -> None:
    assert (await service.client.get("/webhooks", headers={"Usher-Client": "venue"})).status_code == 401
    bus = {"Authorization": f"Bearer {service._bus}", "Usher-Client": "venue"}
    assert (await service.client.get("/webhooks", headers=bus)).status_code == 403
    assert (await service.call("POST", "/push", json={})).status_code == 403
