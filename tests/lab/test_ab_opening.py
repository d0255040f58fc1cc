"""What happens before an A/B's next run: what a killed one left, and how runs are driven and judged usable."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import rundir, sides
from lab.ab_opening import measuring, reopened, unusable
from lab.config.plans import load_plan, plan_content
from lab.config.settings import Settings
from lab.config.targets import load_scenario
from lab.errors import ConfigError
from lab.model import (
    Doubt,
    DoubtKind,
    Estimate,
    Finding,
    Interleaved,
    Outcome,
    Pinned,
    Plan,
    Scenario,
    Stopping,
    Variant,
    Verdict,
)
from lab.rundir import AbDir, RunDir

SIDES = {name: Pinned(variant=Variant(name=name), told=name) for name in ("base", "candidate")}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", artifacts=tmp_path / "runs")


@pytest.fixture
def folder(settings: Settings) -> AbDir:
    made = rundir.create_ab(settings.artifacts, "mixed", now=datetime(2026, 1, 2, tzinfo=UTC))
    stopping = Stopping(pairs=4, max_pairs=40, look_for=0.1, alpha=0.01)
    wanted = {"target": "stubs", "ports": ["auto"], "engine": "process", "k6": "auto", "overrides": ["a.b=1"]}
    plan = plan_content(load_plan("ab"))
    made.write(
        Interleaved(
            scenario="mixed", plan=plan, wanted=wanted, sides=SIDES, stopping=stopping, started_at=0.0, planned=4
        )
    )
    return made


@dataclass
class Standing:
    """An engine whose environment runs."""

    id: str
    is_down: bool = False

    def find(self) -> Any:
        return SimpleNamespace(id=self.id)

    def down(self) -> None:
        self.is_down = True


def test_what_a_killed_a_b_left_running_is_ended(
    settings: Settings, folder: AbDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = rundir.create(folder.runs, "mixed-ab", now=datetime(2026, 1, 2, tzinfo=UTC))
    run.write_record({"environment": {"id": "lab-1.a"}})
    left, said = Standing(id="lab-1.a"), list[str]()
    monkeypatch.setattr(sides, "standing", lambda _: left)
    found = reopened(settings, folder.path.name, given={}, allow_target=("there",), say=said.append)
    assert left.is_down
    assert said == ["ending the environment that an A/B left when it was killed"]
    assert (found.ab, found.sides, found.folder) == (folder.read(), SIDES, folder)
    assert (found.wanted.target, found.wanted.overrides, found.wanted.allow_target) == ("stubs", ("a.b=1",), ("there",))
    assert found.asked == (load_plan("ab"), load_scenario("mixed"))


def test_somebody_else_s_environment_is_refused(
    settings: Settings, folder: AbDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Standing(id="lab-1.b")
    monkeypatch.setattr(sides, "standing", lambda _: other)
    with pytest.raises(ConfigError, match="brings each side up itself"):
        reopened(settings, folder.path.name, given={}, allow_target=(), say=lambda _: None)
    assert not other.is_down


def test_runs_go_into_the_a_b_s_folder_with_the_seed_of_their_pair(
    settings: Settings, folder: AbDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, int, Path]] = []
    heard: list[str] = []

    def measure(side: object, of: tuple[Plan, Scenario], own: Settings, *, say: Any, showing: Any) -> Any:
        assert showing
        say(f"{side} is brought up")
        asked.append((side, of[0].seed, own.artifacts))
        return RunDir(own.artifacts / f"run-{len(asked)}"), SimpleNamespace(verdict=a_verdict())

    monkeypatch.setattr(sides, "measure", measure)
    plan = load_plan("ab")
    made: Any = {"base": "B", "candidate": "C"}
    drive = measuring(
        settings,
        folder,
        made,
        (plan, load_scenario("mixed")),
        say=heard.append,
        showing=lambda _: nullcontext(lambda *_: None),
    )
    assert [drive(side, number).run for side, number in (("base", 0), ("candidate", 0), ("base", 3))] == [
        "run-1",
        "run-2",
        "run-3",
    ]
    assert asked == [("B", plan.seed, folder.runs), ("C", plan.seed, folder.runs), ("B", plan.seed + 3, folder.runs)]
    assert heard == ["B is brought up", "C is brought up"]  # once is enough


def a_verdict(outcome: Outcome = Outcome.PASSED, *doubts: Doubt, findings: tuple[Finding, ...] = ()) -> Verdict:
    return Verdict(outcome=outcome, findings=findings, doubts=doubts)


def test_a_run_is_unusable_where_it_is_invalid_and_says_why() -> None:
    doubt = Doubt(kind=DoubtKind.RATE, what="the rate was missed", why="9 of 10", remedy="lower it", invalidates=True)
    finding = Finding(
        threshold="p95(http_req_duration) < 1s",
        phase="steady",
        observed=Estimate(value=1.0, low=1.0, high=1.0),
        limit=1.0,
        unit="s",
        outcome=Outcome.INVALID,
        started_at=0.0,
        ended_at=1.0,
        remedy="",
        why="too few requests",
    )
    cases = {
        "": (a_verdict(), a_verdict(Outcome.FAILED, replace(doubt, invalidates=False))),
        "the rate was missed (9 of 10)": (a_verdict(Outcome.INVALID, doubt, replace(doubt, invalidates=False)),),
        "too few requests": (a_verdict(Outcome.INVALID, findings=(finding,)),),
        "its verdict is invalid": (a_verdict(Outcome.INVALID),),
    }
    for why, verdicts in cases.items():
        for verdict in verdicts:
            report: Any = SimpleNamespace(verdict=verdict)
            assert unusable(report) == why
