"""The guide's example is a catalogue that the box office imports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from usher_tools.adapters.catalogue_files import read_catalogue

GUIDE = Path(__file__).parents[3] / "docs/guides/catalogue.md"


async def test_the_example_of_the_guide_imports(office: Any, tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", GUIDE.read_text("utf-8"), re.S)
    assert example is not None
    path = tmp_path / "example.yaml"
    path.write_text(example[1])
    catalogue = read_catalogue(path)
    body = catalogue.model_dump(mode="json", by_alias=True)
    response = await office.raw("POST", "/catalogue", caller="cli", json=body)
    assert response.status_code == 200, response.text
    event = "comets-gulls-2026-11-20"
    free = await office.free(event)
    assert free == {"A": 12 * 24 - 5, "B": 60, "P": 400}
