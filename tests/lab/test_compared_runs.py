"""Which runs are compared: those that are named, the pairs of an A/B, and the two whose profiles are held together."""

from pathlib import Path
from typing import Any

import pytest

from lab.compared_runs import ComparedRuns, named, of_ab, profiles_of
from lab.errors import ConfigError, RunDirError
from lab.model import BASE, CANDIDATE, InterimLook, Interleaved, Judgement, Pinned, Stopping, Variant
from lab.rundir import AbDir, RunDir, write_json
from tests.lab.profiled_runs import a_run_directory, after, before

AB = "20260101T090000Z-ab-mixed"
STOPPING = Stopping(pairs=4, max_pairs=40, look_for=0.2, alpha=0.01, effect=0.05)


def an_ab(root: Path, pairs: int = 2, **state: Any) -> AbDir:
    """The directory of an A/B whose sides differ in settings, with runs that have a record and no more."""
    folder = AbDir(root / AB)
    names = tuple((f"base-{number}", f"candidate-{number}") for number in range(pairs))
    for pair in names:
        for name in pair:
            (folder.runs / name).mkdir(parents=True)
            write_json(folder.runs / name / "run.json", {"run_id": name, "started_at": 0.0, "ended_at": 1.0})
    folder.path.mkdir(exist_ok=True, parents=True)
    sides = {name: Pinned(variant=Variant(name=name, settings=(f"a={name}",)), told=name) for name in (BASE, CANDIDATE)}
    made = {"scenario": "mixed", "plan": {}, "wanted": {}, "sides": sides, "stopping": STOPPING, "started_at": 0.0}
    folder.write(Interleaved(**{**made, "pairs": names, "planned": 4, **state}))
    return folder


def a_look(pairs: int, alpha: float) -> InterimLook:
    return InterimLook(pairs=pairs, alpha=alpha, judgement=Judgement.CANNOT_TELL)


def test_the_pairs_of_an_ab_are_its_runs_in_their_order_compared_as_it_was_asked(tmp_path: Path) -> None:
    found = of_ab(an_ab(tmp_path, route="GET /x"))
    assert [run.run_id for run in found.base] == ["base-0", "base-1"]
    assert [run.run_id for run in found.candidate] == ["candidate-0", "candidate-1"]
    assert found.are_pairs
    assert found.under_test == ("settings",)
    assert (found.route, found.look_for, found.effect) == ("GET /x", 0.2, 0.05)


@pytest.mark.parametrize(
    ("looks", "alpha"),
    [((), 0.01), ((a_look(1, 0.0001), a_look(2, 0.004)), 0.004), ((a_look(1, 0.0001),), 0.01)],
    ids=["no look", "a look at all pairs", "pairs after the last look"],
)
def test_the_error_rate_is_that_of_the_look_at_all_pairs(
    looks: tuple[InterimLook, ...], alpha: float, tmp_path: Path
) -> None:
    assert of_ab(an_ab(tmp_path, looks=looks)).alpha == alpha


def test_what_is_to_be_known_of_an_ab_is_said_again(tmp_path: Path) -> None:
    found = of_ab(an_ab(tmp_path, stopped="Ctrl-C"))
    assert found.notes[0] == "the A/B ended before all pairs were driven: Ctrl-C"


def test_an_ab_without_a_pair_or_with_a_run_that_is_gone_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no whole pair yet; `lab ab --resume {AB}`"):
        of_ab(an_ab(tmp_path, pairs=0))
    folder = an_ab(tmp_path / "other")
    (folder.runs / "base-1" / "run.json").unlink()
    with pytest.raises(RunDirError, match="are gone: base-1"):
        of_ab(folder)


def test_both_sides_need_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name a run of each side"):
        named(tmp_path, ["one"], [])


def test_the_first_two_runs_with_profiles_are_held_against_one_another(tmp_path: Path) -> None:
    plain = [a_run_directory(tmp_path, name, requests=10) for name in ("010000", "020000")]
    profiled = [
        a_run_directory(tmp_path, "030000", before(), requests=6467),
        a_run_directory(tmp_path, "040000", after(), requests=3900),
    ]
    found = profiles_of(ComparedRuns(base=(plain[0], profiled[0]), candidate=(plain[1], profiled[1])))
    assert found is not None
    assert (found.before_run, found.after_run) == (profiled[0].run_id, profiled[1].run_id)
    assert "shop.orders.seal" in {change.words for change in found.differences[0].found.changed}


def test_without_profiles_of_the_same_moments_there_is_nothing_to_say(tmp_path: Path) -> None:
    one = a_run_directory(tmp_path, "010000", before(), requests=100)
    other = a_run_directory(tmp_path, "020000", after(service="till"), requests=100)
    broken = a_run_directory(tmp_path, "030000", after(), requests=100)
    broken.samples.unlink()
    for candidate in (other, broken, RunDir(tmp_path / "gone")):
        assert profiles_of(ComparedRuns(base=(one,), candidate=(candidate,))) is None
