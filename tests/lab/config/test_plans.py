"""Plans: what is read, and that every problem is reported at once, with the nearest known name."""

from pathlib import Path

import pytest

from lab.config.plans import load_plan, parse_plan, plan_content
from lab.config.settings import ASSETS
from lab.errors import ConfigError, ExitCode
from lab.model import PhaseKind, Plan


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


def test_smoke_offers_at_most_half_a_minute_and_quick_at_most_three_minutes_of_load() -> None:
    assert seconds_of_load(load_plan("smoke")) <= 30
    assert seconds_of_load(load_plan("quick")) <= 180


def test_quick_warms_up_measures_a_baseline_ramps_to_50_and_sustains_50() -> None:
    phases = load_plan("quick").phases
    assert [phase.kind for phase in phases] == [
        PhaseKind.WARMUP,
        PhaseKind.BASELINE,
        PhaseKind.RAMP,
        PhaseKind.SUSTAIN,
    ]
    assert (phases[2].rate_per_s, phases[3].rate_per_s, phases[3].start_rate_per_s) == (50, 50, None)


def test_a_phase_without_a_rate_takes_the_plans_and_rate_changes_only_those() -> None:
    plan = load_plan("quick", rate_per_s=20)
    assert {phase.name: phase.rate_per_s for phase in plan.phases} == {
        "warmup": 10,
        "baseline": 5,
        "ramp": 20,
        "sustain": 20,
    }


def test_set_reaches_a_phase_by_its_name_and_any_other_key_by_its_path() -> None:
    plan = load_plan("smoke", overrides=["phases.sustain.duration_s=3", "seed=99", "guards.machine_cpu=0.5"])
    assert (plan.phases[-1].duration_s, plan.seed, plan.guards.machine_cpu) == (3, 99, 0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phases": []}, "phases: "),
        ({"thresholds": []}, "thresholds: "),
        ({"phases": [{"name": "w", "kind": "warmup", "duration_s": 5}]}, "every phase is a warm-up"),
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
    assert "'a' is a warm-up" in text


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
