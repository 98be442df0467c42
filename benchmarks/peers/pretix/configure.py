"""One event in pretix with seats, without limits but its seats: `python configure.py SEATS ROW` prints where it is.

Runs in pretix's own environment, in the folder of its `pretix.cfg`.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pretix.settings")


def main(seats: int, row: int) -> None:
    import django

    django.setup()
    from django.utils.timezone import now
    from django_scopes import scopes_disabled
    from pretix.base.models import Event, Item, Organizer, Quota, Seat, SeatCategoryMapping, Team

    with scopes_disabled():
        organizer = Organizer.objects.create(name="Benchmark", slug="bench")
        event = Event.objects.create(
            organizer=organizer,
            name="Benchmark",
            slug="bench",
            currency="USD",
            date_from=now() + timedelta(days=30),
            live=True,
            plugins="",
        )
        item = Item.objects.create(event=event, name="Ticket", default_price=80, active=True)
        quota = Quota.objects.create(event=event, name="Tickets", size=None)  # the seats are the limit
        quota.items.add(item)
        SeatCategoryMapping.objects.create(event=event, layout_category="Stalls", product=item)
        Seat.objects.bulk_create(
            [
                Seat(
                    event=event,
                    product=item,
                    zone_name="Stalls",
                    row_name=str(number // row + 1),
                    seat_number=str(number % row + 1),
                    seat_guid=f"S{number}",
                    sorting_rank=number,
                )
                for number in range(seats)
            ],
            batch_size=2000,
        )
        team = Team.objects.create(
            organizer=organizer,
            name="Benchmark",
            all_events=True,
            all_event_permissions=True,
            all_organizer_permissions=True,
        )
        token = team.tokens.create(name="Benchmark").token
        print(json.dumps({"event": event.pk, "item": item.pk, "token": token, "seats": seats, "row": row}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
