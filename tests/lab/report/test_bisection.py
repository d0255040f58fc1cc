"""What a search for a commit says."""

from dataclasses import replace

from lab.model import Bisection, Commit, Estimate, Mark, Outcome, Trial, TrialFigure, TrialRun
from lab.report.bisection import ends_told, headline, section, see_more, statements, told
from lab.thresholds import parse

ROOT = Commit(sha="0" * 40, subject="begin", author_date="2026-01-01T00:00:00+00:00")
PARENT = replace(ROOT, sha="a" * 40, subject="tidy", parents=(ROOT.sha,))
FIRST = replace(
    ROOT, sha="b" * 40, subject="slow \x1b[31m", author_date="2026-01-02T00:00:00+00:00", parents=(PARENT.sha,)
)
LAST = replace(ROOT, sha="c" * 40, subject="end", parents=(FIRST.sha,))


def a_trial(commit: Commit, mark: Mark, value_s: float | None, *, runs: int = 1, why: str = "") -> Trial:
    figures = ()
    if value_s is not None:
        estimate = Estimate(value=value_s, low=value_s * 0.9, high=value_s * 1.1)
        figures = (TrialFigure(name="p95(http_req_duration) in steady", value=estimate, unit="s"),)
    return Trial(
        commit=commit, mark=mark, why=why, figures=figures, runs=tuple(TrialRun(run_id=f"r{n}") for n in range(runs))
    )


FOUND = Bisection(
    scenario="mixed",
    good=ROOT,
    bad=LAST,
    target=parse("p95(http_req_duration) < 300ms"),
    suspects=(FIRST,),
    trials=(
        a_trial(ROOT, Mark.GOOD, 0.1),
        a_trial(LAST, Mark.BAD, 0.9, runs=2),
        a_trial(PARENT, Mark.GOOD, 0.2),
        a_trial(FIRST, Mark.BAD, 0.6),
    ),
)


def test_the_answer_names_the_commit_and_holds_it_against_its_parent() -> None:
    assert headline(FOUND) == f"first bad commit: {'b' * 40} slow \ufffd[31m"
    assert list(statements(FOUND)) == [
        "author date 2026-01-02T00:00:00+00:00",
        "it: p95(http_req_duration) in steady: 600 (540–660) ms",
        "its parent aaaaaaaaaa: p95(http_req_duration) in steady: 200 (180–220) ms",
        "4 commits tried in 5 runs, 0 skipped",
    ]
    assert see_more(FOUND, plan="ab") == "lab ab --base aaaaaaaaaa --candidate bbbbbbbbbb --plan ab mixed"


def test_a_parent_that_was_not_measured_is_told_as_such() -> None:
    merged = replace(FIRST, parents=(PARENT.sha, "d" * 40))
    said = list(statements(replace(FOUND, suspects=(merged,))))
    assert "its parent dddddddddd: not measured, since it is older than a good one" in said


def test_the_good_end_of_a_comparison_has_no_figure_of_its_own() -> None:
    compared = replace(FOUND, target=None, suspects=(PARENT,), trials=(a_trial(ROOT, Mark.GOOD, None, runs=0),))
    assert "its parent 0000000000: the good end" in list(statements(compared))


def test_without_one_answer_every_commit_that_it_may_be_is_named() -> None:
    left = replace(FOUND, suspects=(PARENT, FIRST), trials=(a_trial(PARENT, Mark.SKIP, None, runs=0, why="it died"),))
    assert headline(left) == "the first bad commit is one of 2: the others of them could not be told"
    said = list(statements(left))
    assert said[:2] == ["it may be aaaaaaaaaa tidy", "it may be bbbbbbbbbb slow \ufffd[31m"]
    assert said[-1] == "1 commit tried in 0 runs, 1 skipped"
    assert see_more(left, plan="ab") == ""


def test_a_search_under_way_has_no_answer_yet() -> None:
    assert headline(replace(FOUND, suspects=())) == "the first bad commit was not found yet"


def test_every_commit_that_was_tried_has_a_row() -> None:
    table = section(replace(FOUND, trials=(*FOUND.trials, a_trial(FIRST, Mark.SKIP, None, why="it died"))))
    assert table.rows[1][:3] == ("bad", "cccccccccc", "end")
    assert table.rows[1][-2:] == ("p95(http_req_duration) in steady: 900 (810–990) ms", "2")
    assert table.rows[-1][0] == "skipped"
    assert table.rows[-1][-2] == "it died"
    assert table.marks == (Outcome.PASSED, Outcome.FAILED, Outcome.PASSED, Outcome.FAILED, Outcome.INVALID)
    assert table.note == "good: p95(http_req_duration) < 300ms"


def test_what_a_comparison_said_is_told() -> None:
    trial = replace(a_trial(FIRST, Mark.BAD, None), said=("REGRESSED: 1 of 9 figures got worse", "p95: 1 ms → 2 ms"))
    assert told(trial) == "bbbbbbbbbb is bad: REGRESSED: 1 of 9 figures got worse; p95: 1 ms → 2 ms"
    table = section(replace(FOUND, target=None, trials=(trial,)))
    assert table.rows[0][-2] == "REGRESSED: 1 of 9 figures got worse\np95: 1 ms → 2 ms"
    assert table.note == "good: not regressed against the good end"


def test_a_skipped_commit_says_why() -> None:
    assert told(a_trial(FIRST, Mark.SKIP, None, why="backend has died")) == "bbbbbbbbbb is skipped: backend has died"
    good, bad = ends_told(a_trial(ROOT, Mark.GOOD, 0.1), a_trial(LAST, Mark.BAD, 0.9))
    assert good.startswith("the good end, 0000000000 is good: ")
    assert bad.startswith("the bad end, cccccccccc is bad: ")
