"""What the sides of a comparison are: pinned, told apart, checked out, and started from their own code."""

import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from lab import locked_python, preparing, processes
from lab.config.settings import Settings
from lab.engines import ProcessEngine
from lab.errors import ConfigError, EngineError
from lab.model import OBSERVERS
from lab.preparing import Wanted
from lab.sides import (
    Variant,
    pin,
    read_images,
    ready,
    require_difference,
    say_what_is_left_out,
    under_test,
)
from tests.lab.repositories import commit, git, repository

SMALL = Wanted(target="small", ports=("auto",), engine="process")


def silent(_: str) -> None:
    pass


def test_refs_are_pinned_to_commits_and_told_without_secrets(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    one = git(project, "rev-parse", "v1")
    settings = ("services.web.env.TOKEN_SECRET=hush", "services.web.env.URL=http://me:hush@localhost/x", "a.b=1")
    side = pin(Variant(name="base", ref="v1", settings=settings, images=(("web", "w:1"),)), running=project)
    assert side.commit == one
    assert side.told == (
        f"v1 ({one[:10]}), services.web.env.TOKEN_SECRET=***, services.web.env.URL=http://***@localhost/x, a.b=1, "
        "image web=w:1"
    )
    assert pin(Variant(name="base", ref=one[:12]), running=project).told == one[:10]
    assert pin(Variant(name="base"), running=tmp_path).told == "this checkout"
    assert pin(Variant(name="base", target="x/other.toml"), running=tmp_path).told == "target other.toml"


def test_the_working_tree_is_told_with_the_digest_of_its_changes(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    two = git(project, "rev-parse", "v2")
    assert pin(Variant(name="base", ref="."), running=project).told == f"working tree at {two[:10]}"
    (project / "web.py").write_text("changed", encoding="utf-8")
    side = pin(Variant(name="base", ref="."), running=project)
    assert side.told == f"working tree with changes to {two[:10]}, digest {side.tree[:10]}"
    (project / "web.py").write_text("changed again", encoding="utf-8")
    assert pin(Variant(name="base", ref="."), running=project).tree != side.tree
    other = pin(Variant(name="base", ref=str(project)), running=tmp_path)
    assert other.told.startswith("working tree of repo with changes")


def test_sides_that_do_not_differ_are_refused_unless_that_is_wanted(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    git(project, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    two, same = (pin(Variant(name=name, ref=name), running=project) for name in ("v2", "HEAD"))
    with pytest.raises(ConfigError, match=r"do not differ in anything: both are v2 .*--same"):
        require_difference(two, same, is_same=False)
    require_difference(two, same, is_same=True)
    one = pin(Variant(name="base", ref="v1"), running=project)
    require_difference(one, two, is_same=False)
    with pytest.raises(ConfigError, match="--same is for two equal sides"):
        require_difference(one, two, is_same=True)


def test_what_is_under_test_is_named() -> None:
    base = pin(Variant(name="base"))
    candidate = pin(Variant(name="candidate", settings=("a.b=1",), images=(("web", "w:1"),)))
    assert under_test(base, candidate) == ("settings", "images")
    assert under_test(base, pin(Variant(name="candidate"))) == ()
    ordered = [pin(Variant(name="x", settings=texts)) for texts in (("a=1", "b=2"), ("b = 2", "a=1"))]
    assert under_test(*ordered) == ()


def test_images_are_read_or_refused() -> None:
    assert read_images(["web=r/w:1", "db=m:2@sha256:ab"], option="--base-image") == (
        ("web", "r/w:1"),
        ("db", "m:2@sha256:ab"),
    )
    with pytest.raises(ConfigError, match="--base-image 'web': write SERVICE=IMAGE"):
        read_images(["web"], option="--base-image")


def test_a_side_without_a_commit_is_the_running_checkout_s_with_its_settings(tmp_path: Path) -> None:
    common = Wanted(target="stubs", overrides=("services.backend.ready_timeout_s=9",))
    side = pin(Variant(name="base", settings=("services.backend.env.X=1",)))
    with ready(side, common, tmp_path, say=silent) as made:
        assert made.wanted.origin is None
        assert made.wanted.bring_up
        assert made.wanted.without == OBSERVERS
        target = preparing.read_target(made.wanted)
    assert target.overrides == ("services.backend.ready_timeout_s=9", "services.backend.env.X=1")
    assert ("X", "1") in next(s.env for s in target.services if s.name == "backend")
    with (
        pytest.raises(ConfigError, match="unknown key"),
        ready(pin(Variant(name="base", settings=("bakend=1",))), common, tmp_path, say=silent),
    ):
        pass


def test_services_are_started_from_their_side_s_own_code(tmp_path: Path) -> None:
    project, home = repository(tmp_path / "repo", place="deep/in"), tmp_path / "home"
    commit(project, web_py="raise SystemExit('the running checkout is no side')")
    settings = Settings(home=home, artifacts=tmp_path / "runs")
    said = []
    for name in ("v1", "v2"):
        side = pin(Variant(name="base", ref=name, settings=("services.web.env.WORD=set",)), running=project)
        with (
            ready(side, SMALL, home, say=silent, running=project) as made,
            preparing.environment(settings, made.wanted, say=silent) as (found, system, _),
        ):
            assert found.overrides == ("services.web.env.WORD=set",)
            assert system.origin == made.wanted.origin
            with urllib.request.urlopen(found.entry_url) as answer:  # noqa: S310  # of this test's own service
                said.append(answer.read().decode())
            assert list((home / "sides").iterdir()) == [home / "sides" / f"{side.commit}-b"]
        assert list((home / "sides").iterdir()) == []
    assert said == ["v1 set in in", "v2 set in in"]
    assert ProcessEngine(home).find() is None


def test_a_commit_without_the_target_is_refused_and_its_worktree_removed(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    git(project, "rm", "--quiet", "-r", "targets")
    git(project, "commit", "--quiet", "--message", "no target")
    side = pin(Variant(name="base", ref="HEAD"), running=project)
    with (
        pytest.raises(ConfigError, match=r"has no targets/small\.toml.*--base-image"),
        ready(side, SMALL, tmp_path, say=silent, running=project),
    ):
        pass
    file = replace(SMALL, target="my/small.toml")
    with (
        pytest.raises(ConfigError, match="a commit brings its own targets"),
        ready(side, file, tmp_path, say=silent, running=project),
    ):
        pass
    assert list((tmp_path / "sides").iterdir()) == []
    assert git(project, "worktree", "list").count("\n") == 0


def test_images_are_for_containers(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    side = pin(Variant(name="base", ref="v1", images=(("web", "w:1"),)), running=project)
    settings = Settings(home=tmp_path / "home", artifacts=tmp_path / "runs")
    with (
        ready(side, SMALL, tmp_path, say=silent, running=project) as made,
        pytest.raises(ConfigError, match="web: an image is for a container; use --engine compose"),
        preparing.environment(settings, made.wanted, say=silent),
    ):
        pass


def test_changes_that_are_in_no_commit_are_mentioned_where_commits_are_compared(tmp_path: Path) -> None:
    project, said = repository(tmp_path / "repo"), list[str]()
    sides = [pin(Variant(name=name, ref=name), running=project) for name in ("v1", "v2")]
    say_what_is_left_out(sides, say=said.append, running=project)
    assert said == []
    (project / "web.py").write_text("changed", encoding="utf-8")
    say_what_is_left_out(sides, say=said.append, running=project)
    say_what_is_left_out([pin(Variant(name="base"))], say=said.append, running=project)
    dirty = pin(Variant(name="candidate", ref="."), running=project)
    say_what_is_left_out([sides[0], dirty], say=said.append, running=project)
    assert len(said) == 1
    assert "they are in neither side" in said[0]


def test_a_lock_of_its_own_makes_a_python_once_and_keeps_it(tmp_path: Path) -> None:
    running, code, kept = tmp_path / "running", tmp_path / "code", tmp_path / "pythons"
    for folder in (running, code):
        folder.mkdir()
        (folder / "requirements.lock").write_text("# nothing\n", encoding="ascii")
    said: list[str] = []

    def python() -> Path:
        return locked_python.python_for(code, running, kept, marker="lab-none", say=said.append)

    assert python() == Path(sys.executable)
    (code / "requirements.lock").write_text("# nothing else\n", encoding="ascii")
    made = python()
    assert made.is_relative_to(kept)
    seen = processes.ask([str(made), "-c", "import sys; print(sys.prefix)"], timeout_s=60)
    assert Path(seen.output) == made.parents[1]
    assert python() == made
    assert len(said) == 1
    (code / "requirements.lock").write_text("this is no lock\n", encoding="ascii")
    with pytest.raises(EngineError, match="the packages of the lock cannot be installed"):
        python()
    assert [path.name for path in kept.iterdir() if path.is_dir()] == [made.parents[1].name]
    (code / "requirements.lock").unlink()
    assert python() == Path(sys.executable)
