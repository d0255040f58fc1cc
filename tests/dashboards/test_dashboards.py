"""The dashboards' files: in step with what builds them, and every panel a question with a unit and a description."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dashboards.boards import BOARDS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana" / "dashboards"
NAMES = sorted(BOARDS)


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def test_every_file_is_built_and_every_dashboard_has_its_file() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_make_dashboards_would_write(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == BOARDS[name]()


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_a_question_with_a_unit_and_a_description(name: str) -> None:
    for panel in panels(read(name)):
        assert panel["title"].endswith("?"), panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        unit = (
            panel["fieldConfig"]["defaults"].get("unit")
            if panel["type"] != "heatmap"
            else panel["options"]["yAxis"]["unit"]
        )
        assert unit, panel["title"]
        assert panel["targets"], panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_no_two_panels_of_a_dashboard_ask_the_same_or_lie_on_one_another(name: str) -> None:
    found = panels(read(name))
    titles = [panel["title"] for panel in found]
    assert len(titles) == len(set(titles))
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in found
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("name", NAMES)
def test_every_dashboard_can_be_narrowed_down_and_shows_the_phases(name: str) -> None:
    board = read(name)
    assert [variable["name"] for variable in board["templating"]["list"]] == ["run", "phase", "scenario", "service"]
    assert [each["name"] for each in board["annotations"]["list"]] == ["Phases", "Alerts"]
    for panel in panels(board):
        for target in panel["targets"]:
            assert "$run" in target["expr"], (panel["title"], target["expr"])


def test_uids_are_apart() -> None:
    uids = [read(name)["uid"] for name in NAMES]
    assert len(uids) == len(set(uids))


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus/prometheus.yml"),
        ("check", "rules", "prometheus/rules/http.yml", "prometheus/rules/targets.yml"),
        ("test", "rules", "prometheus/tests/rules_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    answer = subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=ROOT, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "FAILED" not in answer.stdout + answer.stderr
