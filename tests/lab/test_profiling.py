"""Which profiler is taken, of whom, and where what it saw is kept; profilers are played."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab import profiling
from lab.errors import ConfigError, ProfileError
from lab.model import Environment, ProcessId, Profile, ProfileKind, RunningService, RunState, Subject
from lab.run_lock import exclusive
from lab.rundir import create, read_profiles

WEB = RunningService(
    name="web", url="http://127.0.0.1:1", version="", process=ProcessId(pid=42, started_at=1.0), metrics_url=""
)
MONGO = RunningService(name="mongo", url="mongodb://127.0.0.1:2", version="", process=None)
ENVIRONMENT = Environment(
    id="lab-1.2",
    engine="process",
    target="small",
    entry_url=WEB.url,
    mongo_url="",
    started_at=0.0,
    services=(MONGO, WEB),
)


class Played:
    """A profiler that refuses with a reason, or sees something."""

    def __init__(self, name: str, refuses: str = "") -> None:
        self.name = name
        self._refuses = refuses

    def suits(self, _subject: Subject) -> str:
        return self._refuses

    def take(self, subject: Subject, *, seconds: float, is_ended: Callable[[], bool]) -> Profile:
        assert not is_ended()
        name = f"{subject.stem}-cpu.folded"
        (subject.folder / name).write_text("main 1\n")
        return Profile(
            kind=ProfileKind.CPU,
            service=subject.service,
            profiler=self.name,
            pids=(subject.pid,),
            started_at=10.0,
            ended_at=10.0 + seconds,
            rate_hz=100.0,
            samples=1,
            lost=0,
            files=(("folded", name),),
        )


def subject(folder: Path) -> Subject:
    return profiling.subject_of(ENVIRONMENT, "web", folder=folder, stem="s")


def test_a_service_is_named_with_its_process_and_where_it_answers(tmp_path: Path) -> None:
    assert subject(tmp_path) == Subject(
        service="web", pid=42, folder=tmp_path, stem="s", lab_url="http://127.0.0.1:1", marker=ENVIRONMENT.id
    )


def test_a_service_that_there_is_not_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no service is named 'wbe' \(there are: mongo, web\)"):
        profiling.subject_of(ENVIRONMENT, "wbe", folder=tmp_path, stem="s")


def test_of_a_process_that_is_not_known_an_inspector_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is known of the process of mongo; name its inspector"):
        profiling.subject_of(ENVIRONMENT, "mongo", folder=tmp_path, stem="s")
    named = profiling.subject_of(ENVIRONMENT, "mongo", folder=tmp_path, stem="s", inspector_url="http://127.0.0.1:3")
    assert (named.pid, named.inspector_url, named.lab_url) == (0, "http://127.0.0.1:3", "")


def test_the_first_profiler_that_suits_is_taken_and_what_it_saw_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    profilers = {ProfileKind.CPU: [lambda: Played("one", "not Node"), lambda: Played("two"), lambda: Played("three")]}
    taken = profiling.take(subject(folder), ProfileKind.CPU, seconds=2, profilers=profilers)
    other = replace(subject(folder), stem="t")
    again = profiling.take(other, ProfileKind.CPU, seconds=3, place=("spike", "spike-01", "top"), profilers=profilers)
    assert taken.profiler == "two"
    assert read_profiles(folder) == (taken, again)
    assert (again.phase, again.drive, again.moment) == ("spike", "spike-01", "top")
    assert 0 < again.attached_at <= again.detached_at
    assert again.disturbed == (again.attached_at, again.detached_at)


def test_a_profile_whose_files_are_replaced_is_listed_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    profilers = {ProfileKind.CPU: [lambda: Played("one")]}
    profiling.take(subject(folder), ProfileKind.CPU, seconds=2, profilers=profilers)
    again = profiling.take(subject(folder), ProfileKind.CPU, seconds=3, profilers=profilers)
    assert read_profiles(folder) == (again,)


def test_profiles_that_end_at_once_are_all_listed(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    profilers = {ProfileKind.CPU: [lambda: Played("one")]}
    subjects = [replace(subject(folder), stem=f"s{number}") for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda each: profiling.take(each, ProfileKind.CPU, seconds=1, profilers=profilers), subjects))
    assert len(read_profiles(folder)) == 12


def test_why_none_suits_is_told_of_each(tmp_path: Path) -> None:
    profilers = {ProfileKind.CPU: [lambda: Played("one", "not Node"), lambda: Played("two", "not Python")]}
    with pytest.raises(ProfileError, match=r"(?s)no cpu profile of web can be taken\none: not Node\ntwo: not Python"):
        profiling.take(subject(tmp_path / "profiles"), ProfileKind.CPU, seconds=2, profilers=profilers)
    assert not (tmp_path / "profiles").exists()


def test_profiles_go_to_the_run_that_is_going_on_else_to_the_home(tmp_path: Path) -> None:
    home, artifacts = tmp_path / "home", tmp_path / "runs"
    run = create(artifacts, "mixed-tiny", now=datetime(2026, 1, 1, tzinfo=UTC))
    run.write_record({"state": RunState.RUNNING})
    assert profiling.folder_for(home, artifacts) == home / "profiles"  # its controller was killed
    with exclusive(home):
        assert profiling.folder_for(home, artifacts) == run.profiles
        run.write_record({"state": RunState.FINISHED})
        assert profiling.folder_for(home, artifacts) == home / "profiles"


def test_a_damaged_list_is_none(tmp_path: Path) -> None:
    (tmp_path / "profiles.json").write_text("[{", encoding="ascii")
    assert read_profiles(tmp_path) == ()


def test_files_are_named_by_when_and_of_whom() -> None:
    assert profiling.stem_for("web", now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "20260102T030405Z-web"
