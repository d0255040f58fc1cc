"""k6/README.md names what the scripts read and measure, and nothing else."""

import re

import pytest

from tests.k6.by_hand import SCENARIOS, SCRIPTS

README = (SCRIPTS / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> dict[str, list[str]]:
    """The cells of a section's table by the name in their first one."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def source(name: str) -> str:
    return (SCRIPTS / "lib" / name).read_text(encoding="utf-8")


def test_every_variable_is_documented() -> None:
    read = re.findall(r"__ENV\.([A-Z_]+)", source("settings.js"))
    read += re.findall(r"(?:number|oneOf|word|stagesOf|routesOf)\('([A-Z_]+)'", source("settings.js"))
    assert rows("Variables").keys() == set(read)


def test_the_defaults_are_those_of_the_script() -> None:
    documented = {name: cells[0].strip("`") for name, cells in rows("Variables").items()}
    numbers = dict(re.findall(r"number\('([A-Z_]+)', ([\d.]+),", source("settings.js")))
    del numbers["START_RATE"]  # without one there is no ramp
    assert numbers.items() <= documented.items()
    assert f"|| '{documented['BASE_URL']}'" in source("settings.js")
    assert f"'PHASE', '{documented['PHASE']}'" in source("settings.js")
    assert f"['{documented['EXPLAINER']}', 'kernel']" in source("settings.js")


def test_every_metric_is_documented() -> None:
    assert rows("Metrics beside k6's own").keys() == set(re.findall(r"new \w+\('(\w+)'", source("metrics.js")))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_script_is_there_and_documented_with_its_requests(name: str) -> None:
    assert (SCRIPTS / f"{name}.js").is_file()
    scenario = SCENARIOS[name]
    shares = scenario.get("mix", {name: 1})
    requests = sum(share * SCENARIOS[part]["requests_per_journey"] for part, share in shares.items())
    line = next(line for line in README.splitlines() if line.startswith(f"| `{name}.js` ({scenario['code']})"))
    assert line.split("|")[3].split()[0] == f"{requests:g}"
