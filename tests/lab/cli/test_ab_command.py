"""`lab ab`, as it is typed, with a driver that starts nothing."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab import ab as interleaving
from lab import ab_opening, rundir, sides
from lab.ab import Measure, Measured
from lab.cli.ab import _refs, ab
from lab.config.settings import Settings
from lab.errors import LabError, RunDirError
from lab.model import Comparison, Interleaved, Judgement, Pinned, Variant
from lab.rundir import RunDir
from tests.lab.test_ab import a_comparison

SETTING = "services.backend.env.X=1"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lab of the test's own, in which `measuring` only makes directories."""
    own = Settings(home=tmp_path / "home", artifacts=tmp_path / "runs")
    monkeypatch.setenv("LAB_HOME", str(own.home))
    monkeypatch.setenv("LAB_ARTIFACTS", str(own.artifacts))
    monkeypatch.setenv("LAB_ENGINE", "process")
    monkeypatch.setattr(ab_opening, "measuring", counting([]))
    monkeypatch.setattr(interleaving, "compare_runs", judging(Judgement.REGRESSED))
    return own


def counting(driven: list[str], *, ends_at: int = -1) -> object:
    def measuring(_settings: Settings, folder: rundir.AbDir, made: object, *_: object, **_rest: object) -> Measure:
        assert made

        def measure(side: str, number: int) -> Measured:
            if len(driven) == ends_at:
                raise KeyboardInterrupt
            driven.append(f"{side} {number}")
            run = RunDir(folder.runs / f"run-{len(driven)}")
            run.path.mkdir(parents=True)
            run.write_record({"run_id": run.run_id, "started_at": 0.0, "ended_at": 1.0})
            return Measured(run=run.run_id)

        return measure

    return measuring


def judging(judgement: Judgement) -> object:
    def compare_runs(base: Sequence[RunDir], _candidate: Sequence[RunDir], **_: object) -> Comparison:
        return a_comparison(judgement, 6, len(base))

    return compare_runs


def lab(*arguments: str) -> Result:
    return CliRunner().invoke(ab, arguments)


def the_ab(settings: Settings) -> Interleaved:
    return rundir.find_ab(settings.artifacts, "2").read()


@pytest.mark.parametrize(
    ("judgement", "code"),
    [
        (Judgement.REGRESSED, 1),
        (Judgement.IMPROVED, 0),
        (Judgement.UNCHANGED, 0),
        (Judgement.CANNOT_TELL, 4),
    ],
)
def test_the_exit_code_is_the_judgement(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, judgement: Judgement, code: int, tmp_path: Path
) -> None:
    monkeypatch.setattr(interleaving, "compare_runs", judging(judgement))
    ended = lab("mixed", "--candidate-set", SETTING, "--pairs", "4", "--json", str(tmp_path / "it.json"))
    assert ended.exit_code == code, ended.output
    assert (tmp_path / "it.json").is_file()
    folder = rundir.find_ab(settings.artifacts, "2")
    assert {path.suffix for path in folder.path.glob("comparison.*")} == {".json", ".md", ".xml", ".html"}


def test_what_was_asked_for_is_kept_without_secrets(settings: Settings) -> None:
    secret = "services.backend.env.TOKEN_SECRET=hush"  # noqa: S105  # not one
    asked = ["mixed", "--base-set", SETTING, "--candidate-set", secret, "--pairs", "4", "--seed", "99", "--rate", "7"]
    ended = lab(*asked, "--find", "20%", "--effect", "0.04", "--route", "POST /datasets", "--no-early-stop")
    assert ended.exit_code == 1, ended.output
    found = the_ab(settings)
    assert found.sides["base"].variant.settings == (SETTING,)
    assert found.sides["candidate"].variant.settings == ("services.backend.env.TOKEN_SECRET=***",)
    assert (found.plan["seed"], found.plan["rate_per_s"], found.route) == (99, 7.0, "POST /datasets")
    stopping = found.stopping
    assert (stopping.pairs, stopping.look_for, stopping.effect, stopping.is_early) == (4, 0.2, 0.04, False)
    assert "hush" not in rundir.find_ab(settings.artifacts, "2").record.read_text(encoding="utf-8")


