"""`lab compare`, as it is typed, over runs that are there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from lab.cli import cli
from lab.errors import ConfigError, ExitCode
from tests.lab.compared_runs import LOGIN, a_compared_run
from tests.lab.test_compared_runs import an_ab

Compare = Callable[..., Result]


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compare:
    monkeypatch.setenv("LAB_ARTIFACTS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["compare", *arguments])

    return run


def sides(root: Path, count: int = 5, **candidate: Any) -> tuple[list[str], list[str]]:
    """The names of the runs of two sides."""
    base = [a_compared_run(root, f"10000{number}").run_id for number in range(count)]
    return base, [a_compared_run(root, f"11000{number}", **candidate).run_id for number in range(count)]


def options(base: list[str], candidate: list[str]) -> list[str]:
    further = [part for run in base[1:] for part in ("--base", run)]
    return [base[0], candidate[0], *further, *(part for run in candidate[1:] for part in ("--candidate", run))]


def refusal(ended: Result) -> str:
    assert isinstance(ended.exception, ConfigError)
    assert ended.exception.exit_code == ExitCode.USAGE
    return str(ended.exception)


def test_a_slower_route_ends_with_1_and_stands_in_every_file(compare: Compare, tmp_path: Path) -> None:
    files = {name: tmp_path / f"it.{name}" for name in ("markdown", "json", "junit", "html")}
    ended = compare(
        *options(*sides(tmp_path, login_s=0.024)),
        "--pairs",
        *(part for name, path in files.items() for part in (f"--{name}", str(path))),
    )
    assert ended.exit_code == 1, ended.output
    assert ended.output.startswith("REGRESSED: ")
    assert "5 pairs of interleaved runs" in ended.output
    content = orjson.loads(files["json"].read_bytes())
    slower = [each["cell"]["route"] for each in content["figures"] if each["judgement"] == "regressed"]
    assert LOGIN in slower
    assert (content["version"], content["judgement"], content["pairs"]) == (1, "regressed", 5)
    assert "<failure" in files["junit"].read_text(encoding="utf-8")
    assert LOGIN in files["markdown"].read_text(encoding="utf-8")
    assert LOGIN in files["html"].read_text(encoding="utf-8")


def test_the_other_way_round_and_equal_sides_end_with_0(compare: Compare, tmp_path: Path) -> None:
    base, slow = sides(tmp_path, login_s=0.024)
    assert compare(*options(slow, base), "--paired", "--route", LOGIN).exit_code == 0
    equal = sides(tmp_path / "equal")
    paths = [[str(tmp_path / "equal" / run) for run in side] for side in equal]
    ended = compare(*options(*paths), "--pairs", "--all")
    assert (ended.exit_code, ended.output[:9]) == (0, "UNCHANGED"), ended.output


def test_single_runs_end_with_4_and_say_how_many_pairs_could_tell(compare: Compare, tmp_path: Path) -> None:
    (base,), (candidate,) = sides(tmp_path, 1, login_s=0.021)
    ended = compare(base, candidate)
    assert ended.exit_code == 4
    assert ended.output.startswith("CANNOT TELL: ")
    assert "runs that are no pairs" in ended.output
    assert "`lab ab --pairs " in ended.output


def test_runs_that_differ_are_refused_with_what_differs_and_forced(compare: Compare, tmp_path: Path) -> None:
    (base,), (candidate,) = sides(tmp_path, 1, seed=15)
    told = refusal(compare(base, candidate))
    assert "the seed was 14, and is 15" in told
    assert "--force" in told
    ended = compare(base, candidate, "--force")
    assert ended.exit_code in (0, 1, 4)
    assert "Forced, though these differ\n  the seed was 14, and is 15" in ended.output


def test_what_differs_on_purpose_is_said_and_no_reason_to_refuse(compare: Compare, tmp_path: Path) -> None:
    (base,), (candidate,) = sides(tmp_path, 1, target="others")
    assert "the target was stubs, and is others" in refusal(compare(base, candidate))
    ended = compare(base, candidate, "--under-test", "target")
    assert ended.exit_code in (0, 1, 4)
    assert "under test  the target was stubs, and is others" in ended.output


def test_the_directory_of_an_ab_alone_compares_its_pairs_as_it_was_asked(compare: Compare, tmp_path: Path) -> None:
    folder = an_ab(tmp_path, pairs=0)
    base, slow = sides(folder.runs, login_s=0.024)
    pairs = tuple(zip(base, slow, strict=True))
    folder.write(replace(folder.read(), pairs=pairs, route=LOGIN))
    json = tmp_path / "it.json"
    assert compare(folder.path.name, "--json", str(json)).exit_code == 1
    content = orjson.loads(json.read_bytes())
    assert (content["pairs"], content["route"], content["look_for"], content["confidence"]) == (5, LOGIN, 0.2, 0.99)
    assert compare(str(folder.path), "--json", str(json), "--find", "12%", "--effect", "3%").exit_code == 1
    content = orjson.loads(json.read_bytes())
    assert content["look_for"] == 0.12
    assert {each["measure"]["effect"] for each in content["figures"]} >= {0.03}


def test_a_single_run_is_no_comparison(compare: Compare, tmp_path: Path) -> None:
    run = a_compared_run(tmp_path, "100000").run_id
    assert f"`lab compare {run} CANDIDATE`" in refusal(compare(run))
    assert "there is no A/B" in refusal(compare(run))
    assert "name a run of each side" in refusal(compare())
    assert "on both sides" in refusal(compare(run, run))


def test_an_effect_that_hides_what_is_looked_for_is_refused(compare: Compare, tmp_path: Path) -> None:
    (base,), (candidate,) = sides(tmp_path, 1)
    assert "below the one to be found" in refusal(compare(base, candidate, "--effect", "20%"))
