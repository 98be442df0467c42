"""Families in which somebody buys: purchase, group purchase, change of mind, price change, and what gets in between."""

from __future__ import annotations

from dataclasses import replace

from usher_evals.tasks.goals import Buy, Pick
from usher_evals.tasks.maker import ORDERED, PAID, Maker, nothing, sections
from usher_evals.tasks.model import Fact, Family, Rule
from usher_evals.tasks.states import ends_of
from usher_evals.tasks.troubles import Fault, Trouble
from usher_evals.world import Show

_PICKS: tuple[Pick, ...] = ("any", "cheapest", "named")
# (quantity, how seats are chosen, a limit?, what the first message says)
_PURCHASES: tuple[tuple[int, Pick, bool, str], ...] = (
    (2, "any", False, "quantity event"),
    (1, "any", False, "quantity event"),
    (2, "cheapest", False, "quantity event seats"),
    (2, "best", False, "quantity event seats"),
    (3, "named", False, "quantity event seats"),
    (2, "named", False, "quantity event"),
    (4, "any", True, "quantity event limit"),
    (2, "any", False, "event"),
    (2, "cheapest", False, "event"),
    (2, "named", False, "event seats"),
    (2, "any", False, "quantity event city"),
    (3, "any", False, "quantity event city date"),
    (2, "cheapest", False, "quantity event city date seats"),
    (2, "any", False, "quantity city date"),
    (1, "cheapest", False, "quantity city date seats"),
    (2, "any", False, "city date"),
    (2, "named", False, "city date"),
    (2, "any", True, "quantity event date limit"),
    (1, "best", False, "quantity event date seats"),
    (1, "named", False, "quantity event seats"),
    (4, "cheapest", False, "quantity event"),
    (2, "best", False, "event"),
    (3, "any", True, "quantity event"),
    (2, "named", False, "quantity event city seats"),
    (5, "any", False, "quantity event"),
    (2, "any", False, "event city"),
    (3, "best", False, "quantity event seats"),
    (2, "cheapest", False, "event date seats"),
)


def wish(maker: Maker, row: tuple[int, Pick, bool, str], number: int) -> Buy:
    """A purchase of a fresh show as that row says."""
    quantity, pick, limited, opening = row
    show = maker.show()
    best, middle, last = sections(show)
    named = (best, middle, last)[number % 3].name
    limit = show.prices[middle.id] + 1 if limited else None
    return Buy(show, quantity, pick, named if pick == "named" else None, limit, tuple(opening.split()))


def purchases(maker: Maker) -> None:
    for number, row in enumerate(_PURCHASES):
        goal = wish(maker, row, number)
        maker.add(Family.PURCHASE, goal, ends_of((), goal.ends()), goal.show, facts=(PAID, ORDERED))


def groups(maker: Maker) -> None:
    for number, quantity in enumerate((6, 7, 8, 9, 10, 6, 8, 12, 7, 9)):
        pick = _PICKS[number % 3]
        show = maker.show()
        best, middle, last = sections(show)
        named = (middle if quantity > best.seats else (best, middle, last)[number % 3]).name
        fits = tuple(s.id for s in (best, middle, last) if s.seats >= quantity)
        opening = ("quantity", "event", "seats") if number % 2 else ("quantity", "event")
        goal = Buy(show, quantity, pick, named if pick == "named" else None, None, opening)
        ends = [end for end in goal.ends() if end.sections[0] in fits]
        maker.add(Family.GROUP, goal, ends_of((), ends), show, facts=(PAID, ORDERED), patience=16)


def second_thoughts(maker: Maker) -> None:
    """At the first total: another number, another section, the cheapest, another show, or none at all."""
    for number in range(16):
        kind = ("quantity", "section", "cheapest", "off", "show", "quantity", "off", "no")[number % 8]
        show = maker.show()
        best, middle, last = sections(show)
        first = Buy(show, 2, "named", best.name, None, ("quantity", "event", "seats"))
        shows: tuple[Show, ...] = (show,)
        rule, ends = Rule(), nothing()
        facts: tuple[Fact, ...] = (PAID, ORDERED)
        if kind in ("off", "no"):
            rule, facts = Rule(first="no" if kind == "no" else "mind"), ()
        else:
            mind = replace(first, quantity=3 + number % 2)
            if kind == "section":
                mind = replace(first, section=(middle if number % 2 else last).name)
            elif kind == "cheapest":
                mind = replace(first, pick="cheapest", section=None)
            elif kind == "show":
                other = maker.show()
                mind = Buy(other, 2, "any", None, None, ("quantity", "event"))
                shows = (show, other)
            rule, ends = Rule(first="mind", mind=mind), ends_of((), mind.ends())
        maker.add(Family.SECOND_THOUGHTS, first, ends, shows, rule=rule, facts=facts, patience=16)


