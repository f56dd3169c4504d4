"""Makes `infra/workbook.json` of the queries in `infra/queries`: `python -m local.workbook`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
QUERIES = ROOT / "infra" / "queries"
WORKBOOK = ROOT / "infra" / "workbook.json"
# In the order in which a person asks; a chart where time is what matters.
TILES = {
    "outcomes": ("How pushes ended", "timechart"),
    "causes": ("What failed, by code", "table"),
    "latency": ("Seconds from Halo to the end of a push", "timechart"),
    "waiting": ("Why records wait", "table"),
    "throttling": ("Records that wait for calls", "timechart"),
    "breakers": ("Breakers", "table"),
    "poison": ("Poison queues", "table"),
    "calls": ("Calls to Halo and Business Central (TRACES=on)", "table"),
    "volume": ("What is logged", "table"),
}


def workbook() -> dict[str, Any]:
    """The workbook as Azure Monitor takes it; each tile is one of the queries."""
    period = {"durationMs": 86400000}
    tiles = [
        {
            "type": 3,
            "name": name,
            "content": {
                "version": "KqlItem/1.0",
                "query": (QUERIES / f"{name}.kql").read_text(encoding="utf-8"),
                "size": 0,
                "title": title,
                "timeContextFromParameter": "period",
                "queryType": 0,
                "resourceType": "microsoft.operationalinsights/workspaces",
                "visualization": kind,
            },
        }
        for name, (title, kind) in TILES.items()
    ]
    choices = [{"durationMs": hours * 3_600_000} for hours in (1, 24, 72, 168, 720)]
    parameter = {
        "type": 9,
        "name": "parameters",
        "content": {
            "version": "KqlParameterItem/1.0",
            "parameters": [
                {
                    "id": "1d7a4a5e-0a5b-4b53-9d3b-0d2f5c3a9c11",
                    "version": "KqlParameterItem/1.0",
                    "name": "period",
                    "label": "Period",
                    "type": 4,
                    "value": period,
                    "typeSettings": {"selectableValues": choices, "allowCustom": True},
                }
            ],
            "style": "pills",
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
        },
    }
    return {"version": "Notebook/1.0", "items": [parameter, *tiles], "fallbackResourceIds": []}


def text() -> str:
    return json.dumps(workbook(), indent=2) + "\n"


if __name__ == "__main__":
    WORKBOOK.write_text(text(), encoding="utf-8")
