"""`stresser schema scenario|events`: prints a JSON Schema."""

import json
import sys
from enum import StrEnum

from stresser.scenario import json_schema as schemas


class Which(StrEnum):
    """What `stresser schema` can describe."""

    SCENARIO = "scenario"
    EVENTS = "events"


def schema(which: Which) -> None:
    """Print the JSON Schema of scenario files or of events.jsonl."""
    made = schemas.scenario_schema() if which is Which.SCENARIO else schemas.events_schema()
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
