"""The port to a venue's own ticketing system. docs/guides/box-office-partner.md is what the venue promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from usher_shared.contracts.confirmations import Confirmation
from usher_shared.errors import Unavailable, UpstreamTimeout
from usher_tools.office import FIRST_PAGE, Page


class NothingDone(Unavailable):
    """The partner has done nothing: it was not reached, had no time for us, or does not accept our key."""

    code = "partner_unavailable"


class OutcomeUnknown(UpstreamTimeout):
    """A call with an effect went out and no sound answer came back: ask again under the same key."""

    code = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class PartnerCall:
    """One call: `key` for whatever has an effect, `confirmation` for what charges, moves or refunds."""

    tool: str
    arguments: Mapping[str, Any]
    customer_id: str
    key: str | None = None
    confirmation: Confirmation | None = None
    page: Page = FIRST_PAGE


class Partner(Protocol):
    async def ask(self, call: PartnerCall) -> dict[str, Any]:
        """The answer, a JSON object that is not yet checked.

        Repeats what may be repeated: reads, and calls with a key under that key. Raises the partner's refusal as the
        UsherError of its status (below 500), NothingDone, OutcomeUnknown (calls with a key only), UpstreamTimeout,
        UpstreamFailed (nonsense came back).
        """
        ...

    async def ping(self) -> None:
        """Return if the partner says that it is well; raise otherwise."""
        ...

    async def close(self) -> None: ...
