"""What keeps a run from being replayed is said, with what to do; a real replay is tested in tests/e2e."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab import rundir
from lab.collectors.prometheus import PrometheusServer
from lab.errors import ConfigError, LabError
from lab.model import Environment, PhaseKind, RunningService, Window
from lab.replay import replay

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> rundir.RunDir:
    """A run of one window, with its series as text."""
    made = rundir.create(tmp_path / "runs", "mixed-smoke", now=NOON)
    window = Window(
        phase="sustain",
        kind=PhaseKind.SUSTAIN,
        step=0,
        started_at=NOON.timestamp(),
        ended_at=NOON.timestamp() + 60,
        planned_rate_per_s=5,
        achieved_rate_per_s=5,
        k6_exit_code=0,
    )
    made.write_windows([window])
    made.openmetrics.write_bytes(gzip.compress(b'lab_run{run="x"} 1 1767355201.0\n# EOF\n'))
    return made


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """One whose Prometheus answers that it knows nothing."""
    (tmp_path / "prometheus" / "tsdb").mkdir(parents=True)
    monkeypatch.setattr(PrometheusServer, "query", lambda *_, **__: [])
    server = RunningService(name="prometheus", url="http://127.0.0.1:9", version="2", process=None)
    return Environment(
        id="e",
        engine="process",
        target="stubs",
        entry_url="",
        mongo_url="",
        started_at=0,
        services=(server,),
        prometheus_folder=tmp_path / "prometheus",
    )


@pytest.fixture
def promtool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A promtool that a test writes, alone on PATH."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "promtool"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    return program


def silent(_: str) -> None:
    """Nobody listens."""


def test_without_a_prometheus_it_says_how_to_get_one(run: rundir.RunDir) -> None:
    with pytest.raises(ConfigError, match="no Prometheus of the lab runs"):
        replay(run, None, say=silent)


def test_without_promtool_it_says_where_it_comes_from(
    run: rundir.RunDir, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="promtool is not on PATH"):
        replay(run, environment, say=silent)


@pytest.mark.usefixtures("promtool")
def test_a_run_of_an_older_lab_is_told_which_command_writes_the_text(
    run: rundir.RunDir, environment: Environment
) -> None:
    run.openmetrics.unlink()
    with pytest.raises(ConfigError, match="`lab report"):
        replay(run, environment, say=silent)


@pytest.mark.usefixtures("promtool")
def test_a_run_that_offered_no_load_has_nothing_to_show(run: rundir.RunDir, environment: Environment) -> None:
    run.write_windows([])
    with pytest.raises(ConfigError, match="no window"):
        replay(run, environment, say=silent)


def test_what_promtool_says_is_told_and_nothing_is_left(
    run: rundir.RunDir, environment: Environment, promtool: Path
) -> None:
    promtool.write_text("#!/bin/sh\necho 'next: expected label name'\nexit 1\n")
    with pytest.raises(LabError, match="next: expected label name"):
        replay(run, environment, say=silent)
    assert environment.prometheus_folder
    assert [path.name for path in environment.prometheus_folder.rglob("*")] == ["tsdb"]


@pytest.mark.usefixtures("promtool")
def test_a_text_that_was_cut_off_is_an_error_that_names_the_file(run: rundir.RunDir, environment: Environment) -> None:
    run.openmetrics.write_bytes(run.openmetrics.read_bytes()[:-12])
    with pytest.raises(LabError, match=r"openmetrics\.txt\.gz cannot be loaded"):
        replay(run, environment, say=silent)


def test_blocks_that_are_never_shown_are_an_error_after_a_while(
    run: rundir.RunDir, environment: Environment, promtool: Path
) -> None:
    promtool.write_text('#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/01A" && echo "{}" > "$last/01A/meta.json"\n')
    said: list[str] = []
    passed = iter(range(0, 10_000, 10))
    with pytest.raises(LabError, match="does not show the run"):
        replay(run, environment, say=said.append, clock=lambda: float(next(passed)), sleep=lambda _: None)
    assert said == ["1 block written; Prometheus looks for new ones once a minute"]
    assert environment.prometheus_folder
    assert (environment.prometheus_folder / "tsdb" / "01A" / "meta.json").is_file()
