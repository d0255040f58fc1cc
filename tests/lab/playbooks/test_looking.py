"""How bottlenecks are looked for, ranked and trusted, whatever the rule."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab.analysis import analyse
from lab.model import Confidence, Doubt, DoubtKind, PhaseKind, Profile, ProfileKind, Sign, Symptom
from lab.playbooks import RULES, diagnose
from lab.playbooks.case import Case, Stretch
from lab.playbooks.looking import Question, look
from tests.lab.analysis.a_run import START
from tests.lab.playbooks.a_case import ACase

SURE = Sign(text="", holds=True)


def looked(
    case: ACase,
    values: Sequence[float | None],
    *,
    signs: Sequence[Sign] = (SURE, SURE),
    explained: float = 0.01,
    is_of_system: bool = True,
    doubts: Sequence[Doubt] = (),
) -> Symptom | None:
    """Look at a run of 60 s whose pieces of 5 s have these values; 1 is the limit."""
    evidence = case.evidence()
    opened = Case(evidence=evidence, analysis=replace(analyse(evidence), doubts=tuple(doubts)))
    question = Question(
        measure=lambda part: _over(values, part),
        limit=1.0,
        explained=lambda _part: explained,
        signs=lambda _part, _value: signs,
        is_of_system=is_of_system,
    )
    return look(opened, question)


def _over(values: Sequence[float | None], part: Stretch) -> float | None:
    first, last = (round((at - START) / 5) for at in (part.started_at, part.ended_at))
    told = [value for value in values[first:last] if value is not None]
    return max(told) if told else None


def test_pieces_beyond_the_limit_that_follow_one_another_are_one_stretch(tmp_path: Path) -> None:
    found = looked(ACase(tmp_path), [0, 0, 2, 3, 2, 0, 0, 0, 0, 0, 0, 0])
    assert found is not None
    assert (found.started_at - START, found.ended_at - START) == (10, 25)


@pytest.mark.parametrize(
    "values", [[0.0] * 12, [0, 2] * 6, [None] * 12, [2, None] * 6], ids=["below", "moments", "untold", "with gaps"]
)
def test_single_pieces_and_what_nobody_tells_are_nothing(values: list[float | None], tmp_path: Path) -> None:
    assert looked(ACase(tmp_path), values) is None


def test_a_window_that_is_one_piece_counts(tmp_path: Path) -> None:
    assert looked(ACase(tmp_path, seconds=8), [2.0, 2.0]) is not None


def test_warm_ups_are_not_looked_at(tmp_path: Path) -> None:
    assert looked(ACase(tmp_path, kind=PhaseKind.WARMUP), [2.0] * 12) is None


def test_what_a_profiler_saw_is_left_out(tmp_path: Path) -> None:
    profile = Profile(
        kind=ProfileKind.CPU,
        service="backend",
        profiler="py-spy",
        pids=(1,),
        started_at=START + 11,
        ended_at=START + 49,
        rate_hz=20,
        samples=1,
        lost=0,
        files=(),
    )
    case = ACase(tmp_path, profiles=(profile,))
    assert looked(case, [0, 0, *[2.0] * 8, 0, 0]) is None
    assert looked(case, [2.0, 2.0, *[0.0] * 10]) is not None


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ((True, True, True), Confidence.HIGH),
        ((True, None, True), Confidence.HIGH),
        ((True, True, False), Confidence.MEDIUM),
        ((True, None, None), Confidence.MEDIUM),
        ((True, False, False), Confidence.LOW),
    ],
)
def test_confidence_is_how_many_of_the_signs_that_can_be_read_hold(
    signs: tuple[bool | None, ...], expected: Confidence, tmp_path: Path
) -> None:
    found = looked(ACase(tmp_path), [2.0] * 12, signs=[Sign(text="", holds=holds) for holds in signs])
    assert found is not None
    assert found.confidence == expected
    assert bool(found.why) == (expected != Confidence.HIGH)


STEAL = Doubt(kind=DoubtKind.STEAL, what="", why="", remedy="", phase="sustain")


def test_a_doubt_about_the_machine_lowers_it_for_what_is_of_the_system_only(tmp_path: Path) -> None:
    of_system = looked(ACase(tmp_path), [2.0] * 12, doubts=[STEAL])
    of_machine = looked(ACase(tmp_path), [2.0] * 12, doubts=[STEAL], is_of_system=False)
    elsewhere = looked(ACase(tmp_path), [2.0] * 12, doubts=[replace(STEAL, phase="other")])
    assert of_system is not None
    assert of_machine is not None
    assert elsewhere is not None
    confidences = [each.confidence for each in (of_system, of_machine, elsewhere)]
    assert confidences == [Confidence.MEDIUM, Confidence.HIGH, Confidence.HIGH]


def test_the_share_is_what_is_explained_of_what_waits(tmp_path: Path) -> None:
    found = looked(ACase(tmp_path), [2.0] * 12, explained=0.01)  # 2 requests a second of 20 ms: 0.04 at a time
    assert found is not None
    assert found.waiting == pytest.approx(0.04, abs=0.002)
    assert found.share == pytest.approx(0.25, abs=0.02)


def test_no_share_is_beyond_all_that_waits(tmp_path: Path) -> None:
    found = looked(ACase(tmp_path), [2.0] * 12, explained=1000.0)
    assert found is not None
    assert found.share == 1.0


def two_phases(folder: Path) -> ACase:
    """The first half is planned load, the second one stress."""
    case = ACase(folder)
    first = replace(case.window, ended_at=START + 30)
    case.windows = (
        first,
        replace(first, phase="spike", kind=PhaseKind.SPIKE, started_at=START + 30, ended_at=START + 60),
    )
    return case


def test_planned_load_comes_before_load_beyond_it(tmp_path: Path) -> None:
    both = looked(two_phases(tmp_path), [2.0] * 12)
    only_beyond = looked(two_phases(tmp_path), [0.0] * 6 + [2.0] * 6)
    assert both is not None
    assert only_beyond is not None
    assert (both.phase, both.phases, both.is_beyond_plan) == ("sustain", ("sustain", "spike"), False)
    assert (only_beyond.phase, only_beyond.is_beyond_plan) == ("spike", True)


def test_playbooks_are_ranked_by_what_they_explain(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.samples = [case.request(second + part / 10, took_s=0.2) for second in range(60) for part in range(10)]
    case.histogram("event_loop_lag_seconds", per_s=20, mean_s=0.1, labels="service=backend")
    case.histogram("gc_pause_seconds", per_s=2, mean_s=0.04, labels="generation=2,service=backend")
    case.gauge("host_pressure_ratio", 0.3, "resource=io", rows="host")
    found = case.diagnosis().playbooks
    assert [playbook.rule for playbook in found] == ["event_loop_blocked", "io_bound", "garbage_collection"]
    shares = [playbook.symptom.share for playbook in found]
    assert shares == sorted(shares, reverse=True)


def test_what_cannot_be_told_says_what_is_lacking(tmp_path: Path) -> None:
    unseen = {each.rule: each.lacking for each in ACase(tmp_path).diagnosis().unseen}
    assert set(unseen) == set(RULES)
    assert unseen["event_loop_blocked"] == ("event_loop_lag_seconds_sum",)
    assert unseen["generator_bound"] == ()


def test_a_run_that_left_nothing_shows_nothing(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    evidence = replace(case.evidence(), series={}, samples=tmp_path / "none", points=tmp_path / "none")
    assert diagnose(evidence, analyse(evidence)).playbooks == ()


def test_the_same_files_give_the_same_playbooks(tmp_path: Path) -> None:
    case = ACase(tmp_path)
    case.gauge("host_pressure_ratio", 0.3, "resource=io", rows="host")
    assert case.diagnosis() == case.diagnosis()
