"""k6's own summary, and what is said of one that is missing or damaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LoadError
from lab.load.k6_summary import read_summary, summary_of
from tests.lab.load.recorded import DATA

RECORDED: dict[str, Any] = json.loads((DATA / "mixed.summary.json").read_text())


def test_durations_are_turned_into_seconds(tmp_path: Path) -> None:
    figures = read_summary(DATA / "mixed.summary.json")
    ms = RECORDED["figures"]["duration_ms"]
    assert (figures.p95_s, figures.max_s) == (ms["p95"] / 1000, ms["max"] / 1000)
    assert (figures.requests, figures.failed, figures.iterations) == (302, 8, 91)
    assert summary_of(tmp_path, "main") == tmp_path / "main.summary.json"


def test_a_phase_without_requests_has_counts_and_no_durations(tmp_path: Path) -> None:
    path = tmp_path / "main.summary.json"
    nothing = dict.fromkeys(RECORDED["figures"]["duration_ms"])
    path.write_text(json.dumps({"figures": {**RECORDED["figures"], "requests": 0, "duration_ms": nothing}}))
    figures = read_summary(path)
    assert figures.requests == 0
    assert (figures.mean_s, figures.p50_s, figures.max_s) == (None, None, None)


def test_a_missing_summary_asks_whether_k6_was_killed(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="was k6 killed"):
        read_summary(tmp_path / "main.summary.json")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '"figures"', "{}", '{"figures": null}', '{"figures": {"requests": 1}}']
    + [json.dumps({"figures": {**RECORDED["figures"], "requests": wrong}}) for wrong in (None, -1, "many", 1.5)],
)
def test_a_damaged_summary_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "main.summary.json"
    path.write_text(content)
    with pytest.raises(LoadError, match=r"main\.summary\.json: is no summary"):
        read_summary(path)
