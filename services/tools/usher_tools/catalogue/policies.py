"""Policy entries as they are stored, and their texts written from the figures."""

from __future__ import annotations

from usher_tools.catalogue.model import (
    CreditEntry,
    ExchangeEntry,
    InGameUpgradeEntry,
    PoliciesEntry,
    RefundEntry,
    UpgradeEntry,
)
from usher_tools.policies.model import NOT_OFFERED, Policy


def _hours(hours: float) -> str:
    return f"{hours:g} hour{'' if hours == 1 else 's'}"


def _until(hours_before: float) -> str:
    if not hours_before:
        return "the start"
    return f"{_hours(abs(hours_before))} {'before' if hours_before > 0 else 'after'} the start"


def _less(entry: RefundEntry) -> str:
    return f" less {entry.fee_percent:g}% of the price" if entry.fee_percent else ""


def _refund_text(entry: RefundEntry) -> str:
    fees = "included" if entry.fees_refundable else "not refunded"
    return f"Refunds until {_until(entry.until_hours_before)}{_less(entry)}; service fees are {fees}."


def _exchange_text(entry: ExchangeEntry) -> str:
    fees = "included" if entry.fees_refundable else "not included"
    window = f"until {_until(entry.until_hours_before)}"
    return f"Exchanges for other tickets {window}, at what the old ones cost{_less(entry)}; service fees are {fees}."


def _credit_text(entry: CreditEntry) -> str:
    fees = "included" if entry.fees_refundable else "not credited"
    window = f"until {_until(entry.until_hours_before)}"
    return f"Store credit instead of tickets {window}{_less(entry)}; service fees are {fees}."


def _upgrade_text(entry: UpgradeEntry) -> str:
    return f"Upgrades to better seats until {_until(entry.until_hours_before)}, for the difference in price."


def _in_game_text(entry: InGameUpgradeEntry) -> str:
    until = _hours(entry.until_hours_after_start)
    return f"Upgrades during the event until {until} after the start, for the difference in price."


def _returning(entry: RefundEntry, text: str) -> Policy:
    return Policy(**entry.model_dump(exclude={"text"}), text=entry.text or text)


def read_policies(entry: PoliciesEntry) -> tuple[dict[str, Policy | None], dict[str, str]]:
    """The policies by topic, and the texts of all topics for a customer."""
    exchange, credit, upgrade, in_game = entry.exchange, entry.credit, entry.upgrade, entry.in_game_upgrade
    found: dict[str, Policy | None] = {
        "refund": _returning(entry.refund, _refund_text(entry.refund)) if entry.refund else None,
        "exchange": _returning(exchange, _exchange_text(exchange)) if isinstance(exchange, ExchangeEntry) else None,
        "credit": _returning(credit, _credit_text(credit)) if isinstance(credit, CreditEntry) else None,
        "upgrade": None,
        "in_game_upgrade": None,
    }
    if upgrade is not None:
        text = upgrade.text or _upgrade_text(upgrade)
        found["upgrade"] = Policy(until_hours_before=upgrade.until_hours_before, text=text)
    if in_game is not None:
        text, hours = in_game.text or _in_game_text(in_game), -in_game.until_hours_after_start
        found["in_game_upgrade"] = Policy(until_hours_before=hours, from_start=True, text=text)
    texts = {topic: NOT_OFFERED[topic] for topic in ("refund", "exchange", "credit", "upgrade")}
    texts |= {topic: policy.text for topic, policy in found.items() if policy is not None}
    texts |= {topic: text for topic, text in (("exchange", exchange), ("credit", credit)) if isinstance(text, str)}
    return found, texts | (entry.model_extra or {})
