"""Commits held against the good end: the order of the runs, the looks, and what is made of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from lab.analysis.comparison import nominal_alphas
from lab.bisecting.by_comparison import ByComparison
from lab.errors import CommitError, ConfigError
from lab.model import (
    AgainstGood,
    Cell,
    Commit,
    Compared,
    Comparison,
    Estimate,
    Judgement,
    Mark,
    Measure,
    Scale,
    Side,
    Trial,
    TrialRun,
)

GOOD = Commit(sha="0" * 40, subject="good", author_date="2026-01-01T00:00:00+00:00")
OTHER = replace(GOOD, sha="1" * 40, subject="other")
AGAINST = AgainstGood(pairs=8, alpha=0.01, look_for=0.1)
P95 = Measure(name="p95(http_req_duration)", unit="s", scale=Scale.RATIO, effect=0.05, start_spread=0.1)


def a_comparison(judgement: Judgement, *, pairs: int, wanted: int | None = None) -> Comparison:
    headline = Compared(
        measure=P95,
        cell=Cell(phase="steady"),
        base=0.1,
        candidate=0.12,
        change=Estimate(value=0.2, low=0.15, high=0.25),
        p_value=0.001,
        detectable=None,
        judgement=judgement,
        pairs_wanted=wanted,
        is_headline=True,
    )
    side = Side(name="base", told="", runs=())
    return Comparison(base=side, candidate=side, pairs=pairs, confidence=0.99, look_for=0.1, figures=(headline,))


@dataclass
class Bench:
    """Measures and compares as it is told: each answer is that of a look, the last one again and again."""

    answers: Sequence[Judgement]
    wanted: int | None = None
    useless: Sequence[int] = ()
    behind: Sequence[int] = ()
    fails_at: int = -1
    is_other_plan: bool = False
    calls: list[tuple[str, int, bool]] = field(default_factory=list)
    compared: list[tuple[int, float]] = field(default_factory=list)

    def measure(self, commit: Commit, *, seed: int, is_base: bool) -> TrialRun:
        number = len(self.calls)
        self.calls.append((commit.subject, seed, is_base))
        if number == self.fails_at:
            raise CommitError("backend does not start")
        return TrialRun(
            run_id=f"{commit.subject}-{number}",
            is_base=is_base,
            unusable="the machine was busy" if number in self.useless else "",
            fell_behind=number in self.behind,
        )

    def compare(self, base: Sequence[str], candidate: Sequence[str], alpha: float) -> Comparison:
        if self.is_other_plan:
            raise ConfigError("the plan differs")
        assert len(base) == len(candidate)
        assert {run.partition("-")[0] for run in base} == {"good"}
        assert {run.partition("-")[0] for run in candidate} == {"other"}
        self.compared.append((len(base), alpha))
        looks = len(self.compared) - 1  # the first one only asks whether they can be compared
        answer = self.answers[min(max(looks, 1), len(self.answers)) - 1]
        return a_comparison(answer, pairs=len(base), wanted=self.wanted)

    def judge(
        self, commit: Commit = OTHER, *, runs: tuple[TrialRun, ...] = (), against: AgainstGood = AGAINST
    ) -> Trial:
        judge = ByComparison(good=GOOD, measure=self.measure, compare=self.compare, seed=20, against=against)
        return judge(Trial(commit=commit, runs=runs), lambda _trial: None)


def test_the_good_end_is_good_without_a_run() -> None:
    bench = Bench([Judgement.REGRESSED])
    assert bench.judge(GOOD).mark == Mark.GOOD
    assert bench.calls == []


@pytest.mark.parametrize(
    ("judgement", "mark"),
    [(Judgement.REGRESSED, Mark.BAD), (Judgement.IMPROVED, Mark.GOOD), (Judgement.UNCHANGED, Mark.GOOD)],
)
def test_a_clear_answer_at_the_first_look_ends_it(judgement: Judgement, mark: Mark) -> None:
    bench = Bench([judgement])
    trial = bench.judge()
    assert trial.mark == mark
    assert trial.why == ""
    assert trial.said[0].startswith(judgement.upper())
    assert "".join("A" if is_base else "B" for _, _, is_base in bench.calls) == "ABBAABBA"
    assert [seed for _, seed, _ in bench.calls] == [20, 20, 21, 21, 22, 22, 23, 23]


def test_looks_share_the_error_rate() -> None:
    bench = Bench([Judgement.CANNOT_TELL, Judgement.CANNOT_TELL, Judgement.REGRESSED])
    assert bench.judge().mark == Mark.BAD
    looks = bench.compared[1:]
    assert [pairs for pairs, _ in looks] == [4, 6, 8]
    assert tuple(alpha for _, alpha in looks) == nominal_alphas((4, 6, 8), 0.01)


def test_what_all_pairs_cannot_tell_is_skipped_with_how_many_would() -> None:
    trial = Bench([Judgement.CANNOT_TELL], wanted=23).judge()
    assert (trial.mark, trial.why) == (Mark.SKIP, "8 pairs of runs cannot tell")
    assert "23" in trial.said[-1]
    assert len(trial.runs) == 16


def test_runs_without_a_verdict_are_driven_again_in_their_place() -> None:
    bench = Bench([Judgement.UNCHANGED], useless=(1, 2))
    trial = bench.judge()
    assert trial.mark == Mark.GOOD
    assert "".join("A" if is_base else "B" for _, _, is_base in bench.calls) == "ABBBBAABBA"
    assert len(trial.runs) == 10


def test_three_runs_without_a_verdict_in_a_row_are_given_up() -> None:
    trial = Bench([Judgement.UNCHANGED], useless=(1, 2, 3)).judge()
    assert trial.mark == Mark.SKIP
    assert "3 runs one after the other gave no verdict, the last one since the machine was busy" in trial.why


def test_a_commit_that_does_not_start_is_skipped_and_a_good_end_that_does_not_ends_the_search() -> None:
    assert Bench([Judgement.UNCHANGED], fails_at=1).judge().why == "backend does not start"
    with pytest.raises(CommitError):
        Bench([Judgement.UNCHANGED], fails_at=3).judge()


def test_runs_that_cannot_be_compared_say_so_after_the_first_pair() -> None:
    bench = Bench([Judgement.UNCHANGED], is_other_plan=True)
    trial = bench.judge()
    assert trial.mark == Mark.SKIP
    assert "the plan differs" in trial.why
    assert len(bench.calls) == 2


def test_a_commit_that_fell_behind_its_load_can_be_bad_and_is_never_good() -> None:
    assert Bench([Judgement.REGRESSED], behind=(1, 2)).judge().mark == Mark.BAD
    trial = Bench([Judgement.UNCHANGED], behind=(1, 2)).judge()
    assert trial.mark == Mark.SKIP
    assert "less load began" in trial.said[-1]


def test_a_good_end_that_fell_behind_is_driven_again() -> None:
    bench = Bench([Judgement.UNCHANGED], behind=(0,))
    assert bench.judge().mark == Mark.GOOD
    assert [is_base for _, _, is_base in bench.calls][:3] == [True, True, False]


def test_it_goes_on_where_it_was_left() -> None:
    whole = Bench([Judgement.REGRESSED])
    runs = whole.judge().runs
    rest = Bench([Judgement.REGRESSED])
    assert rest.judge(runs=runs[:5]).mark == Mark.BAD
    assert [(subject, seed) for subject, seed, _ in rest.calls] == [call[:2] for call in whole.calls[5:]]
