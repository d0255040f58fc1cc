"""Who of an environment is profiled, with what, and where it is kept: `lab profile`, and what runs ask for."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lab import containers
from lab.analysis.flames import flame
from lab.analysis.profile_files import read_stacks
from lab.errors import ConfigError, LabError, ProfileError
from lab.model import Environment, Profile, ProfileKind, RunningService, RunState, Stack, Subject
from lab.profilers import PROFILERS, Profiler
from lab.report.flamegraph import flamegraph
from lab.run_lock import holder
from lab.rundir import add_profile, all_runs, write_bytes


def folder_for(home: Path, artifacts: Path) -> Path:
    """Give where profiles go: to the run that is going on from this home, else to the home."""
    if holder(home) is not None:
        going_on = [run for run in all_runs(artifacts) if run.read_record().get("state") == RunState.RUNNING]
        if going_on:
            return going_on[-1].profiles
    return home / "profiles"


def stem_for(service: str, *, now: datetime | None = None) -> str:
    """Give what the names of a profile's files begin with: when it was taken, and of whom."""
    return f"{(now or datetime.now(UTC)).strftime('%Y%m%dT%H%M%SZ')}-{service}"


def subject_of(environment: Environment, service: str, *, folder: Path, stem: str, inspector_url: str = "") -> Subject:
    """Give a service of the environment as a subject, whose files go into `folder` with names that begin with `stem`.

    Raises ConfigError for a service that there is not, or of which nothing is known that could be looked into.
    """
    found = next((each for each in environment.services if each.name == service), None)
    if found is None:
        names = ", ".join(each.name for each in environment.services)
        raise ConfigError(f"no service is named {service!r} (there are: {names})")
    pid = _pid(environment, found)
    if not (pid or inspector_url or found.url.startswith("http")):
        raise ConfigError(f"nothing is known of the process of {service}; name its inspector: --inspect URL")
    url = found.url if found.url.startswith("http") else ""
    return Subject(
        service=service,
        pid=pid,
        folder=folder,
        stem=stem,
        inspector_url=inspector_url,
        lab_url=url,
        allowed_hosts=environment.allowed_hosts,
        marker=environment.id,
        project=environment.project if found.container is not None else None,
    )


def services_of(environment: Environment) -> tuple[str, ...]:
    """Give the services of the system that profilers know something of: those that speak HTTP."""
    return tuple(service.name for service in environment.system if service.url.startswith("http"))


def _pid(environment: Environment, service: RunningService) -> int:
    """Give a service's first process, 0 where this machine does not see it."""
    if service.process is not None:
        return service.process.pid
    if service.container is None or environment.project is None:
        return 0
    try:
        with containers.connected() as client:
            state = containers.states(client, environment.project.name).get(service.name)
    except LabError:
        return 0
    return state.pid if state is not None and containers.is_seen_here(state) else 0


def take(
    subject: Subject,
    kind: ProfileKind,
    *,
    seconds: float,
    is_ended: Callable[[], bool] = lambda: False,
    place: tuple[str, str, str] = ("", "", ""),
    profilers: Mapping[ProfileKind, Sequence[Callable[[], Profiler]]] = PROFILERS,
) -> Profile:
    """Take a profile with the first profiler that suits the subject, and add it to the list in its folder.

    `place` is where in a run it belongs: phase, drive and moment.

    Raises ProfileError with why each does not suit, or why the one that does could not.
    """
    refused = []
    for make in profilers[kind]:
        profiler = make()
        why = profiler.suits(subject)
        if not why:
            _make(subject.folder)
            attached_at = time.time()
            taken = profiler.take(subject, seconds=seconds, is_ended=is_ended)
            times = replace(taken, attached_at=attached_at, detached_at=time.time())
            profile = _drawn(replace(times, phase=place[0], drive=place[1], moment=place[2]), subject)
            add_profile(subject.folder, profile)
            return profile
        refused.append(f"{profiler.name}: {why}")
    raise ProfileError("\n".join([f"no {kind} profile of {subject.service} can be taken", *refused]))


def stacks_of(profile: Profile, folder: Path) -> tuple[Stack, ...]:
    """Give the stacks of a profile that lies in `folder`; () where its kind has none."""
    return read_stacks(profile, folder) if "folded" in dict(profile.files) else ()


def _drawn(profile: Profile, subject: Subject) -> Profile:
    """Give the profile with a flame graph beside its stacks."""
    stacks = stacks_of(profile, subject.folder)
    if not stacks:
        return profile
    unit = "samples" if profile.kind == ProfileKind.CPU else "bytes"
    looked = f"{profile.profiler}, {profile.ended_at - profile.started_at:.0f} s"
    drawn = flame(stacks, title=f"{profile.service}: {profile.kind}", subtitle=looked, unit=unit)
    name = f"{subject.stem}-{profile.kind}.svg"
    write_bytes(subject.folder / name, flamegraph(drawn).encode())
    return replace(profile, files=(*profile.files, ("svg", name)))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProfileError(f"{folder} cannot be made: {error.strerror}; set LAB_HOME to a folder that can") from error
