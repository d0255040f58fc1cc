"""A history in words, tables and sparklines."""

from dataclasses import replace

import pytest

from lab.model import (
    Cell,
    ChangePoint,
    Estimate,
    History,
    HistoryRun,
    Judgement,
    LeftOutRun,
    Measure,
    RunGroup,
    Scale,
    Track,
)
from lab.report import history as words

P95 = Measure(name="p95(http_req_duration)", unit="s", scale=Scale.RATIO, effect=0.05, start_spread=0.0)
ERRORS = Measure(name="error_rate", unit="", scale=Scale.DIFFERENCE, effect=0.001, start_spread=0.0)
RATE = replace(P95, name="achieved_rate", unit="requests/s", higher_is_worse=False)
CHANGE = ChangePoint(
    index=4,
    run_before="20260104T000000Z-mixed-quick",
    run="20260105T000000Z-mixed-quick",
    commit_before="a" * 40,
    commit="b" * 40,
    runs_before=4,
    runs_after=4,
    before=0.1,
    after=0.15,
    change=Estimate(value=0.5, low=0.4, high=0.61),
    p_value=1e-6,
    judgement=Judgement.REGRESSED,
    differs=("numpy was 1, and is 2",),
)
TRACK = Track(
    measure=P95,
    cell=Cell(phase="steady", scenario="mixed"),
    values=(0.1, 0.1, None, 0.1, 0.15, 0.15, 0.15, 0.2),
    changes=(CHANGE,),
)


def a_history(*tracks: Track, within: int = 5, runs: int = 8) -> History:
    group = RunGroup(
        scenario="mixed",
        plan="quick",
        plan_digest="123",
        target="stubs",
        settings="",
        engine="process",
        host="2 × A CPU",
        runs=tuple(
            HistoryRun(run_id=f"r{n}", started_at=n * 86_400.0, commit="c", is_dirty=None, outcome="passed")
            for n in range(runs)
        ),
        tracks=tracks,
    )
    out = (LeftOutRun(run_id="x", why="invalid"), LeftOutRun(run_id="y", why="invalid"))
    return History(groups=(group,), left_out=out, alpha=0.001, within=within, needed=6)


def test_a_sparkline_goes_from_the_lowest_to_the_highest_with_gaps_and_changes() -> None:
    assert words.sparkline(TRACK, 40) == "▁▁ ▁╎▄▄▄█"
    assert words.sparkline(TRACK, 4) == "▁▁▁█"
    assert words.sparkline(replace(TRACK, values=(0.1, 0.1), changes=()), 40) == "▁▁"
    assert words.sparkline(replace(TRACK, values=(None, None), changes=()), 40) == ""


@pytest.mark.parametrize(
    ("measure", "change", "told"),
    [
        (P95, Estimate(value=0.5, low=0.4, high=0.61), "+50.0 % (+40.0 to +61.0)"),
        (RATE, Estimate(value=-0.2, low=-0.3, high=0.01), "-20.0 % (-30.0 to +1.00)"),
        (ERRORS, Estimate(value=0.01, low=0.008, high=0.012), "+1.00 % (+0.80 % to +1.20 %)"),
    ],
)
def test_a_change_has_its_sign_its_unit_and_its_interval(measure: Measure, change: Estimate, told: str) -> None:
    assert words.changed(change, measure) == told


def test_commits_are_a_range_that_git_takes_or_one() -> None:
    assert words.commits(CHANGE) == "aaaaaaaa..bbbbbbbb"
    assert words.commits(replace(CHANGE, commit="a" * 40)) == "aaaaaaaa"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (a_history(TRACK), "1 figure regressed within the last 5 runs"),
        (a_history(TRACK, within=3), "no figure regressed within the last 3 runs; 1 change in all"),
        (a_history(replace(TRACK, changes=())), "no figure regressed within the last 5 runs"),
        (a_history(replace(TRACK, values=(0.1,) * 5, changes=())), "nothing can be told yet: a figure needs 6 runs"),
        (a_history(), "nothing can be told yet"),
    ],
)
def test_the_headline_says_what_counts(found: History, told: str) -> None:
    assert words.headline(found).startswith(told)


def test_changes_since_the_same_run_stand_together_the_latest_first() -> None:
    later = replace(CHANGE, index=6, run="20260107T000000Z-mixed-quick", judgement=Judgement.IMPROVED, differs=())
    others = replace(TRACK, cell=Cell(phase="soak"), changes=(CHANGE, later))
    first, second = words.changes_by_run(a_history(TRACK, others).groups[0])
    assert first.title == "Since 20260107T000000Z, commits aaaaaaaa..bbbbbbbb"
    assert [row[:3] for row in first.rows] == [("improved", "p95", "soak")]
    assert [row[2] for row in second.rows] == ["steady, mixed", "soak"]
    assert second.note == "numpy was 1, and is 2"
    assert {len(row) for row in second.rows} == {len(second.columns)}
    assert words.changes_by_run(a_history().groups[0]) == ()


def test_markdown_has_every_change_every_figure_and_who_is_left_out() -> None:
    text = words.markdown(a_history(TRACK))
    assert text.startswith("# History: 1 figure regressed")
    assert "- left out: 2 runs: invalid" in text
    assert "| regressed | p95 | steady, mixed | 20260105T000000Z | aaaaaaaa..bbbbbbbb | 100 ms | 150 ms |" in text
    assert "Since 20260105T000000Z, too: numpy was 1, and is 2." in text
    assert "| p95 | steady, mixed | ▁▁ ▁╎▄▄▄█ | 7 | 100 ms | 200 ms | 200 ms |" in text


def test_plain_values_name_the_new_regressions_apart() -> None:
    found = words.encoded(a_history(TRACK))
    assert [(each["metric"], each["run"]) for each in found["new_regressions"]] == [(P95.name, CHANGE.run)]
    assert found["groups"][0]["tracks"][0]["changes"][0]["judgement"] == "regressed"
    assert words.encoded(a_history(TRACK, within=3))["new_regressions"] == []
