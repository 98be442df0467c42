"""The secrets that a stack makes for itself: once, and for its owner's eyes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from usher_local.stack import Stack, create_stack, load_stack
from usher_tools.tickets.tokens import TicketSigner


def _modes(home: Path) -> dict[str, int]:
    return {name: (home / name).stat().st_mode & 0o777 for name in ("secret", "ticket-signing-key")}


def test_the_key_that_signs_tickets_is_made_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = create_stack(home, {}).ticket_signing_key().get_secret_value()
    again = load_stack(home)
    assert again.ticket_signing_key().get_secret_value() == first
    assert first not in repr(again.ticket_signing_key())
    assert len(TicketSigner.parse(first).public_keys()) == 1
    assert _modes(home) == {"secret": 0o600, "ticket-signing-key": 0o600}


def test_processes_that_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    def key(_: int) -> str:
        return Stack(tmp_path, {}, "").ticket_signing_key().get_secret_value()

    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(key, range(64)))
    assert len(keys) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["ticket-signing-key"]
