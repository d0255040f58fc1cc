"""Profiles that are due while load is driven, and what becomes of a run without one; profilers are played."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab.analysis.looks import Look
from lab.errors import ProfileError
from lab.looking import Looking, Place
from lab.model import (
    Doubt,
    DoubtKind,
    Environment,
    Moment,
    ProcessId,
    Profile,
    ProfileKind,
    RunningService,
    Subject,
)
from lab.rundir import RunDir, create

PLACE = Place(phase="spike", drive="spike-01")


def service(name: str, port: int) -> RunningService:
    process = ProcessId(pid=os.getpid(), started_at=1.0)  # below which no Node runs
    return RunningService(name=name, url=f"http://127.0.0.1:{port}", version="", process=process, metrics_url="")


MONGO = RunningService(name="mongo", url="mongodb://127.0.0.1:9", version="", process=None)
ENVIRONMENT = Environment(
    id="lab-1.2",
    engine="process",
    target="small",
    entry_url="http://127.0.0.1:1",
    mongo_url="",
    started_at=0.0,
    services=(MONGO, service("web", 1), service("api", 2)),
)


@dataclass
class Played:
    """Takes no profile, but remembers what it was asked for; may fail, or wait until it is let go."""

    fails: str = ""
    waits: threading.Event | None = None
    asked: list[tuple[Subject, ProfileKind, tuple[str, ...], bool]] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)

    def __call__(
        self,
        subject: Subject,
        kind: ProfileKind,
        *,
        seconds: float,
        place: tuple[str, ...],
        is_ended: Callable[[], bool] = lambda: False,
    ) -> Profile:
        self.begun.set()
        if self.waits is not None:
            self.waits.wait(30)
        self.asked.append((subject, kind, place, is_ended()))
        if self.fails and subject.service == self.fails:
            raise ProfileError("no permission")
        return Profile(
            kind=kind,
            service=subject.service,
            profiler="played",
            pids=(1,),
            started_at=0.0,
            ended_at=seconds,
            rate_hz=1.0,
            samples=1,
            lost=0,
            files=(),
        )


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    made = create(tmp_path, "mixed-tiny", now=datetime(2026, 1, 1, tzinfo=UTC))
    made.write_record({"incidents": []})
    return made


def cpu(moment: Moment, at_s: float) -> Look:
    return Look(moment=moment, kind=ProfileKind.CPU, at_s=at_s, seconds=2.0)


def incidents(run: RunDir) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.read_record()["incidents"]
    return found


def test_what_is_due_is_taken_once_of_every_service_that_speaks_http(run: RunDir) -> None:
    take = Played()
    with Looking(ENVIRONMENT, run, take=take).during([cpu(Moment.TOP, 4.0)], PLACE) as elapsed:
        elapsed(3.9)
        assert not take.begun.is_set()
        elapsed(4.0)
        elapsed(9.0)
    assert sorted(subject.service for subject, *_ in take.asked) == ["api", "web"]
    subject, kind, place, _ = next(each for each in take.asked if each[0].service == "web")
    assert (subject.pid, subject.stem, subject.folder) == (os.getpid(), "spike-01-top-web", run.profiles)
    assert subject.marker == ENVIRONMENT.id
    assert kind == ProfileKind.CPU
    assert place == ("spike", "spike-01", Moment.TOP)
    assert incidents(run) == []


def test_two_profiles_of_one_moment_have_names_of_their_own(run: RunDir) -> None:
    take = Played()
    looks = [cpu(Moment.HEAP, 0.0), cpu(Moment.HEAP, 1.0)]
    with Looking(ENVIRONMENT, run, services=["web"], take=take).during(looks, PLACE) as elapsed:
        elapsed(5.0)
    assert sorted(subject.stem for subject, *_ in take.asked) == ["spike-01-heap-web", "spike-01-heap1-web"]


def test_a_profile_that_cannot_be_taken_is_a_doubt_and_the_others_are_kept(run: RunDir) -> None:
    take = Played(fails="api")
    with Looking(ENVIRONMENT, run, take=take).during([cpu(Moment.TOP, 0.0)], PLACE) as elapsed:
        elapsed(0.0)
    assert len(take.asked) == 2
    (incident,) = incidents(run)
    assert incident["kind"] == DoubtKind.NOT_PROFILED
    assert incident["why"] == "api in spike-01: no permission"
    assert not incident["invalidates"]
    assert Doubt(**incident | {"kind": DoubtKind(incident["kind"])}).phase == "spike"


def test_a_service_that_there_is_not_is_a_doubt(run: RunDir) -> None:
    with Looking(ENVIRONMENT, run, services=["wbe"], take=Played()).during([cpu(Moment.TOP, 0.0)], PLACE) as elapsed:
        elapsed(0.0)
    assert "no service is named 'wbe'" in incidents(run)[0]["why"]


def test_load_that_ends_before_a_profile_was_due_says_so(run: RunDir) -> None:
    take = Played()
    with Looking(ENVIRONMENT, run, services=["web"], take=take).during([cpu(Moment.END, 60.0)], PLACE) as elapsed:
        elapsed(1.0)
    assert take.asked == []
    assert "load ended before it was due" in incidents(run)[0]["why"]


def test_a_look_is_told_that_its_load_has_ended(run: RunDir) -> None:
    let_go = threading.Event()
    take = Played(waits=let_go)
    with Looking(ENVIRONMENT, run, services=["web"], take=take).during([cpu(Moment.TOP, 0.0)], PLACE) as elapsed:
        elapsed(0.0)
        take.begun.wait(30)
        threading.Timer(0.3, let_go.set).start()  # after the end of the block
    assert [is_ended for *_, is_ended in take.asked] == [True]
    assert incidents(run) == []


def test_a_profiler_that_hangs_is_left_and_the_run_goes_on_with_a_doubt(run: RunDir) -> None:
    let_go = threading.Event()
    looking = Looking(ENVIRONMENT, run, services=["web"], take=Played(waits=let_go), patience_s=0.1)
    try:
        with looking.during([cpu(Moment.TOP, 0.0)], PLACE) as elapsed:
            elapsed(0.0)
        assert "did not end within 0.1 s, and is left" in incidents(run)[0]["why"]
    finally:
        let_go.set()


def test_what_ends_the_load_goes_on_after_the_looks_have_ended(run: RunDir) -> None:
    take = Played()

    def interrupted() -> None:
        with Looking(ENVIRONMENT, run, services=["web"], take=take).during([cpu(Moment.TOP, 0.0)], PLACE) as elapsed:
            elapsed(0.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(take.asked) == 1


def test_objects_are_kept_where_a_profiler_can_and_nothing_is_said_of_services_where_none_can(run: RunDir) -> None:
    take = Played()
    Looking(ENVIRONMENT, run, take=take).snapshots(PLACE)  # neither is Node
    assert take.asked == []
    assert incidents(run) == []


def test_objects_of_a_service_that_there_is_not_are_a_doubt_too(run: RunDir) -> None:
    Looking(ENVIRONMENT, run, services=["wbe"], take=Played()).snapshots(PLACE)
    assert "no service is named 'wbe'" in incidents(run)[0]["why"]


def test_what_nobody_expects_of_a_profiler_is_a_doubt_and_not_lost_with_its_thread(run: RunDir) -> None:
    def take(*_: object, **__: object) -> Profile:
        raise ZeroDivisionError("by zero")

    with Looking(ENVIRONMENT, run, services=["web"], take=take).during([cpu(Moment.TOP, 0.0)], PLACE) as elapsed:
        elapsed(0.0)
    assert incidents(run)[0]["why"] == "web in spike-01: ZeroDivisionError: by zero"
