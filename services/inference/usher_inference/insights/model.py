"""What a model is asked to write about a question."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from usher_inference.completions.model import JsonSchema
from usher_inference.insights.charts import Mark
from usher_shared.errors import UpstreamFailed


class ModelGaveNoInsight(UpstreamFailed):
    """The model's last answer cannot be used; the detail says why."""

    code = "no_insight"


class ProposedChart(BaseModel):
    """`x`, `y` and `color` are columns of the query's answer."""

    model_config = ConfigDict(extra="ignore")

    mark: Mark = "auto"
    x: str | None = None
    y: str | None = None
    color: str | None = None


class Proposal(BaseModel):
    """What the model answers. `sql` empty means that the data cannot answer the question; `explanation` says why."""

    model_config = ConfigDict(extra="ignore")

    sql: str = Field(max_length=20_000)
    explanation: str = Field(max_length=4_000)
    chart: ProposedChart = ProposedChart()


_OPTIONAL_COLUMN = {"anyOf": [{"type": "string"}, {"type": "null"}]}
PROPOSAL = JsonSchema(
    name="insight",
    schema={
        "type": "object",
        "properties": {
            "sql": {"type": "string"},
            "explanation": {"type": "string"},
            "chart": {
                "type": "object",
                "properties": {
                    "mark": {
                        "type": "string",
                        "enum": ["auto", "bar", "line", "area", "point", "arc", "text", "table"],
                    },
                    "x": _OPTIONAL_COLUMN,
                    "y": _OPTIONAL_COLUMN,
                    "color": _OPTIONAL_COLUMN,
                },
                "required": ["mark", "x", "y", "color"],
                "additionalProperties": False,
            },
        },
        "required": ["sql", "explanation", "chart"],
        "additionalProperties": False,
    },
)
