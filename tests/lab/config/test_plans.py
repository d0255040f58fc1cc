"""Plans: what is read, and that every problem is reported at once, with the nearest known name."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.analysis.phases import judged_by
from lab.assets import ASSETS
from lab.config.plans import load_plan, parse_plan, plan_content
from lab.errors import ConfigError, ExitCode
from lab.model import Moment, Phase, PhaseKind, Plan, Profiling
from lab.thresholds import parse


def a_plan_file(**changes: object) -> dict[str, object]:
    content: dict[str, object] = {
        "name": "tiny",
        "seed": 1,
        "rate_per_s": 10,
        "thresholds": [{"expect": "p95(http_req_duration) < 1s"}],
        "phases": [{"name": "steady", "kind": "sustain", "duration_s": 5}],
    }
    return {**content, **changes}


def problems_of(**changes: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_plan(a_plan_file(**changes), source="tiny.toml")
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(path.stem for path in (ASSETS / "plans").glob("*.toml")))
def test_every_plan_that_ships_is_valid_and_survives_a_round_trip(name: str) -> None:
    plan = load_plan(name)
    assert parse_plan(plan_content(plan), source="again") == plan


def seconds_of_load(plan: Plan) -> float:
    return sum(phase.duration_s for phase in plan.phases)


@pytest.mark.parametrize(
    ("name", "longest_s"),
    # what is left of the times that the descriptions promise is for k6, which takes a second or two per phase and step
    [("smoke", 30), ("quick", 325), ("capacity", 1000), ("spike", 300), ("soak", 3700), ("acceptance", 6000)],
)
def test_shipped_plans_offer_no_more_load_than_they_promise(name: str, longest_s: float) -> None:
    assert seconds_of_load(load_plan(name)) <= longest_s


def test_quick_and_acceptance_have_every_kind_of_phase() -> None:
    driven = [kind for kind in PhaseKind if kind != PhaseKind.PROFILE]
    for name in ("quick", "acceptance"):
        assert [phase.kind for phase in load_plan(name).phases] == driven


def test_acceptance_sustains_the_target_rate_for_a_quarter_of_an_hour_and_soaks_for_an_hour() -> None:
    phases = {phase.name: phase for phase in load_plan("acceptance").phases}
    assert (phases["sustain"].rate_per_s, phases["sustain"].duration_s) == (50, 900)
    assert (phases["soak"].rate_per_s, phases["soak"].duration_s) == (50, 3600)


def test_a_phase_without_a_rate_takes_the_plans_and_rate_changes_only_those() -> None:
    plan = load_plan("quick", rate_per_s=20)
    assert {phase.name: phase.rate_per_s for phase in plan.phases} == {
        "warmup": 10,
        "baseline": 5,
        "ramp": 20,
        "sustain": 20,
        "spike": 20,
        "stress": 500,
        "soak": 20,
    }


# ------------------------------------------------------------------------------------------------- phases of their own


SPIKE = {"name": "spike", "kind": "spike", "surge": {"factor": 4, "before_s": 10, "surge_s": 5, "after_s": 15}}
STRESS = {
    "name": "stress",
    "kind": "stress",
    "start_rate_per_s": 10,
    "rate_per_s": 100,
    "staircase": {"step_s": 10, "settle_s": 2, "max_steps": 5, "breaks": ["error_rate < 1%"]},
}


def a_plan_with(*phases: dict[str, Any], thresholds: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    sustain = {"name": "sustain", "kind": "sustain", "duration_s": 10}
    return {
        "name": "own",
        "seed": 1,
        "rate_per_s": 20,
        "phases": [sustain, *phases],
        "thresholds": [{"expect": "error_rate < 1%"}, *thresholds],
    }


def test_a_spike_moves_from_its_rate_to_a_multiple_and_back() -> None:
    spike = parse_plan(a_plan_with(SPIKE), source="own").phases[1]
    assert spike.duration_s == 30
    assert [spike.rate_at(second) for second in (0, 9.9, 10, 14.9, 15, 40)] == [20, 20, 80, 80, 20, 20]
    assert spike.mean_rate_per_s == pytest.approx((10 * 20 + 5 * 80 + 15 * 20) / 30)


def test_a_ramp_moves_evenly() -> None:
    ramp = Phase(name="ramp", kind=PhaseKind.RAMP, start_rate_per_s=0, rate_per_s=100, duration_s=50)
    assert [ramp.rate_at(second) for second in (-1, 0, 25, 50, 60)] == [0, 0, 50, 100, 100]


def test_a_plan_says_when_services_are_profiled_and_how() -> None:
    asked = {"services": ["ai_core"], "cpu_s": 5, "heap_s": 9, "repeat": False}
    plan = parse_plan({**a_plan_with({**SPIKE, "profile": ["top", "heap"]}), "profiling": asked}, source="own")
    assert plan.phases[1].profile == (Moment.TOP, Moment.HEAP)
    assert plan.profiling == Profiling(services=("ai_core",), cpu_s=5, heap_s=9, repeat=False)
    assert parse_plan(plan_content(plan), source="again") == plan


def test_a_phase_of_kind_profile_is_driven_and_never_judged() -> None:
    own = {"name": "look", "kind": "profile", "duration_s": 60, "profile": ["start"]}
    plan = parse_plan(a_plan_with(own), source="own")
    assert [phase.name for phase in judged_by(plan.thresholds[0], plan)] == ["sustain"]
    with pytest.raises(ConfigError, match="'look' is of a kind that is never judged"):
        parse_plan(a_plan_with(own, thresholds=[{"expect": "error_rate < 1%", "phases": ["look"]}]), source="own")


def test_the_breaks_of_a_stress_phase_are_thresholds() -> None:
    stress = parse_plan(a_plan_with(STRESS), source="own").phases[1]
    assert stress.staircase is not None
    assert stress.staircase.breaks == (parse("error_rate < 1%"),)
    assert stress.duration_s == 50


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ({**SPIKE, "surge": None}, "a spike, and nothing else, has a surge"),
        ({**SPIKE, "kind": "sustain", "duration_s": 5}, "a spike, and nothing else, has a surge"),
        ({**SPIKE, "duration_s": 5}, "the length of a spike follows from its parts"),
        ({**SPIKE, "start_rate_per_s": 5}, "a spike has no start_rate_per_s"),
        ({**STRESS, "staircase": None}, "a stress phase, and nothing else, has a staircase"),
        ({**STRESS, "start_rate_per_s": None}, "a stress phase begins at start_rate_per_s"),
        ({"name": "more", "kind": "soak"}, "duration_s is missing"),
        ({**STRESS, "staircase": {"breaks": ["error_rat < 1%"]}}, "did you mean 'error_rate'"),
        ({**STRESS, "staircase": {"breaks": ["max(host_cpu_ratio) < 90%"]}}, "a step is broken by metrics of the load"),
        (
            {**STRESS, "staircase": {"breaks": ["error_rate < 1%"], "step_s": 5, "settle_s": 3}},
            "settle_s leaves less than half of step_s",
        ),
        ({**SPIKE, "name": "stress-01"}, "rename 'stress-01'"),
        ({**SPIKE, "profile": ["good"]}, "phases.spike.profile: a spike has no moment 'good' (it has: top, heap)"),
        ({**STRESS, "profile": ["top"]}, "a stress has no moment 'top' (it has: good, break)"),
        ({"name": "more", "kind": "soak", "duration_s": 90, "profile": ["top"]}, "a soak has no moment 'top'"),
        ({**SPIKE, "profile": ["top", "top"]}, "each moment can be named once"),
        ({**SPIKE, "profile": ["peak"]}, "not 'peak'"),
        (
            {"name": "more", "kind": "soak", "duration_s": 40, "profile": ["start", "end"]},
            "2 of 15 s do not find room in 40 s, 45 s would do",
        ),
    ],
)
def test_phases_that_cannot_be_driven_are_refused(phase: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_plan(a_plan_with(phase, *([STRESS] if phase["name"] == "stress-01" else [])), source="own")
    assert said in "\n".join(raised.value.problems)


@pytest.mark.parametrize(
    ("expect", "phase", "said"),
    [
        ("error_rate < 1%", "stress", "hold break_point against it"),
        ("recovery_time < 5s", "sustain", "'sustain' is no phase of kind spike"),
        ("break_point > 5", "spike", "'spike' is no phase of kind stress"),
    ],
)
def test_a_threshold_is_not_held_against_what_a_phase_cannot_have(expect: str, phase: str, said: str) -> None:
    content = a_plan_with(SPIKE, STRESS, thresholds=[{"expect": expect, "phases": [phase]}])
    with pytest.raises(ConfigError, match=re.escape(said)):
        parse_plan(content, source="own")


def test_phases_are_picked_by_name_or_kind_and_keep_the_warm_ups_and_their_own_thresholds() -> None:
    plan = load_plan("quick", phases=["baseline", "spike"])
    assert [phase.name for phase in plan.phases] == ["warmup", "baseline", "spike"]
    texts = [threshold.text for threshold in plan.thresholds]
    assert "recovery_time < 20s" in texts
    assert not any("p50" in text for text in texts)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["spkie"], "did you mean 'spike'"),
        (["warmup"], "only phases are left that are never judged"),
    ],
)
def test_phases_that_a_plan_does_not_have_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_plan("quick", phases=names)


def test_set_reaches_a_phase_by_its_name_and_any_other_key_by_its_path() -> None:
    plan = load_plan("smoke", overrides=["phases.sustain.duration_s=3", "seed=99", "guards.machine_cpu=0.5"])
    assert (plan.phases[-1].duration_s, plan.seed, plan.guards.machine_cpu) == (3, 99, 0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phases": []}, "phases: "),
        ({"thresholds": []}, "thresholds: "),
        ({"phases": [{"name": "w", "kind": "warmup", "duration_s": 5}]}, "never judged (warmup or profile); add one"),
        ({"rate_per_s": -1}, "rate_per_s: Input should be greater than 0, not -1"),
        ({"rate_per_s": 1e9}, "less than or equal to 5000"),
        ({"rate_per_s": float("nan")}, "rate_per_s: "),
        ({"phases": [{"name": "a", "kind": "sustain", "duration_s": -5}]}, "phases[0].duration_s: "),
        ({"phases": [{"name": "a", "kind": "sustain", "duration_s": 1e7}]}, "less than or equal to 14400"),
        ({"phases": [{"name": "a", "kind": "sustan", "duration_s": 5}]}, "phases[0].kind: "),
        ({"phases": [{"name": "a", "kind": "sustain", "duratoin_s": 5}]}, "did you mean 'duration_s'?"),
        ({"gaurds": {}}, "gaurds: unknown key; did you mean 'guards'?"),
        ({"guards": {"machine_cpus": 1}}, "did you mean 'machine_cpu'?"),
        ({"thresholds": [{"expect": "p95(nothing) < 1s"}]}, "thresholds[0]: "),
        ({"thresholds": [{"expect": "p95(http_req_duration) < 1s", "phases": ["stedy"]}]}, "did you mean 'steady'?"),
        ({"seed": -3}, "seed: "),
    ],
)
def test_a_bad_plan_is_refused_with_a_sentence_that_says_where(changes: dict[str, object], said: str) -> None:
    assert said in problems_of(**changes)


def test_all_problems_are_reported_at_once() -> None:
    text = problems_of(seed=-1, rate_per_s=0, extra=1, phases=[{"name": "A B", "kind": "sustain", "duration_s": 0}])
    assert all(part in text for part in ("seed", "rate_per_s", "extra", "phases[0].name", "phases[0].duration_s"))


def test_two_phases_of_one_name_and_a_threshold_on_a_warm_up_are_refused() -> None:
    phases = [
        {"name": "a", "kind": "warmup", "duration_s": 1},
        {"name": "b", "kind": "sustain", "duration_s": 1},
        {"name": "b", "kind": "sustain", "duration_s": 1},
    ]
    text = problems_of(phases=phases, thresholds=[{"expect": "p95(http_req_duration) < 1s", "phases": ["a"]}])
    assert "two phases are named 'b'" in text
    assert "'a' is of a kind that is never judged" in text


def test_an_unknown_plan_is_answered_with_the_nearest_and_with_all_there_are() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'smoke'\?.*quick, smoke"):
        load_plan("smok")


@pytest.mark.parametrize("text", ["seed", "phases.nowhere.duration_s=3", "seed.deeper=1"])
def test_a_set_that_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_plan("smoke", overrides=[text])


def test_a_set_of_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'seed'"):
        load_plan("smoke", overrides=["sed=1"])


def test_a_file_that_is_not_toml_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("name = \n")
    with pytest.raises(ConfigError, match=r"mine\.toml: not TOML: .*line 1"):
        load_plan(str(path))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match="no plan file"):
        load_plan("nowhere/mine.toml")
