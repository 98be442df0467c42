"""A message of the protocol, as far as the gateway looks into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.proposals import IDEMPOTENCY_META, PROPOSAL_META


@dataclass(frozen=True, slots=True)
class Message:
    """`content` is the decoded JSON: one JSON-RPC message, or what the box office will refuse."""

    content: Any

    @property
    def _params(self) -> dict[str, Any]:
        params = self.content.get("params") if isinstance(self.content, dict) else None
        return params if isinstance(params, dict) else {}

    @property
    def _meta(self) -> dict[str, Any]:
        meta = self._params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    def protected_call(self) -> dict[str, Any] | None:
        """For a call that needs the customer's yes: what to ask of the agent (as ProposalRequest)."""
        if not self._params or self.content.get("method") != "tools/call" or "id" not in self.content:
            return None
        name, arguments = self._params.get("name"), self._params.get("arguments")
        arguments = {} if arguments is None else arguments
        if not isinstance(name, str) or name not in PROTECTED_ACTIONS or not isinstance(arguments, dict):
            return None
        return {"action": name, "arguments": arguments, "idempotency_key": self._meta.get(IDEMPOTENCY_META)}

    def without_proposal(self) -> Message:
        """No client says what the agent has answered."""
        if PROPOSAL_META not in self._meta:
            return self
        return self._with_meta({key: value for key, value in self._meta.items() if key != PROPOSAL_META})

    def with_proposal(self, proposal: dict[str, Any]) -> Message:
        """With the agent's answer handed in, or `{"problem": …}`."""
        return self._with_meta({**self._meta, PROPOSAL_META: proposal})

    def _with_meta(self, meta: dict[str, Any]) -> Message:
        return Message({**self.content, "params": {**self._params, "_meta": meta}})
