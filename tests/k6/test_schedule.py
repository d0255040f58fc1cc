"""When the scripts take a journey to be due, held against what they told k6: rates, stages, and how k6 paces them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.k6.by_hand import SCENARIOS, SCRIPTS, k6

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]

SAY = """
import {{ ceilingOf, dueMs, optionsFor, partsOf }} from '{schedule}';

const scenarios = optionsFor('mixed').scenarios;
const first = {{}};
for (const part of partsOf('mixed')) {{
  first[part] = {numbers}.map((n) => dueMs(part, n));
}}
const ceilings = partsOf('mixed').map(ceilingOf);
export const options = {{ iterations: 1 }};
export default () => console.log(`SAID ${{JSON.stringify({{ scenarios, first, ceilings }})}} SAID`);
"""


def said(folder: Path, numbers: list[int], **settings: float | str) -> dict[str, Any]:
    """What the schedule says of the mix: k6's scenarios, when journeys of these numbers are due, and the ceilings."""
    script = folder / "say.js"
    script.write_text(SAY.format(schedule=(SCRIPTS / "lib" / "schedule.js").as_posix(), numbers=json.dumps(numbers)))
    run = k6(str(script.with_suffix("")), "http://127.0.0.1:1", folder, **settings)
    found = re.search(r"SAID (.*) SAID", run.output)
    assert found, run.output
    content: dict[str, Any] = json.loads(found.group(1).replace('\\"', '"'))
    return content


def journeys_by(second: float, scenario: dict[str, Any]) -> float:
    """How many journeys k6 has begun by then, the first one at 0 (constant) or where the area is 1 (ramping)."""
    unit_s = float(scenario["timeUnit"].removesuffix("s"))
    if scenario["executor"] == "constant-arrival-rate":
        return float(1 + second * scenario["rate"] / unit_s)
    area, rate = 0.0, scenario["startRate"]
    for stage in scenario["stages"]:
        text = stage["duration"]
        length = float(text.removesuffix("ms")) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))
        part = min(length, second)
        slope = (stage["target"] - rate) / length if length else 0.0
        area += part * (rate + slope * part / 2) / unit_s
        second -= part
        rate = stage["target"]
        if not second:
            break
    return area


PACES: dict[str, dict[str, float | str]] = {
    "a rate": {"RATE": 50, "DURATION": 60},
    # 1.5, 7.6 and so on journeys a second are no whole hundred-thousandths: after three hours it is a third of a second
    "an odd rate for hours": {"RATE": 5.000077, "DURATION": 10800},
    "a ramp": {"START_RATE": 1, "RATE": 50.000033, "DURATION": 300},
    "a ramp from nothing": {"START_RATE": 0, "RATE": 80, "DURATION": 60},
    "a ramp down": {"START_RATE": 60, "RATE": 1, "DURATION": 60},
    "a spike": {"STAGES": "20:50:50,10:200:200,20:50:50", "DURATION": 50},
    "a pause": {"STAGES": "20:50:0,10:0:0,20:0:50", "DURATION": 50},
}


@pytest.mark.parametrize("pace", PACES)
def test_a_journey_is_due_when_k6_begins_it(pace: str, tmp_path: Path) -> None:
    settings = PACES[pace]
    numbers = [0, 1, 2, 5, 10, 20, 50, 100, 200, 1000, 1600]
    answer = said(tmp_path, numbers, **settings)
    for part, due in answer["first"].items():
        scenario = answer["scenarios"][part]
        total = journeys_by(float(settings["DURATION"]), scenario)
        for number, at_ms in zip(numbers, due, strict=True):
            if number + 1 < total:
                # within a tenth of a millisecond on either side lies the moment at which k6 has counted one more
                assert (
                    journeys_by(at_ms / 1000 - 1e-4, scenario)
                    < number + 1
                    <= journeys_by(at_ms / 1000 + 1e-4, scenario)
                )


def test_the_ceiling_is_the_one_that_k6_was_told(tmp_path: Path) -> None:
    answer = said(tmp_path, [0], RATE=50, MAX_VUS=40)
    assert answer["ceilings"] == [answer["scenarios"][part]["maxVUs"] for part in SCENARIOS["mixed"]["mix"]]
    assert sum(answer["ceilings"]) == 40
