"""Writes the table of settings into docs/guides/google-cloud.md, from the services' Settings classes.

python deploy/gcp/settings_table.py           # rewrite the table
python deploy/gcp/settings_table.py --check   # exit 1 when it is out of date
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from usher_shared.cloud import SERVICES, CloudSettings

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/google-cloud.md"
START, END = "<!-- settings: deploy/gcp/settings_table.py -->\n", "<!-- end of settings -->\n"
_HEAD = ["| variable | default | meaning |", "|---|---|---|"]
# read beside CloudSettings, before there are settings
_BESIDE = ["| `USHER_TRACES` | `none` | where spans go: none, console or otlp (then OTEL_EXPORTER_OTLP_* applies) |"]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _rows(settings: type[BaseSettings]) -> list[str]:
    prefix = settings.model_config.get("env_prefix", "")
    rows = []
    for name, field in settings.model_fields.items():
        variable = field.validation_alias or prefix + name.upper()
        meaning = (field.description or name.replace("_", " ")).replace("|", "\\|")
        rows.append(f"| `{variable}` | {_default(field)} | {meaning} |")
    return rows


def render() -> str:
    """The whole table, a part for all services and one for each."""
    parts = [["**All services**", "", *_HEAD, *_rows(CloudSettings), *_BESIDE]]
    for service in SERVICES:
        settings = importlib.import_module(f"usher_{service.replace('-', '_')}.settings").Settings
        parts.append([f"**{service}**", "", *_HEAD, *_rows(settings)])
    return "\n" + "\n\n".join("\n".join(part) for part in parts) + "\n\n"


def main() -> None:
    text = GUIDE.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    new = before + START + render() + END + after
    if "--check" in sys.argv[1:]:
        if new != text:
            raise SystemExit(f"{GUIDE.name} is out of date: run python deploy/gcp/settings_table.py")
    else:
        GUIDE.write_text(new)


if __name__ == "__main__":
    main()
