"""The box office of `box_office.open_files` as fixtures."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import box_office
from box_office import BoxOffice, open_files

Opener = Callable[..., contextlib.AbstractAsyncContextManager[BoxOffice]]


@pytest.fixture
def small_catalogue() -> Callable[[], dict[str, Any]]:
    return box_office.small_catalogue


@pytest.fixture
def open_box_office(tmp_path: Path) -> Opener:
    """`async with open_box_office(wrap=..., settings=...) as office`: on the same files each time."""
    return lambda **options: open_files(tmp_path, **options)


@pytest.fixture
async def office(open_box_office: Opener) -> AsyncIterator[BoxOffice]:
    async with open_box_office() as opened:
        yield opened
