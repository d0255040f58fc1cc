"""Commits in folders of their own, on real repositories."""

import shutil
from pathlib import Path

import pytest

from lab import worktrees
from lab.errors import ConfigError
from tests.lab.repositories import commit, git, repository


def state(checkout: Path) -> tuple[str, str, str]:
    """What must not change: branch and commit, the index with the files, and which refs there are."""
    return git(checkout, "log", "-1", "--decorate"), git(checkout, "status", "--porcelain"), git(checkout, "show-ref")


def test_a_commit_is_checked_out_and_removed_without_a_trace(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    (project / "web.py").write_text("changed", encoding="utf-8")
    before, checkout = state(project), worktrees.checkout_at(project)
    found = worktrees.commit_of(checkout, "v1")
    code = worktrees.add(checkout, found.id, tmp_path / "home" / "sides" / found.id)
    assert "v1" in (code / "web.py").read_text(encoding="utf-8")
    assert worktrees.remove(code)
    assert not code.exists()
    assert state(project) == before
    assert git(project, "worktree", "list").count("\n") == 0
    assert not worktrees.remove(code)


def test_a_project_may_lie_deep_in_its_repository(tmp_path: Path) -> None:
    checkout = worktrees.checkout_at(repository(tmp_path / "repo", place="tools/lab"))
    assert (checkout.place, checkout.folder) == ("tools/lab", tmp_path / "repo" / "tools" / "lab")
    code = worktrees.add(checkout, worktrees.commit_of(checkout, "v2").id, tmp_path / "sides" / "two")
    assert code == tmp_path / "sides" / "two" / "tools" / "lab"
    assert "v2" in (code / "web.py").read_text(encoding="utf-8")


def test_a_snapshot_has_changed_and_new_files_and_leaves_the_index_alone(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    checkout = worktrees.checkout_at(project)
    last = worktrees.commit_of(checkout, "HEAD")
    assert not worktrees.is_changed(checkout)
    assert worktrees.snapshot(checkout) == last
    commit(project, _gitignore="ignored\n")  # a rule for what is left out
    (project / "web.py").write_text("changed", encoding="utf-8")
    (project / "new.py").write_text("new", encoding="utf-8")
    (project / "ignored").write_text("ignored", encoding="utf-8")
    before = state(project)
    found = worktrees.snapshot(checkout)
    assert found == worktrees.snapshot(checkout)
    assert state(project) == before
    assert worktrees.is_changed(checkout)
    code = worktrees.add(checkout, found.id, tmp_path / "sides" / "mine")
    assert (code / "web.py").read_text(encoding="utf-8") == "changed"
    assert (code / "new.py").exists()
    assert not (code / "ignored").exists()


def test_no_hook_of_the_checkout_is_run(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    hook = project / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n", encoding="ascii")
    hook.chmod(0o755)
    checkout = worktrees.checkout_at(project)
    worktrees.add(checkout, worktrees.commit_of(checkout, "v1").id, tmp_path / "sides" / "one")
    assert not (tmp_path / "hooked").exists()


def test_variables_that_lead_git_elsewhere_are_not_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = repository(tmp_path / "repo")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert worktrees.checkout_at(project).root == project


@pytest.mark.parametrize("ref", ["v9", "--all", "", "HEAD:web.py"])
def test_what_is_no_commit_is_refused_with_what_to_do(tmp_path: Path, ref: str) -> None:
    checkout = worktrees.checkout_at(repository(tmp_path / "repo"))
    with pytest.raises(ConfigError, match="names no commit of repo; `git log"):
        worktrees.commit_of(checkout, ref)


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no git checkout"):
        worktrees.checkout_at(tmp_path)
    with pytest.raises(ConfigError, match="is no git checkout"):
        worktrees.checkout_at(tmp_path / "nowhere")


def test_everything_that_was_left_is_cleared_also_what_is_half_there(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    checkout, sides = worktrees.checkout_at(project), worktrees.folder_in(tmp_path)
    for name in ("v1", "v2"):
        worktrees.add(checkout, worktrees.commit_of(checkout, name).id, sides / name)
    (sides / "v1" / ".git").write_text("damaged", encoding="ascii")
    (sides / "pythons" / "kept").mkdir(parents=True)
    assert worktrees.clear(sides) == 2
    assert [path.name for path in sides.iterdir()] == ["pythons"]
    assert git(project, "worktree", "list").count("\n") == 0


def test_a_worktree_whose_repository_is_gone_is_cleared_too(tmp_path: Path) -> None:
    checkout, sides = worktrees.checkout_at(repository(tmp_path / "repo")), tmp_path / "sides"
    worktrees.add(checkout, worktrees.commit_of(checkout, "v1").id, sides / "one")
    shutil.rmtree(tmp_path / "repo")
    assert worktrees.clear(sides) == 1
    assert worktrees.clear(tmp_path / "nowhere") == 0


def test_worktrees_that_are_not_the_labs_are_not_forgotten(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    checkout, sides = worktrees.checkout_at(project), tmp_path / "sides"
    away = tmp_path / "away"
    git(project, "worktree", "add", "--detach", str(away), "v2")
    shutil.rmtree(away)  # as on a disk that is not mounted at the moment
    worktrees.add(checkout, worktrees.commit_of(checkout, "v1").id, sides / "one")
    assert worktrees.remove(sides / "one")
    listed = git(project, "worktree", "list", "--porcelain")
    assert str(away) in listed
    assert str(sides) not in listed
