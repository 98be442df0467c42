"""The box office as the gate in front of it sees it: this service's own, or the one that a venue keeps itself."""

from __future__ import annotations

from typing import Any, Protocol

from usher_shared.contracts.tools import Arguments
from usher_tools.office import Call

# the tools that anyone may ask without saying for whom, and that change nothing
PUBLIC = frozenset({"search_events", "get_event_info", "check_inventory"})


class BoxOffice(Protocol):
    """Runs tool calls that `toolbox.service.run_tool` has checked: arguments, caller, customer, idempotency lease.

    The implementation owns what has to happen in one transaction: `call.check` and `call.finish` for a call with a
    lease; the confirmation's check against the quote, its use and the domain event for a protected action.
    """

    async def run(self, name: str, arguments: Arguments, call: Call) -> dict[str, Any]:
        """The answer of the tool as JSON, in the shape of its answer model.

        Raises NotFound unknown_tool for a tool it does not offer, ConfirmationRequired, and what the tool raises.
        """
        ...
