"""What is repeated of a run, what the command line must say again, and what is found to differ."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lab import processes
from lab.errors import ConfigError, RunDirError
from lab.model import Environment
from lab.pack_places import Places
from lab.packing import pack
from lab.repeating import differences, overrides_for, repeated
from lab.rundir import RunDir
from lab.unpacking import unpack
from tests.lab.recorded_run import a_recorded_run

ONE_WORKER = "services.ai_core.env.AI_CORE_WORKERS=1"
HIDDEN = "services.backend.env.JWT_SECRET=***"
SAID = "services.backend.env.JWT_SECRET=abc"


def a_run(root: Path, *overrides: str, **changes: Any) -> RunDir:
    environment = {"id": "e1", "engine": "process", "services": [], "overrides": list(overrides)}
    return a_recorded_run(root, **{"environment": environment, **changes})


def an_environment(*overrides: str) -> Environment:
    return Environment(
        id="e2",
        engine="process",
        target="stubs",
        entry_url="http://127.0.0.1:1",
        mongo_url="",
        started_at=0.0,
        services=(),
        overrides=overrides,
    )


def elsewhere(run: RunDir, tmp_path: Path) -> RunDir:
    return unpack(pack(run, tmp_path, Places(())).path, tmp_path / "elsewhere").run


def test_plan_seed_scenario_target_engine_and_settings_are_those_of_the_run(tmp_path: Path) -> None:
    run = a_run(tmp_path, ONE_WORKER)
    found = repeated(run, None)
    assert (found.plan.name, found.plan.seed, found.plan.phases[0].rate_per_s) == ("recorded", 14, 30)
    assert (found.scenario.name, found.target, found.engine) == ("mixed", "stubs", "process")
    assert found.overrides == (ONE_WORKER,)


def test_a_run_that_came_in_a_pack_asks_for_the_same(tmp_path: Path) -> None:
    run = a_run(tmp_path / "here", ONE_WORKER)
    there = repeated(elsewhere(run, tmp_path), None)
    here = repeated(run, None)
    assert (there.plan, there.scenario, there.target) == (here.plan, here.scenario, here.target)


def test_a_run_of_this_machine_has_its_settings_set_again(tmp_path: Path) -> None:
    assert overrides_for(repeated(a_run(tmp_path, ONE_WORKER), None), (), None) == (ONE_WORKER,)


def test_a_secret_that_no_run_keeps_is_asked_for(tmp_path: Path) -> None:
    found = repeated(a_run(tmp_path, ONE_WORKER, HIDDEN), None)
    with pytest.raises(ConfigError, match=r"are secret.*\n--target-set 'services.backend.env.JWT_SECRET=\*\*\*'$"):
        overrides_for(found, (), None)
    assert overrides_for(found, (SAID,), None) == (ONE_WORKER, SAID)


def test_nothing_that_a_pack_asks_for_is_set_before_the_command_line_says_it_too(tmp_path: Path) -> None:
    started = 'services.backend.argv=["rm", "-r", "x"]'
    found = repeated(elsewhere(a_run(tmp_path / "here", started), tmp_path), None)
    with pytest.raises(
        ConfigError, match=r"come from elsewhere; read them, then add:\n--target-set 'services\.backend"
    ):
        overrides_for(found, (), None)
    assert overrides_for(found, (started,), None) == (started,)


def test_a_setting_that_the_run_did_not_have_contradicts_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="AI_CORE_WORKERS=1: the run had nothing set"):
        overrides_for(repeated(a_run(tmp_path), None), (ONE_WORKER,), None)


def test_an_environment_that_runs_must_have_been_set_alike(tmp_path: Path) -> None:
    found = repeated(a_run(tmp_path, ONE_WORKER), None)
    assert overrides_for(found, (), an_environment(ONE_WORKER)) == ()
    with pytest.raises(ConfigError, match=r"has nothing set, and the run had .*=1; `lab down`, then add --up"):
        overrides_for(found, (), an_environment())


@pytest.mark.parametrize("target", ["profiles/evil.toml", "../stubs", "", "/etc/x.toml"])
def test_a_target_that_is_no_name_is_never_looked_for(tmp_path: Path, target: str) -> None:
    with pytest.raises(RunDirError, match="is no name of a target"):
        repeated(a_run(tmp_path, target=target), None)


def test_settings_that_would_move_a_cursor_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="no terminal should be sent"):
        repeated(a_run(tmp_path, "x=\x1b[2J"), None)


def test_a_scenario_that_is_not_here_is_said(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.update_record(scenario={**run.read_record()["scenario"], "name": "of-another-lab"})
    with pytest.raises(ConfigError, match="no scenario is named 'of-another-lab'"):
        repeated(run, None)


def test_a_damaged_record_and_a_run_that_goes_on_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="damaged"):
        repeated(a_run(tmp_path / "one", scenario={"name": "mixed"}), None)
    with pytest.raises(RunDirError, match=r"damaged.*'services'"):
        repeated(a_recorded_run(tmp_path / "three", environment={"id": "e1"}), None)
    going_on = a_run(tmp_path / "two", state="running", controller=asdict(processes.identify(os.getpid())))
    with pytest.raises(RunDirError, match="still goes on"):
        repeated(going_on, None)


def test_an_interrupted_run_can_be_repeated(tmp_path: Path) -> None:
    assert repeated(a_run(tmp_path, state="interrupted"), None).plan.name == "recorded"


def test_every_difference_of_machine_versions_commit_and_scripts_is_said(tmp_path: Path) -> None:
    one, two = a_run(tmp_path), a_run(tmp_path)
    assert differences(one, two) == ()
    record = two.read_record()
    provenance = record["provenance"]
    one.update_record(provenance={**provenance, "scripts": "a" * 64})
    two.update_record(
        provenance={
            **provenance,
            "scripts": "b" * 64,
            "code": {"commit": "c0ffee", "dirty": True},
            "versions": {**provenance["versions"], "k6": "2.0.0"},
            "host": {**provenance["host"], "cores": 8},
        }
    )
    assert differences(one, two) == (
        "the commit was unknown, and is c0ffee with changes",
        f"the k6 scripts, which make users and datasets, were {'a' * 12}, and are {'b' * 12}",
        "k6 was 1.1.0, and is 2.0.0",
        "cores was 2, and is 8",
    )
