"""Everything that watches a run while it is driven: the collectors, who records them, and Prometheus beside them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from lab import containers, database
from lab.collectors import Collector, Processes
from lab.collectors.backlog import Backlog
from lab.collectors.containers import ContainerCollector, LatestStats
from lab.collectors.exporter import Exporter
from lab.collectors.host import HostCollector, ProcessCollector
from lab.collectors.mongo import MongoCollector
from lab.collectors.prometheus import PrometheusServer
from lab.collectors.recorder import Recorder
from lab.collectors.scrape import ScrapeCollector
from lab.collectors.stage import StageCollector
from lab.collectors.told import ToldCollector
from lab.errors import LabError
from lab.load.k6 import RemoteWrite
from lab.model import Doubt, DoubtKind, Environment, Plan, Scenario, Target
from lab.rundir import RunDir


def _nothing() -> None:
    """Nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What watches a run, for who drives it: whom to tell of k6 and of the phase, and what waits in the system.

    `remote_write` is where k6 sends its series to, if anywhere. `flush` puts on disk what has been seen so far.
    """

    processes: Processes
    stage: StageCollector
    backlog: Backlog
    remote_write: RemoteWrite | None = None
    flush: Callable[[], None] = _nothing


@contextmanager
def watching(plan: Plan, scenario: Scenario, target: Target, environment: Environment, run: RunDir) -> Iterator[Watch]:
    """Watch the environment, and this process, for as long as the block lasts; everything seen is kept in the run.

    A Prometheus that is lost meanwhile is an incident of the run, which goes on.
    """
    endpoints = {service.name: service.metrics_url for service in environment.system if service.metrics_url}
    server, names = _server(environment), dict(target.metrics)
    with ExitStack() as stack:
        processes = stack.enter_context(_processes(environment))
        watch = Watch(
            processes=processes,
            stage=StageCollector(plan, scenario),
            backlog=Backlog(endpoints, target.backlog, names=names),
            remote_write=RemoteWrite(url=server.remote_write_url, run_id=run.run_id) if server else None,
        )
        scraper = ScrapeCollector(endpoints, names=names)
        seen = ToldCollector(processes, scraper.latest, _only_telling(environment))
        collectors: list[Collector] = [HostCollector(run.path), seen, scraper, watch.stage]
        if environment.mongo_url:
            collectors.append(stack.enter_context(_database(plan, target, environment, run)))
        if server is None:
            recorder = stack.enter_context(Recorder(collectors, run.series))
        else:
            exporter = stack.enter_context(Exporter(without=[ScrapeCollector.name], hosts=environment.lab_hosts))
            recorder = stack.enter_context(Recorder(collectors, run.series, on_readings=exporter.publish))
            stack.enter_context(_observed_by(server, exporter, run))
        yield replace(watch, flush=recorder.flush)


@contextmanager
def _observed_by(server: PrometheusServer, exporter: Exporter, run: RunDir) -> Iterator[None]:
    resumes = run.read_record()["resumes"]
    lost = _attempt(lambda: server.observe(run.run_id, exporter.address))
    try:
        yield
    finally:
        keep_earlier = bool(resumes) and resumes[-1]["anew"]
        lost = lost or _attempt(lambda: server.snapshot(run.prometheus, keep_earlier=keep_earlier))
        lost = _attempt(server.release) or lost
        if lost is not None:
            run.add_incident(_lost(lost))


def _attempt(step: Callable[[], None]) -> LabError | None:
    try:
        step()
    except LabError as error:
        return error
    return None


@contextmanager
def _database(plan: Plan, target: Target, environment: Environment, run: RunDir) -> Iterator[MongoCollector]:
    with database.profiled(environment.mongo_url, target.database, plan.profiler) as why_not:
        if why_not:
            run.add_incident(_unprofiled(why_not))
        with closing(MongoCollector(environment.mongo_url, target.database, run.slow_queries)) as collector:
            yield collector


def _server(environment: Environment) -> PrometheusServer | None:
    url, folder = environment.url_of("prometheus"), environment.prometheus_folder
    return PrometheusServer(url, folder) if url and folder else None


@contextmanager
def _processes(environment: Environment) -> Iterator[Processes]:
    """Give what watches the services: as processes of this machine, or as containers of an engine."""
    own = ProcessCollector(_pids(environment))
    found = environment.containers()
    if not found:
        yield own
        return
    ids = {name: of.id for name, of in found.items()}
    with containers.connected() as client, LatestStats(partial(containers.stats, client), ids.values()) as stats:
        states = containers.states(client, environment.project.name if environment.project else "")
        yield ContainerCollector(
            stats,
            ids,
            started_at={name: state.started_at for name, state in states.items()},
            pids={name: state.pid for name, state in states.items() if containers.is_seen_here(state)},
            own=own,
        )


def _only_telling(environment: Environment) -> list[str]:
    """Give the services that the lab has not started: what they use is known by what they tell."""
    return [service.name for service in environment.system if service.process is None and service.container is None]


def _pids(environment: Environment) -> dict[str, int]:
    own = {"lab": os.getpid()}
    return own | {s.name: s.process.pid for s in environment.services if s.process is not None}


def _unprofiled(why: str) -> Doubt:
    return Doubt(
        kind=DoubtKind.PROFILER_OFF,
        what="slow queries were not recorded",
        why=f"MongoDB's profiler cannot be set: {why}",
        remedy="give the user of MONGO_URL the role dbAdmin on the database, or set profiler.level=0",
    )


def _lost(error: LabError) -> Doubt:
    return Doubt(
        kind=DoubtKind.PROMETHEUS_LOST,
        what="Prometheus was lost",
        why=str(error),
        remedy="the lab's own series are whole; see `lab status` and `lab logs --service prometheus` for its end",
    )