def price_changes(maker: Maker) -> None:
    for number in range(10):
        show = maker.show()
        _, middle, last = sections(show)
        dearer = show.changed(prices={id: price + 7 + number for id, price in show.prices.items()})
        pick: Pick = "named" if number % 2 else "cheapest"
        goal = Buy(
            show, 2 + number % 3, pick, middle.name if number % 2 else None, None, ("quantity", "event", "seats")
        )
        fault = Fault(Trouble.DEARER, show=dearer)
        if number % 3 == 2:
            new = 2 + number % 3
            total = new * dearer.ticket_minor((middle if number % 2 else last).id)
            facts: tuple[Fact, ...] = (Fact("the new total", amounts=(total,)),)
            rule, ends = Rule(at_new_price="no"), nothing()
        else:
            facts, rule = (PAID, ORDERED), Rule()
            ends = ends_of((), replace(goal, show=dearer).ends())
        maker.add(Family.PRICE_CHANGE, goal, ends, show, rule=rule, fault=fault, facts=facts)


def expiries(maker: Maker) -> None:
    for number in range(8):
        trouble = Trouble.SHORT_HOLD_LOST if number % 2 else Trouble.SHORT_HOLD
        show = maker.show()
        best, middle, last = sections(show)
        named = (best, middle, last)[number % 3].name
        goal = Buy(show, 2 + number % 2, "named", named, None, ("quantity", "event", "seats"))
        fault = Fault(trouble, "hold_tickets")
        facts = (PAID, ORDERED)
        maker.add(Family.HOLD_EXPIRY, goal, ends_of((), goal.ends()), show, fault=fault, facts=facts, patience=18)


def races(maker: Maker) -> None:
    for number in range(10):
        if number % 2:
            # one pair is left in the whole house: a rival takes it
            show = maker.show(blocked=("A", "B", "C-2", "C-3", "C-4", "C-5", "C-1-1..5", "C-1-8..12"))
            goal = Buy(show, 2, "any", None, None, ("quantity", "event"), takes_others=False)
            gone = Fact(
                "that no seats are left", words=(r"sold out|no (?:free |more )?(?:seats|tickets)|taken|gone|none left",)
            )
            fault = Fault(Trouble.RIVAL_ALL, "hold_tickets")
            maker.add(Family.RACE, goal, nothing(), show, fault=fault, facts=(gone,))
            continue
        show = maker.show()
        best, middle, last = sections(show)
        named = (best, middle, last)[number % 3].name
        goal = Buy(show, 2 + number % 3, "named", named, None, ("quantity", "event", "seats"))
        fault = Fault(Trouble.RIVAL, "hold_tickets")
        maker.add(Family.RACE, goal, ends_of((), goal.ends()), show, fault=fault, facts=(PAID, ORDERED), patience=16)


_FAILURES: tuple[tuple[Trouble, str], ...] = (
    (Trouble.REFUSED_ONCE, "search_events"),
    (Trouble.REFUSED_ONCE, "check_inventory"),
    (Trouble.REFUSED_ONCE, "hold_tickets"),
    (Trouble.REFUSED_ONCE, "create_order"),
    (Trouble.DOWN, "check_inventory"),
    (Trouble.SLOW_READ, "check_inventory"),
    (Trouble.SLOW_READ, "create_order"),
    (Trouble.LATE_EFFECT, "create_order"),
    (Trouble.LATE_EFFECT, "hold_tickets"),
    (Trouble.CUT_AFTER, "hold_tickets"),
    (Trouble.CUT_AFTER, "create_order"),
    (Trouble.CUT_AFTER, "search_events"),
    (Trouble.CUT_TWICE, "create_order"),
    (Trouble.SILENT_BANK, ""),
    (Trouble.DECLINED, ""),
    (Trouble.DECLINED, ""),
)


def failures(maker: Maker) -> None:
    for number, (trouble, tool) in enumerate(_FAILURES):
        show = maker.show()
        goal = Buy(show, 2 + number % 2, "cheapest", None, None, ("quantity", "event", "seats"))
        ends = ends_of((), goal.ends())
        facts: tuple[Fact, ...] = (PAID, ORDERED)
        if trouble is Trouble.DECLINED:
            said = Fact(
                "that the payment was declined",
                words=(
                    r"declined|did(?:n't| not) go through|payment.{0,30}(?:fail|refus)|not charged|nothing was charged",
                ),
            )
            ends, facts = nothing(), (said,)
        maker.add(Family.TOOL_FAILURE, goal, ends, show, fault=Fault(trouble, tool), facts=facts, patience=18)


def duplicates(maker: Maker) -> None:
    rows = ((Trouble.DUPLICATED, "create_order"), (Trouble.DUPLICATED, "hold_tickets"), (Trouble.TOLD_TWICE, ""))
    for number in range(9):
        trouble, tool = rows[number % 3]
        show = maker.show()
        goal = Buy(show, 1 + number % 4, "cheapest", None, None, ("quantity", "event", "seats"))
        facts = (PAID, ORDERED)
        maker.add(Family.DUPLICATE, goal, ends_of((), goal.ends()), show, fault=Fault(trouble, tool), facts=facts)
