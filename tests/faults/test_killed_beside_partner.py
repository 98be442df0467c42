"""Our process is killed with SIGKILL between what the venue's system did and what we write down of it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.responses import Response

from box_office import open_files
from reference_partner import EVENT, Venue
from served import Served, free_port
from usher_shared.clock import ManualClock
from usher_shared.contracts.confirmations import Confirmation
from usher_tools.adapters.partner_http import HttpPartner
from usher_tools.partner.actions import reconcile_actions

_KEY = secrets.token_hex(16)
_NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)

# buys two seats in a process of its own, and writes down the yes before it is carried out
_BUYER = """
import asyncio, json, sys
from datetime import datetime
from pathlib import Path
from pydantic import SecretStr
from box_office import open_files
from usher_shared.clock import ManualClock
from usher_tools.adapters.partner_http import HttpPartner

async def main(folder, url, key, now, event_id):
    partner = HttpPartner(url, SecretStr(key), try_seconds=60, action_seconds=60)
    async with open_files(Path(folder), clock=ManualClock(datetime.fromisoformat(now)), partner=partner) as office:
        hold = await office.hold(["BOX-A-1", "BOX-A-2"], "ann", event_id)
        quote = await office.quote("create_order", {"hold_id": hold["hold_id"]})
        yes = office.confirm(quote)
        Path(folder, "yes.json").write_text(json.dumps({"quote": quote, "yes": yes.model_dump(mode="json")}))
        await office.act(quote, yes=yes)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("moment", ["before the effect", "after the effect"])
async def test_the_purchase_is_made_once_and_announced_once(tmp_path: Path, moment: str) -> None:
    clock = ManualClock(_NOW)
    venue = Venue(_KEY, clock.now)
    reached, never = asyncio.Event(), asyncio.Event()

    async def stop_here(tool: str) -> Response | None:
        if tool == "create_order":
            reached.set()
            await never.wait()
        return None

    if moment == "after the effect":
        venue.late_fault = stop_here
    else:
        venue.fault = stop_here
    server = Served(lambda: venue.app, free_port(), lifespan=False)
    await server.start()
    try:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        buyer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _BUYER, str(tmp_path), server.url, _KEY, _NOW.isoformat(), EVENT, env=environment
        )
        async with asyncio.timeout(60):
            await reached.wait()
        buyer.send_signal(signal.SIGKILL)
        assert await buyer.wait() == -signal.SIGKILL
        venue.fault = venue.late_fault = None
        assert len(venue.orders) == (1 if moment == "after the effect" else 0)
        kept = json.loads((tmp_path / "yes.json").read_text())
        yes = Confirmation.model_validate(kept["yes"])
        clock.advance(timedelta(seconds=30))  # the killed process's leases have ended
        partner = HttpPartner(server.url, SecretStr(_KEY))
        async with open_files(tmp_path, clock=clock, partner=partner) as office:  # which reconciles at its start
            async with asyncio.timeout(20):
                while await reconcile_actions(office.office, partner):
                    pass
            action = await office.store.get("partner_actions", yes.id)
            assert action is not None
            assert action["status"] == "done"
            answer = (await office.act(kept["quote"], yes=yes)).json()
            assert [answer["order_id"]] == list(venue.orders)
            (event,) = await office.published("usher.ticket_purchased.v1")
            assert event.data["order_id"] == answer["order_id"]
        assert {key for tool, key in venue.calls if tool == "create_order"} == {yes.id}
    finally:
        never.set()
        await server.stop()
