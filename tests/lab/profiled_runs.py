"""Runs with profiles in them: stacks that py-spy really took of a small shop, and of ai_core (see data/profiles)."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from lab.model import AllocationSite, Heap, ProcessHeap, Profile, ProfileKind
from lab.rundir import PROFILES, RunDir, write_json
from tests.lab.analysis.a_run import START, ARun

STACKS = Path(__file__).parent / "data" / "profiles"


def a_cpu_profile(name: str, *, begin_s: float = 10.0, end_s: float = 25.0, **more: Any) -> Profile:
    """A CPU profile whose stacks are in the file of that name."""
    profile = Profile(
        kind=ProfileKind.CPU,
        service="shop",
        profiler="py-spy",
        pids=(1,),
        started_at=START + begin_s,
        ended_at=START + end_s,
        rate_hz=50.0,
        samples=750,
        lost=0,
        files=(("folded", f"{name}-cpu.folded"),),
    )
    return replace(profile, **more)


def before(**more: Any) -> Profile:
    """The shop, as the kernel counted it."""
    return a_cpu_profile("shop-before", cpu_s=10.51, **more)


def after(**more: Any) -> Profile:
    """The shop once it seals three times as long, on a busier machine."""
    return a_cpu_profile("shop-after", cpu_s=7.4, **more)


def with_requests(run: ARun, count: int, *, begin_s: float = 10.0, end_s: float = 25.0, **more: Any) -> ARun:
    """Give the run so many requests, that end at a steady rate within a stretch, and no others."""
    step = (end_s - begin_s) / (count + 1)
    run.samples = [run.request(begin_s + step * (place + 1), **more) for place in range(count)]
    return run


def a_run_directory(
    root: Path,
    name: str,
    *profiles: Profile,
    requests: int,
    over_s: tuple[float, float] = (10.0, 25.0),
    **record: Any,
) -> RunDir:
    """A finished run in which these profiles were taken, and so many requests ended in a stretch of it."""
    path = root / f"20260101T{name}Z-mixed-tiny"
    path.mkdir(parents=True)
    made = with_requests(ARun(path), requests, begin_s=over_s[0], end_s=over_s[1])
    made.evidence()
    run = RunDir(path)
    host = {"cpu_model": "Some CPU", "cores": 2}
    run.write_record(
        {"state": "finished", "scenario": {"name": "mixed"}, "target": "stubs", "provenance": {"host": host}, **record}
    )
    run.write_windows([made.window])
    run.profiles.mkdir()
    # at once, since several share a file, which `add_profile` takes for one that was taken again
    write_json(run.profiles / PROFILES, [asdict(profile) for profile in profiles])
    for profile in profiles:
        for _, file in profile.files:
            if (STACKS / file).exists():
                shutil.copy(STACKS / file, run.profiles)
    return run


def a_heap_profile(
    folder: Path,
    name: str,
    *sites: tuple[str, int, int],
    begin_s: float,
    end_s: float,
    followed_since: float | None = None,
    pid: int = 7,
    **more: Any,
) -> Profile:
    """A heap profile, with its file, of one process that holds bytes by (file, line, bytes)."""
    folder.mkdir(exist_ok=True)
    process = ProcessHeap(
        pid=pid,
        role="service",
        followed_since=START + begin_s if followed_since is None else followed_since,
        taken_at=START + end_s,
        resident_bytes=50_000_000 + round(end_s * 1000),
        sites=tuple(AllocationSite(file=f, line=n, size_bytes=held, count=held // 100) for f, n, held in sites),
    )
    heap = Heap(service=more.get("service", "backend"), processes=(process,))
    (folder / name).write_bytes(TypeAdapter(Heap).dump_json(heap))
    profile = a_cpu_profile(
        "none",
        begin_s=begin_s,
        end_s=end_s,
        kind=ProfileKind.HEAP,
        service="backend",
        profiler="python-heap",
        rate_hz=0.0,
        files=(("allocations", name),),
    )
    return replace(profile, **more)


def plain(value: Any) -> Any:
    """Give a dataclass as the JSON values that a file would hold."""
    return orjson.loads(orjson.dumps(asdict(value)))
