"""Pairs of seats put into pretix's cart by its own task, in so many processes: `python cart_task.py '{…}'`.

The task runs in the process that calls it, without HTTP and without a worker's queue. Prints one JSON line:
`holds` that succeeded, `refused`, `seconds`. Runs in pretix's own environment, in the folder of its `pretix.cfg`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import random
import sys
import time
import uuid
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pretix.settings")


def hold_pairs(job: dict[str, Any], number: int, gate: Any, results: Any) -> None:
    import django

    django.setup()
    from django_scopes import scope, scopes_disabled
    from pretix.base.models import Event
    from pretix.base.services.cart import CartError, add_items_to_cart, clear_cart

    logging.disable(logging.CRITICAL)
    with scopes_disabled():
        event = Event.objects.select_related("organizer").get(pk=job["event"])
    chance, done, refused = random.Random(number), 0, 0

    def add(first: int, cart: str) -> None:
        items = [
            {"item": job["item"], "variation": None, "count": 1, "price": None, "voucher": None, "seat": f"S{seat}"}
            for seat in (first, first + 1)
        ]
        add_items_to_cart.apply(args=(event.pk, items, cart), throw=True)

    with scope(organizer=event.organizer):
        first = job["first"] + (0 if job["contended"] else number * job["share"])
        for warm in range(0, 4, 2):  # what a process loads once is not what is measured
            cart = uuid.uuid4().hex
            with contextlib.suppress(CartError):
                add(first + warm, cart)
            clear_cart.apply(args=(event.pk, cart), throw=True)
        gate.wait()
        start = time.perf_counter()
        while time.perf_counter() - start < job["seconds"]:
            cart = uuid.uuid4().hex
            try:
                if job["contended"]:
                    add(job["first"] + 2 * chance.randrange(job["share"] // 2), cart)
                    done += 1
                    clear_cart.apply(args=(event.pk, cart), throw=True)
                else:
                    add(first, cart)
                    first, done = first + 2, done + 1
            except CartError:
                refused += 1
        results.put((done, refused, time.perf_counter() - start))


def main(job: dict[str, Any]) -> None:
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(job["clients"]), context.Queue()
    processes = [context.Process(target=hold_pairs, args=(job, n, gate, results)) for n in range(job["clients"])]
    for process in processes:
        process.start()
    answers = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    totals = {"holds": sum(a[0] for a in answers), "refused": sum(a[1] for a in answers)}
    print(json.dumps({**totals, "seconds": max(a[2] for a in answers)}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
