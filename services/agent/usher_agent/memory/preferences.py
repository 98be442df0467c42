"""`preferences`: shows, remembers and forgets what a customer likes; remembers nothing that was not agreed to.

Without consent the tool keeps nothing: the agent itself asks at the end of the reply, and the customer's next message
is the answer. A yes is recorded in the transaction that opens that turn.
"""

from __future__ import annotations

from typing import Any

from usher_agent.guardrails.untrusted import harmless
from usher_agent.memory.customers import Customers
from usher_agent.turns.model import Turn
from usher_agent.turns.own_tools import OwnTool
from usher_shared.contracts.preferences import PREFERENCES, PreferencesCall
from usher_shared.errors import Unprocessable

_DESCRIPTION = (
    "What this customer likes, for later conversations. `remember` when they ask for it or state a lasting preference; "
    "the system asks for their consent. `show` when they ask what is known of them, `forget` when they want it gone."
)


def preferences_tool(customers: Customers) -> OwnTool[PreferencesCall]:
    """Raises Unprocessable where there is nothing to remember."""

    async def run(turn: Turn, given: PreferencesCall) -> dict[str, Any]:
        customer_id = turn.caller.customer_id
        if given.action == "forget":
            await customers.forget(customer_id)
            turn.asks_to_keep = {}
            return {"status": "forgotten"}
        if given.action == "show":
            known = await customers.read(customer_id)
            return {"consent": known.preferences, "remembered": known.remembered.named()}
        values = given.values.named() if given.values else {}
        if not values:
            raise Unprocessable("say what is to be remembered", code="nothing_to_remember")
        if any(isinstance(value, str) and harmless(value) != value for value in values.values()):
            raise Unprocessable("that is no preference", code="no_preference")
        if await customers.keep(customer_id, values, turn.conversation_id):
            turn.keeps_preferences = True
            return {"status": "remembered", "remembered": values}
        turn.asks_to_keep = values
        detail = "nothing is remembered yet: the system asks the customer at the end of your reply, so do not ask"
        return {"status": "consent_required", "detail": detail}

    return OwnTool(PREFERENCES, _DESCRIPTION, PreferencesCall, run)
