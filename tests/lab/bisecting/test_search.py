"""The search for the first bad commit, in a real repository, by a measure that needs no load."""

import math
from pathlib import Path

import pytest

from lab.bisect import Search
from lab.errors import ConfigError
from lab.model import Bisection, Mark, RunState
from lab.worktrees import clear
from tests.lab.bisecting.a_history import Measured, Repository, a_search, git, slow_from

COMMITS = 16
STEPS = math.ceil(math.log2(COMMITS)) + 1


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Read by the tests of this module; one that changes it makes its own."""
    return Repository.of(tmp_path_factory.mktemp("of") / "checkout", commits=COMMITS)


def worktrees(repository: Repository) -> list[str]:
    return git(repository.path, "worktree", "list").splitlines()


@pytest.mark.parametrize("first_bad", range(1, COMMITS))
def test_each_possible_first_bad_commit_is_named_in_few_steps(repository: Repository, first_bad: int) -> None:
    measure = Measured(slow_from(first_bad))
    found = a_search(repository, measure).run()
    assert found.first_bad is not None
    assert found.first_bad.sha == repository.sha(first_bad)
    assert found.state == RunState.FINISHED
    assert measure.commits[:2] == ["0", "15"]
    assert len(measure.commits) - 2 <= STEPS
    assert f"# first bad commit: [{found.first_bad.sha}]" in found.log


def test_the_steps_are_counted_down(repository: Repository) -> None:
    said: list[str] = []
    a_search(repository, Measured(slow_from(5)), said=said).run()
    steps = [line.partition(":")[0] for line in said if line.startswith("step")]
    assert steps[0] == "step 1 of about 4"
    assert steps[-1] in {f"step {len(steps)} of about {len(steps)}", f"step {len(steps)} of about {len(steps) + 1}"}


def test_the_parent_of_what_was_found_has_its_figures_too(repository: Repository) -> None:
    found = a_search(repository, Measured(slow_from(9))).run()
    marks = {trial.commit.subject: (trial.mark, trial.figures[0].value.value) for trial in found.trials}
    assert marks["9"] == (Mark.BAD, pytest.approx(0.5))
    assert marks["8"] == (Mark.GOOD, pytest.approx(0.1))


@pytest.mark.parametrize("first_bad", [0, 99])
def test_ends_that_do_not_differ_are_refused_with_the_figures_of_both(repository: Repository, first_bad: int) -> None:
    measure = Measured(slow_from(first_bad))
    with pytest.raises(ConfigError) as refused:
        a_search(repository, measure).run()
    assert "the ends do not differ" in str(refused.value)
    assert str(refused.value).count(" ms") == 2
    assert measure.commits == ["0", "15"]


def test_an_end_that_does_not_start_is_refused_with_its_reason(repository: Repository) -> None:
    with pytest.raises(ConfigError, match="backend does not start"):
        a_search(repository, Measured(slow_from(5), broken=frozenset({"15"}))).run()


def test_an_end_that_did_not_start_is_tried_again_when_the_search_goes_on(repository: Repository) -> None:
    kept: list[Bisection] = []
    with pytest.raises(ConfigError):
        a_search(repository, Measured(slow_from(5), broken=frozenset({"15"})), kept=kept).run()
    measure = Measured(slow_from(5))
    found = a_search(repository, measure, begun=kept[-1]).run()
    assert found.first_bad is not None
    assert found.first_bad.subject == "5"
    assert "0" not in measure.commits


def test_a_target_that_the_bad_end_alone_meets_is_told_to_be_turned_round(repository: Repository) -> None:
    with pytest.raises(ConfigError, match="turned round"):
        a_search(repository, Measured(lambda subject: int(subject) < 5)).run()


def test_swapped_ends_are_refused_before_anything_is_measured(repository: Repository) -> None:
    with pytest.raises(ConfigError, match="swapped"):
        a_search(repository, Measured(slow_from(5)), good="main", bad=repository.sha(0))


def test_one_commit_has_nothing_between_its_ends(repository: Repository) -> None:
    with pytest.raises(ConfigError, match="same commit"):
        a_search(repository, Measured(slow_from(5)), good="main", bad="HEAD")


@pytest.mark.parametrize("ref", ["no-such-branch", "--upload-pack=x", ""])
def test_a_ref_that_names_no_commit_is_refused(repository: Repository, ref: str) -> None:
    with pytest.raises(ConfigError, match="names no commit"):
        a_search(repository, Measured(slow_from(5)), bad=ref)


def test_a_folder_without_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no git checkout"):
        a_search(Repository(tmp_path), Measured(slow_from(5)), good="main")


def test_neighbours_need_no_step(repository: Repository) -> None:
    measure = Measured(slow_from(15))
    found = a_search(repository, measure, good=repository.sha(14)).run()
    assert found.first_bad is not None
    assert found.first_bad.subject == "15"
    assert measure.commits == ["14", "15"]


# ------------------------------------------------------------------------------------------- commits that are skipped


@pytest.mark.parametrize("broken", [{"7"}, {"3", "4", "7", "8", "11"}])
def test_commits_that_do_not_start_are_skipped_with_their_reason(repository: Repository, broken: set[str]) -> None:
    found = a_search(repository, Measured(slow_from(13), broken=frozenset(broken))).run()
    assert found.first_bad is not None
    assert found.first_bad.subject == "13"
    skipped = {trial.commit.subject: trial.why for trial in found.trials if trial.mark == Mark.SKIP}
    assert skipped
    assert skipped.keys() <= broken
    assert set(skipped.values()) == {"backend does not start"}


def test_beside_skipped_commits_those_are_named_one_of_which_it_is(repository: Repository) -> None:
    found = a_search(repository, Measured(slow_from(8), broken=frozenset({"7", "8"}))).run()
    assert found.first_bad is None
    assert sorted(int(commit.subject) for commit in found.suspects) == [7, 8, 9]
    assert found.state == RunState.FINISHED


def test_a_commit_whose_interval_holds_the_limit_is_measured_five_times_and_skipped(repository: Repository) -> None:
    measure = Measured(slow_from(13), values={"7": (0.3,)})
    found = a_search(repository, measure).run()
    assert [seed for subject, seed in measure.calls if subject == "7"] == [14, 15, 16, 17, 18]
    trial = next(trial for trial in found.trials if trial.commit.subject == "7")
    assert trial.mark == Mark.SKIP
    assert trial.why == "steady: the limit lies inside the interval, after 5 runs"
    assert found.first_bad is not None
    assert found.first_bad.subject == "13"


# ------------------------------------------------------------------------------------------- histories with branches


def branched(tmp_path: Path) -> Repository:
    """0 to 3 on main; upon 1 a branch `other` with 100 and 101."""
    made = Repository.of(tmp_path / "checkout", commits=4)
    git(made.path, "checkout", "--quiet", "-b", "other", made.sha(1))
    for subject in ("100", "101"):
        made.commit(subject)
    return made


def test_a_good_end_on_another_branch_is_searched_from_where_they_part(tmp_path: Path) -> None:
    measure = Measured(lambda subject: subject in {"2", "3"})
    found = a_search(branched(tmp_path), measure, good="other", bad="main").run()
    assert found.first_bad is not None
    assert found.first_bad.subject == "2"
    assert measure.commits[:3] == ["101", "3", "1"]


def test_what_was_mended_on_the_way_to_the_good_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mended"):
        a_search(branched(tmp_path), Measured(lambda subject: int(subject) < 100), good="other", bad="main").run()


def test_ends_without_a_commit_in_common_are_refused(tmp_path: Path) -> None:
    made = Repository.of(tmp_path / "checkout", commits=2)
    git(made.path, "checkout", "--quiet", "--orphan", "apart")
    made.commit("50")
    with pytest.raises(ConfigError, match="no commit in common"):
        a_search(made, Measured(slow_from(1)), good="apart", bad="main")


# ------------------------------------------------------------------------------------------------ Ctrl-C, and going on


@pytest.mark.parametrize("at", range(7))
def test_after_ctrl_c_at_any_run_it_goes_on_without_measuring_one_twice(repository: Repository, at: int) -> None:
    whole = Measured(slow_from(11), values={"7": (0.3, 0.3, 0.1, 0.1, 0.1)})
    expected = a_search(repository, whole).run()
    assert len(whole.calls) > 7
    first = Measured(slow_from(11), values=whole.values, interrupted_at=at)
    kept: list[Bisection] = []
    with pytest.raises(KeyboardInterrupt):
        a_search(repository, first, kept=kept).run()
    assert kept[-1].state == RunState.INTERRUPTED
    assert len(worktrees(repository)) == 1
    second = Measured(slow_from(11), values={"7": whole.values["7"][sum(call[0] == "7" for call in first.calls) :]})
    found = a_search(repository, second, begun=kept[-1]).run()
    assert found.first_bad == expected.first_bad
    assert first.calls + second.calls == whole.calls
    assert found.log == expected.log


# ------------------------------------------------------------------------------------------- the user's own checkout


def state_of(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_a_dirty_checkout_with_a_bisect_of_its_own_is_left_as_it_is(tmp_path: Path) -> None:
    made = Repository.of(tmp_path / "checkout", commits=COMMITS)
    git(made.path, "bisect", "start", made.sha(10), made.sha(2))
    git(made.path, "bisect", "good")
    (made.path / "untracked").write_text("mine\n", encoding="utf-8")
    (made.path / "staged").write_text("mine\n", encoding="utf-8")
    git(made.path, "add", "staged")
    before = state_of(made.path)
    own = git(made.path, "bisect", "log")
    seen = []

    def measure(commit: object, **asked: object) -> object:
        seen.append((git(made.path, "bisect", "log"), git(made.path, "rev-parse", "HEAD", "BISECT_EXPECTED_REV")))
        return inner(commit, **asked)  # type: ignore[arg-type]

    inner = Measured(slow_from(12))
    found = a_search(made, measure, good=made.sha(0)).run()  # type: ignore[arg-type]
    assert found.first_bad is not None
    assert found.first_bad.subject == "12"
    assert {log for log, _ in seen} == {own}
    assert len({heads for _, heads in seen}) == 1
    assert git(made.path, "bisect", "log") == own
    assert state_of(made.path) == before


def test_hooks_of_the_checkout_are_not_run(tmp_path: Path) -> None:
    made = Repository.of(tmp_path / "checkout", commits=4)
    hook = made.path / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", encoding="utf-8")
    hook.chmod(0o755)
    assert a_search(made, Measured(slow_from(2))).run().first_bad is not None
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def left_behind(repository: Repository) -> Search:
    """A search that was killed in the middle of its walk."""
    search = a_search(repository, Measured(slow_from(3)))
    git(repository.path, "worktree", "add", "--detach", "--no-checkout", str(search.folder), "main")
    git(search.folder, "bisect", "start", "--no-checkout", search.found.bad.sha, search.found.good.sha)
    assert len(worktrees(repository)) == 2
    return search


def test_what_a_killed_search_leaves_is_cleared_by_lab_down(repository: Repository, left_behind: Search) -> None:
    assert clear(left_behind.folder.parent) == 1
    assert len(worktrees(repository)) == 1


def test_what_a_killed_search_leaves_does_not_hinder_the_next_one(repository: Repository, left_behind: Search) -> None:
    found = left_behind.run()
    assert found.first_bad is not None
    assert found.first_bad.subject == "3"
    assert len(worktrees(repository)) == 1


def test_the_worktree_of_the_walk_goes_with_it(repository: Repository) -> None:
    search = a_search(repository, Measured(slow_from(3)))
    search.run()
    assert not search.folder.exists()
    assert len(worktrees(repository)) == 1
