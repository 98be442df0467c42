"""Digital tickets: who gets them, what a door makes of them, and when they are no longer good."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from usher_shared.contracts.tickets import DoorList, TicketList
from usher_tools.settings import Settings
from usher_tools.tickets.door import Verdict, judge
from usher_tools.tickets.tokens import InvalidToken, TicketClaims, TicketReader, TicketSigner

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
START = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)


def _settings(*keys: str) -> Settings:
    return Settings(ticket_signing_key=SecretStr("\n".join(keys)))


@pytest.fixture
async def ticketing(open_box_office: Any) -> Any:
    async with open_box_office(settings=_settings(OLD)) as office:
        yield office


async def _tickets(office: Any, order_id: str, customer: str = "ann") -> TicketList:
    response = await office.raw("GET", f"/orders/{order_id}/tickets?customer_id={customer}", caller="gateway")
    assert response.status_code == 200, response.text
    return TicketList.model_validate(response.json())


async def _door(office: Any, event_id: str = "tonight") -> DoorList:
    response = await office.raw("GET", f"/events/{event_id}/door-list", caller="cli")
    assert response.status_code == 200, response.text
    return DoorList.model_validate(response.json())


async def _reader(office: Any) -> TicketReader:
    return TicketReader((await office.raw("GET", "/tickets/keys", caller="gateway")).json()["keys"])


async def _judge(office: Any, payload: str, door: DoorList | None = None) -> Verdict:
    reader = await _reader(office)
    return judge(payload, reader, reader.read_list((door or await _door(office)).list), office.clock.now())


async def test_a_ticket_opens_the_door_of_its_event(ticketing: Any) -> None:
    order = await ticketing.buy(["A-2-5", "A-2-6"])
    tickets = await _tickets(ticketing, order["order_id"])
    assert [ticket.seat_id for ticket in tickets.tickets] == ["A-2-5", "A-2-6"]
    assert len({ticket.ticket_id for ticket in tickets.tickets}) == 2
    assert tickets.tickets[0].description == "Floor, row 2, seat 5"
    for ticket in tickets.tickets:
        verdict = await _judge(ticketing, ticket.payload)
        assert (verdict.reason, verdict.words) == ("ok", f"seat {ticket.seat_id}")
    other = await ticketing.buy(["A-2-5"], event_id="next-week")
    elsewhere = (await _tickets(ticketing, other["order_id"])).tickets[0]
    assert (await _judge(ticketing, elsewhere.payload)).reason == "other_event"


async def test_the_payload_names_no_person(ticketing: Any) -> None:
    order = await ticketing.buy(["A-2-5"], "ann-of-green-gables")
    (ticket,) = (await _tickets(ticketing, order["order_id"], "ann-of-green-gables")).tickets
    header = jwt.get_unverified_header(ticket.payload)
    claims = jwt.decode(ticket.payload, options={"verify_signature": False})
    assert set(claims) == {"t", "e", "s", "r", "iat", "exp"}
    assert header["alg"] == "EdDSA"
    assert "gables" not in json.dumps([header, claims])
    assert order["order_id"] not in json.dumps(claims)
    assert len(ticket.payload) < 400


async def test_an_upgrade_replaces_the_tickets(ticketing: Any) -> None:
    id = (await ticketing.buy(["B-A-4", "B-A-5"]))["order_id"]
    before = await _tickets(ticketing, id)
    stale = await _door(ticketing)
    ticketing.clock.advance(timedelta(minutes=1))
    quote = await ticketing.quote("upgrade_tickets", {"order_id": id, "target_section": "A"})
    assert (await ticketing.act(quote)).status_code == 200
    ticketing.clock.advance(timedelta(minutes=1))
    after = await _tickets(ticketing, id)
    assert after.revision == before.revision + 1
    assert {t.ticket_id for t in after.tickets}.isdisjoint(t.ticket_id for t in before.tickets)
    for ticket in before.tickets:
        assert (await _judge(ticketing, ticket.payload)).reason == "replaced"
    entries = [(await _judge(ticketing, ticket.payload)).ticket.entry_id for ticket in after.tickets]
    assert entries == [ticket.ticket_id for ticket in before.tickets]  # who came in with the old one has come in
    for ticket in after.tickets:
        assert (await _judge(ticketing, ticket.payload)).reason == "ok"
        # a list from before the move does not know them, and the door is told why
        assert (await _judge(ticketing, ticket.payload, stale)).reason == "newer_than_list"


async def test_a_refunded_seat_loses_its_ticket_and_the_others_keep_theirs(ticketing: Any) -> None:
    id = (await ticketing.buy(["A-2-5", "A-2-6"]))["order_id"]
    gone, kept = (await _tickets(ticketing, id)).tickets
    quote = await ticketing.quote("refund_order", {"order_id": id, "seat_ids": ["A-2-5"]})
    assert (await ticketing.act(quote)).status_code == 200
    ticketing.clock.advance(timedelta(minutes=1))
    assert (await _judge(ticketing, gone.payload)).reason == "replaced"
    assert (await _judge(ticketing, kept.payload)).reason == "ok"
    assert [ticket.ticket_id for ticket in (await _tickets(ticketing, id)).tickets] == [kept.ticket_id]
    again = await ticketing.buy(["A-2-5"], "bob")
    (bobs,) = (await _tickets(ticketing, again["order_id"], "bob")).tickets
    assert bobs.ticket_id != gone.ticket_id
    assert (await _judge(ticketing, gone.payload)).reason == "replaced"
    assert (await _judge(ticketing, bobs.payload)).reason == "ok"


async def test_tickets_of_others_are_not_there(ticketing: Any) -> None:
    id = (await ticketing.buy(["A-2-5"]))["order_id"]
    (ticket,) = (await _tickets(ticketing, id)).tickets
    for path in (f"/orders/{id}/tickets", f"/orders/{id}/tickets/{ticket.ticket_id}"):
        response = await ticketing.raw("GET", f"{path}?customer_id=bob")
        assert (response.status_code, response.json()["code"]) == (404, "order_not_found")
    response = await ticketing.raw("GET", f"/orders/{id}/tickets/TKT_NONE?customer_id=ann")
    assert (response.status_code, response.json()["code"]) == (404, "ticket_not_found")
    for caller in ("agent", "gateway"):
        assert (await ticketing.raw("GET", "/events/tonight/door-list", caller=caller)).status_code == 403
    assert (await ticketing.raw("GET", "/events/none/door-list", caller="cli")).status_code == 404


async def test_the_code_is_drawn_as_svg(ticketing: Any) -> None:
    id = (await ticketing.buy(["A-2-5"]))["order_id"]
    (ticket,) = (await _tickets(ticketing, id)).tickets
    path = f"/orders/{id}/tickets/{ticket.ticket_id}?customer_id=ann"
    response = await ticketing.raw("GET", f"{path}&format=svg")
    assert response.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(response.content)  # noqa: S314  our own drawing
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}title").text == "Floor, row 2, seat 5"  # type: ignore[union-attr]
    as_json = await ticketing.raw("GET", path)
    assert as_json.json()["ticket_id"] == ticket.ticket_id


async def test_without_a_key_there_are_no_tickets(office: Any) -> None:
    id = (await office.buy(["A-2-5"]))["order_id"]
    for path in (f"/orders/{id}/tickets?customer_id=ann", "/tickets/keys"):
        response = await office.raw("GET", path)
        assert (response.status_code, response.json()["code"]) == (503, "tickets_not_configured")


async def test_a_key_that_is_none_stops_the_start_and_is_not_repeated(open_box_office: Any) -> None:
    with pytest.raises(ValueError, match="Ed25519") as caught:
        async with open_box_office(settings=_settings("hunter2-hunter2")):
            pass
    assert "hunter2" not in str(caught.value)


async def test_after_a_rotation_old_tickets_still_open(open_box_office: Any) -> None:
    async with open_box_office(settings=_settings(OLD)) as office:
        id = (await office.buy(["A-2-5"]))["order_id"]
        (before,) = (await _tickets(office, id)).tickets
    async with open_box_office(settings=_settings(NEW, OLD)) as office:
        (after,) = (await _tickets(office, id)).tickets
        keys = (await office.raw("GET", "/tickets/keys")).json()["keys"]
        kids = [jwt.get_unverified_header(ticket.payload)["kid"] for ticket in (after, before)]
        assert kids == [key["kid"] for key in keys]
        assert all("d" not in key for key in keys)
        assert (await _judge(office, before.payload)).reason == "ok"
    async with open_box_office(settings=_settings(NEW)) as office:
        verdict = await _judge(office, before.payload)
        assert (verdict.reason, verdict.ticket) == ("not_ours", None)


async def test_an_order_stored_before_there_were_tickets(ticketing: Any) -> None:
    id = (await ticketing.buy(["A-2-5"]))["order_id"]
    stored = await ticketing.store.get("orders", id)
    stored["seats"][0].pop("ticket_id")
    await ticketing.store.set("orders", id, stored)
    (ticket,) = (await _tickets(ticketing, id)).tickets
    assert (await _judge(ticketing, ticket.payload)).reason == "ok"
    assert (await ticketing.act(await ticketing.quote("upgrade_tickets", {"order_id": id}))).status_code == 200
    (moved,) = (await _tickets(ticketing, id)).tickets
    verdict = await _judge(ticketing, moved.payload)
    assert (verdict.reason, verdict.ticket.entry_id) == ("ok", ticket.ticket_id)


async def test_a_cancelled_event_admits_nobody(ticketing: Any, small_catalogue: Any) -> None:
    id = (await ticketing.buy(["A-2-5"]))["order_id"]
    (ticket,) = (await _tickets(ticketing, id)).tickets
    catalogue = small_catalogue()
    catalogue["events"][0]["status"] = "cancelled"
    assert (await ticketing.raw("POST", "/catalogue", caller="cli", json=catalogue)).status_code == 200
    ticketing.clock.advance(timedelta(minutes=1))
    response = await ticketing.raw("GET", f"/orders/{id}/tickets?customer_id=ann")
    assert (response.status_code, response.json()["code"]) == (409, "event_cancelled")
    assert (await _door(ticketing)).tickets == 0
    assert (await _judge(ticketing, ticket.payload)).reason == "replaced"


CLAIMS = TicketClaims("TKT_1", "TKT_1", "tonight", "A-2-5", 1, START - timedelta(hours=3), START + timedelta(days=1))


def _parts() -> tuple[TicketSigner, TicketReader, str]:
    signer = TicketSigner.parse(OLD)
    return signer, TicketReader(signer.public_keys()), signer.sign_ticket(CLAIMS)


def test_every_altered_character_is_noticed() -> None:
    _, reader, payload = _parts()
    assert reader.read_ticket(payload) == CLAIMS
    for position, letter in enumerate(payload):
        altered = payload[:position] + ("A" if letter != "A" else "B") + payload[position + 1 :]
        try:
            assert reader.read_ticket(altered) == CLAIMS  # the last letter of base64 has bits that say nothing
            assert position in (len(payload) - 1, payload.index(".") - 1, payload.rindex(".") - 1)
        except InvalidToken:
            pass


def test_other_algorithms_and_kinds_are_refused() -> None:
    signer, reader, payload = _parts()
    kid = signer.public_keys()[0]["kid"]
    claims = jwt.decode(payload, options={"verify_signature": False})
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": kid, "typ": "ticket"})
    shared = jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": kid, "typ": "ticket"})
    foreign = TicketSigner([Ed25519PrivateKey.generate()]).sign_ticket(CLAIMS)
    a_list = signer.sign_list("tonight", START, ["TKT_1"])
    for wrong in (unsigned, shared, foreign, a_list, "", "a.b.c", payload[:-4], payload + payload):
        with pytest.raises(InvalidToken):
            reader.read_ticket(wrong)
    with pytest.raises(InvalidToken):
        reader.read_list(payload)


def test_a_ticket_ends() -> None:
    signer, reader, payload = _parts()
    door = reader.read_list(signer.sign_list("tonight", START, ["TKT_1"]))
    assert judge(payload, reader, door, CLAIMS.valid_until - timedelta(seconds=1)).admits
    assert judge(payload, reader, door, CLAIMS.valid_until).reason == "expired"


def test_a_list_of_a_full_house_is_small_and_exact() -> None:
    signer, reader, _ = _parts()
    ids = [f"TKT_{number}" for number in range(20_000)]
    packed = signer.sign_list("tonight", START, ids)
    door = reader.read_list(packed)
    assert len(packed) < 300_000
    assert all(door.holds(id) for id in ids)
    assert not any(door.holds(f"TKT_{number}") for number in range(20_000, 60_000))


def test_keys_in_every_form() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    urlsafe = base64.urlsafe_b64encode(bytes([2]) * 32).decode().rstrip("=")
    kid = TicketSigner.parse(OLD).public_keys()[0]["kid"]
    assert TicketSigner.parse(pem).public_keys()[0]["kid"] == kid
    assert [key["kid"] for key in TicketSigner.parse(f"{urlsafe}, {OLD}").public_keys()][1] == kid
    for wrong in (
        "",
        "short",
        base64.b64encode(b"x" * 31).decode(),
        "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
    ):
        with pytest.raises(ValueError, match="Ed25519"):
            TicketSigner.parse(wrong)


async def test_an_exchange_replaces_the_ticket(open_box_office: Any, small_catalogue: Any) -> None:
    catalogue = small_catalogue()
    catalogue["events"][0]["policies"]["exchange"] = {"until_hours_before": 1}
    async with open_box_office(settings=_settings(OLD), catalogue=catalogue) as office:
        id = (await office.buy(["A-2-5"]))["order_id"]
        (before,) = (await _tickets(office, id)).tickets
        hold = await office.hold(["A-2-6"])
        wanted = {"order_id": id, "hold_id": hold["hold_id"]}
        answer = (await office.act(await office.quote("exchange_order", wanted))).json()
        office.clock.advance(timedelta(minutes=1))
        assert (await _tickets(office, id)).tickets == []
        (after,) = (await _tickets(office, answer["new_order_id"])).tickets
        assert (await _judge(office, before.payload)).reason == "replaced"
        verdict = await _judge(office, after.payload)
        assert (verdict.reason, verdict.ticket.entry_id) == ("ok", before.ticket_id)


async def test_general_admission_has_tickets_of_its_own(open_box_office: Any, small_catalogue: Any) -> None:
    catalogue = small_catalogue()
    catalogue["venues"][0]["sections"].append({"id": "F", "name": "Standing", "capacity": 50})
    catalogue["events"][0]["prices"]["F"] = 40
    async with open_box_office(settings=_settings(OLD), catalogue=catalogue) as office:
        offer = await office.ok("check_inventory", {"event_id": "tonight", "quantity": 2, "section": "Standing"})
        id = (await office.buy([seat["id"] for seat in offer["seats"]]))["order_id"]
        first, second = (await _tickets(office, id)).tickets
        assert first.description == second.description == "Standing, general admission"
        assert first.ticket_id != second.ticket_id
        quote = await office.quote("refund_order", {"order_id": id, "seat_ids": [first.seat_id]})
        assert (await office.act(quote)).status_code == 200
        office.clock.advance(timedelta(minutes=1))
        assert (await _judge(office, first.payload)).reason == "replaced"
        assert (await _judge(office, second.payload)).reason == "ok"