def test_ctrl_c_says_how_it_goes_on_and_it_does(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    driven: list[str] = []
    monkeypatch.setattr(ab_opening, "measuring", counting(driven, ends_at=3))
    ended = lab("mixed", "--candidate-set", SETTING, "--pairs", "4")
    name = rundir.find_ab(settings.artifacts, "2").path.name
    assert f"`lab ab --resume {name}` goes on with it" in ended.output
    assert "Aborted" in ended.output
    monkeypatch.setattr(ab_opening, "measuring", counting(driven))
    ended = lab("--resume", name)
    assert ended.exit_code == 1, ended.output
    assert [line[0] + line[-1] for line in driven] == ["b0", "c0", "c1", "b1", "b2", "c2", "c3", "b3"]
    again = lab("--resume", name)
    assert isinstance(again.exception, RunDirError)
    assert "has its answer" in str(again.exception)


def test_a_secret_that_is_not_kept_must_be_given_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = ("--candidate-set", "services.backend.env.TOKEN_SECRET=hush")
    monkeypatch.setattr(ab_opening, "measuring", counting([], ends_at=0))
    lab("mixed", *secret, "--pairs", "4")
    name = rundir.find_ab(settings.artifacts, "2").path.name
    assert "hold a secret, which is not kept" in refusal("--resume", name)
    assert "give the same, or none" in refusal("--resume", name, "--candidate-set", SETTING)
    assert "--base-set: the A/B goes on with no settings" in refusal("--resume", name, *secret, "--base-set", SETTING)
    ended = lab("--resume", name, *secret)
    assert isinstance(ended.exception, KeyboardInterrupt | SystemExit)
    assert "goes on with it" in ended.output


def refusal(*arguments: str) -> str:
    """What is said of something that cannot be done; it must be an error with exit code 2."""
    error = lab(*arguments).exception
    assert isinstance(error, LabError), error
    assert error.exit_code == 2
    return str(error)


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "say which scenario to drive"),
        (["mixed"], "the sides do not differ in anything: both are working tree"),
        (["mixed", "--same", "--base-set", SETTING], "--same is for two equal sides"),
        (["mixed", "--candidate", "HEAD"], "--candidate without --base"),
        (["mixed", "--base", "no-such-ref"], "'no-such-ref' names no commit"),
        (["mixd", "--candidate-set", SETTING], "did you mean 'mixed'?"),
        (["mixed", "--candidate-set", SETTING, "--route", "GET /report"], "did you mean 'GET /report/{id}'?"),
        (["mixed", "--candidate-set", SETTING, "--effect", "20%"], "must be below the one that is to be found"),
        (["mixed", "--candidate-set", SETTING, "--plan", "abc"], "no plan is named 'abc'"),
        (["mixed", "--candidate-set", "services.bakend.port=1"], "services.bakend"),
        (["mixed", "--candidate-image", "backend"], "--candidate-image 'backend': write SERVICE=IMAGE"),
        (["--candidate-set", SETTING, "--resume", "2"], "there is no A/B '2'"),
        (["mixed", "--resume", "2"], "give none of them beside it"),
        (["--resume", "2", "--pairs", "3"], "give none of them beside it"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_started(arguments: list[str], why: str) -> None:
    assert why in refusal(*arguments)


def test_a_refusal_leaves_nothing(settings: Settings) -> None:
    refusal("mixed", "--candidate-set", "services.bakend.port=1")
    assert not list(settings.artifacts.glob("*-ab-*"))


def test_equal_sides_are_an_a_a(settings: Settings) -> None:
    assert lab("mixed", "--same", "--pairs", "2").exit_code == 1
    told = {side.told for side in the_ab(settings).sides.values()}
    assert len(told) == 1
    assert told.pop().startswith("working tree ")


@pytest.mark.parametrize(
    ("given", "taken"),
    [((None, None, False), ("?", "?")), (("v1", None, False), ("v1", ".")), (("v1", None, True), ("v1", "v1"))],
)
def test_a_commit_alone_is_compared_with_the_working_tree(
    given: tuple[str | None, str | None, bool], taken: tuple[str, str]
) -> None:
    assert _refs(given[0], given[1], is_same=given[2], default="?") == taken


def test_files_and_folders_are_found_from_everywhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Variant] = []
    monkeypatch.setattr(
        sides, "pin", lambda variant: asked.append(variant) or Pinned(variant=variant, told=variant.ref)
    )
    monkeypatch.setattr(sides, "say_what_is_left_out", lambda *_, **__: None)
    monkeypatch.setattr(ab_opening, "made_ready", lambda *_, **__: nullcontext({"base": object()}))
    lab("mixed", "--base", "../other", "--candidate", "./x", "--base-target", "my.toml", "--pairs", "2")
    assert [variant.ref for variant in asked] == [str(Path(of).absolute()) for of in ("../other", "x")]
    assert [variant.target for variant in asked] == [str(Path("my.toml").absolute()), ""]
    assert settings.artifacts.exists()
