"""From the files of a run to every figure that a report shows, and the doubts about them."""

from collections.abc import Mapping, Sequence

from lab.analysis.agreement import disagreements
from lab.analysis.applicability import inapplicable
from lab.analysis.break_point import break_points
from lab.analysis.capacity.littles_law import little_doubts
from lab.analysis.complaints import complaints_of
from lab.analysis.completeness import incompleteness
from lab.analysis.connections import connections
from lab.analysis.database_use import database_use
from lab.analysis.disturbance import to_be_judged
from lab.analysis.errors import error_counts
from lab.analysis.guarding import together
from lab.analysis.guards import guard_doubts
from lab.analysis.latency import request_latencies
from lab.analysis.leaks import drifts, leaks, unsteadiness
from lab.analysis.load_check import check_load
from lab.analysis.load_doubts import load_doubts
from lab.analysis.observe import observe
from lab.analysis.points import analysis_outcomes, point_summaries, read_points
from lab.analysis.profile_summaries import profile_summaries
from lab.analysis.ramps import ramps
from lab.analysis.restarts import restarts
from lab.analysis.results import Results
from lab.analysis.samples import read_samples
from lab.analysis.series import Series, read_series
from lab.analysis.slow_queries import slow_queries
from lab.analysis.slowest import slowest
from lab.analysis.soak_growth import soak_growths
from lab.analysis.spikes import resiliences
from lab.analysis.telemetry import silences
from lab.analysis.usage import service_usage
from lab.analysis.values import Load
from lab.analysis.weighing import as_planned
from lab.model import Analysis, Doubt, Evidence, LoadCheck

__all__ = ["analyse"]


def analyse(evidence: Evidence) -> Analysis:
    """Give every figure of a run. The same files give the same figures; nothing else is asked."""
    samples, points = read_samples(evidence.samples), read_points(evidence.points)
    series = {name: read_series(path) for name, path in evidence.series.items()}
    recorded = Load(
        samples=samples, points=points, scenario=evidence.scenario, deadline_s=evidence.plan.journeys.deadline_s
    )
    judged = to_be_judged(evidence)
    results = Results(
        resiliences=resiliences(judged, recorded, series),
        break_points=break_points(judged, recorded, series),
        growths=soak_growths(evidence),
    )
    drifted = drifts(judged, samples)
    load = tuple(check_load(window, evidence.scenario, samples, points, series) for window in evidence.windows)
    return Analysis(
        run_id=evidence.run_id,
        windows=evidence.windows,
        load=load,
        latencies=request_latencies(samples),
        points=point_summaries(points),
        errors=error_counts(samples, points),
        outcomes=analysis_outcomes(points),
        usage=service_usage(evidence.windows, series, samples),
        ramps=ramps(judged, recorded),
        resiliences=results.resiliences,
        break_points=results.break_points,
        leaks=leaks(judged, series, results.growths),
        drifts=drifted,
        connections=connections(judged, series),
        slowest=slowest(judged, samples),
        complaints=complaints_of(evidence.log_index),
        database=database_use(evidence.windows, series),
        slow_queries=slow_queries(evidence.slow_queries),
        profiles=profile_summaries(evidence, samples),
        soak_growths=results.growths,
        observations=observe(judged, recorded, series, results),
        doubts=(*_doubts(judged, recorded, series, load), *as_planned(evidence.plan.guards, *unsteadiness(drifted))),
    )


def _doubts(
    evidence: Evidence, recorded: Load, series: Mapping[str, Series], load: Sequence[LoadCheck]
) -> tuple[Doubt, ...]:
    return as_planned(
        evidence.plan.guards,
        *evidence.incidents,
        *incompleteness(evidence, recorded.samples),
        *inapplicable(evidence),
        *together(load_doubts(evidence, load), guard_doubts(evidence, recorded, series)),
        *disagreements(evidence, recorded.samples, recorded.points),
        *silences(evidence, series),
        *restarts(series, evidence.resumes),
        *little_doubts(evidence.windows, recorded.points),
    )
