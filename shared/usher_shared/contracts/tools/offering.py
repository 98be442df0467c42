"""The tools as they are offered to whoever is not trusted to say for whom it acts: a model, another program.

What the system fills in is hidden from the schemas, and overwritten whatever was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.tools.listing import TOOLS

IDENTITY_FIELDS = ("customer_id", "payment_method_token")
# a customer's words, which outlive the conversation with the order or ticket
TEXT_FIELDS = ("reason", "subject", "details")
DEFAULT_METHOD = "default"  # the payment method on file

# what changes nothing and writes nothing down
READS = frozenset(
    {
        "search_events",
        "get_event_info",
        "check_inventory",
        "get_order",
        "list_orders",
        "get_credit",
        "get_wait_list",
    }
)

Kind = Literal["read", "write", "protected"]


def kind_of(name: str) -> Kind:
    """How a known tool is run: reads at once, writes in order, protected actions only after a yes.

    A quote runs as reads do, though it is written down, keeps a hold for longer and may open a support ticket.
    """
    if name in PROTECTED_ACTIONS:
        return "protected"
    return "read" if name in READS or name == "quote" else "write"


def offered_parameters(name: str) -> dict[str, Any]:
    """JSON Schema of a known tool's parameters, without those that the system fills in; the caller's own copy."""
    parameters: dict[str, Any] = TOOLS[name].schema()["function"]["parameters"]
    for field in IDENTITY_FIELDS:
        parameters.get("properties", {}).pop(field, None)
    required = [field for field in parameters.pop("required", []) if field not in IDENTITY_FIELDS]
    if required:
        parameters["required"] = required
    return parameters


def fill_in(
    name: str, arguments: Mapping[str, Any], *, customer_id: str, payment_method_token: str = DEFAULT_METHOD
) -> dict[str, Any]:
    """A known tool's arguments with the session's identity, nulls dropped; those of a quoted action too."""
    given = {key: value for key, value in arguments.items() if value is not None and key not in IDENTITY_FIELDS}
    identity = {"customer_id": customer_id, "payment_method_token": payment_method_token}
    given |= {field: identity[field] for field in _identity_fields(name)}
    action = given.get("action")
    if name == "quote" and isinstance(action, str) and action in PROTECTED_ACTIONS and action in TOOLS:
        inner = given.get("arguments")
        if isinstance(inner, Mapping):
            given["arguments"] = fill_in(
                action, inner, customer_id=customer_id, payment_method_token=payment_method_token
            )
    return given


@cache
def _identity_fields(name: str) -> tuple[str, ...]:
    return tuple(field for field in IDENTITY_FIELDS if field in TOOLS[name].arguments.model_fields)
