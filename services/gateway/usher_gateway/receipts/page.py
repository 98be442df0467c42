"""A receipt as a page to print: one document, nothing fetched, no script, every value escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from usher_shared.contracts.money import format_money, to_minor
from usher_shared.contracts.receipts import Receipt, ReceiptChange, ReceiptLine, ReceiptTax

_STYLE = """
body { font: 14px/1.4 sans-serif; color: #111; background: #fff; max-width: 46em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 1.6em }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2em .4em; vertical-align: top }
th { border-bottom: 1px solid #111 } .money { text-align: right; white-space: nowrap }
tfoot td { border-top: 1px solid #111; font-weight: bold } .quiet { color: #555 }
@media print { body { margin: 0 } }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"


class _Page:
    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt

    def _money(self, amount: float) -> str:
        currency = self._receipt.currency
        return escape(format_money(to_minor(amount, currency), currency))

    def _tax(self, tax: ReceiptTax) -> str:
        words = "included" if tax.included else "added"
        return f"{escape(tax.name)} {tax.percent:g}% ({words}) {self._money(tax.amount)}"

    def _taxes(self, taxes: Iterable[ReceiptTax]) -> str:
        return "<br>".join(self._tax(tax) for tax in taxes) or "–"

    def _line(self, line: ReceiptLine) -> str:
        return (
            f"<tr><td>{escape(line.description)}</td><td class=money>{self._money(line.price)}</td>"
            f"<td class=money>{self._money(line.fee)}</td><td>{self._taxes(line.taxes)}</td>"
            f"<td class=money>{self._money(line.total)}</td></tr>"
        )

    def _change(self, change: ReceiptChange) -> str:
        moved = [f"paid {self._money(m.amount)} <span class=quiet>{escape(m.id)}</span>" for m in change.payments]
        moved += [
            f"given back {self._money(-m.amount)} <span class=quiet>{escape(m.id)}</span>" for m in change.refunds
        ]
        moved += [f"moved on {self._money(-m.amount)} <span class=quiet>{escape(m.id)}</span>" for m in change.moved_on]
        return (
            f"<tr><td>{change.at:%Y-%m-%d %H:%M} UTC</td><td>{escape(change.description)}</td>"
            f"<td>{'<br>'.join(moved) or '–'}</td><td>{self._taxes(change.tax_lines)}</td>"
            f"<td class=money>{self._money(change.amount)}</td></tr>"
        )

    def _totals(self) -> str:
        receipt = self._receipt
        rows = [("Paid", receipt.paid)]
        if receipt.refunded:
            rows.append(("Given back", -receipt.refunded))
        if receipt.moved_on:
            rows.append(("Moved on, to other tickets or store credit", -receipt.moved_on))
        rows.append(("Net paid", receipt.net_paid))
        if receipt.kept:
            rows.append(("of it for tickets given back", receipt.kept))
        return "".join(f"<tr><td>{name}</td><td class=money>{self._money(amount)}</td></tr>" for name, amount in rows)

    def _tickets(self) -> str:
        receipt = self._receipt
        if not receipt.lines:
            return "<p>No tickets: all were given back.</p>"
        rows, total = "".join(map(self._line, receipt.lines)), self._money(receipt.tickets_total)
        return (
            "<table><thead><tr><th>Ticket</th><th class=money>Price</th><th class=money>Fees</th><th>Taxes</th>"
            f"<th class=money>Total</th></tr></thead><tbody>{rows}</tbody>"
            f"<tfoot><tr><td colspan=4>Tickets</td><td class=money>{total}</td></tr></tfoot></table>"
        )

    def render(self) -> str:
        receipt, seller = self._receipt, self._receipt.seller
        city = "" if seller.city in seller.address else f"<br>{escape(seller.city)}"
        changes = "".join(map(self._change, receipt.changes))
        tax_id = f"<br>Tax number {escape(seller.tax_id)}" if seller.tax_id else ""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>Receipt {escape(receipt.number)}</title><style>{_STYLE}</style></head><body>"
            f"<h1>Receipt {escape(receipt.number)}</h1>"
            f"<p>{escape(seller.name)}<br>{escape(seller.address)}{city}{tax_id}</p>"
            f"<p>Issued {receipt.issued_at:%Y-%m-%d %H:%M} UTC to customer {escape(receipt.customer_id)}<br>"
            f"{escape(receipt.event_name)}, {receipt.starts_at:%a %d %b %Y, %H:%M}</p>"
            f"<h2>Tickets</h2>{self._tickets()}"
            "<h2>What was paid</h2><table><thead><tr><th>When</th><th>What</th><th>Money</th><th>Taxes</th>"
            f"<th class=money>Amount</th></tr></thead><tbody>{changes}</tbody></table>"
            f"<h2>Totals in {escape(receipt.currency)}</h2><table><tbody>{self._totals()}</tbody></table>"
            f"<p class=quiet>Taxes in all: {self._taxes(receipt.tax_lines)}</p></body></html>"
        )


def render_page(receipt: Receipt) -> str:
    """The page; send it with POLICY as its Content-Security-Policy."""
    return _Page(receipt).render()
