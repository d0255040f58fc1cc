"""What a report says, in its order, before anyone decides how it looks."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from lab.model import UNJUDGED, Doubt, Finding, LatencySummary, Noise, Outcome, PhaseKind, Report, RequestLatency
from lab.report import answers, inside, profiles, stress
from lab.report.figures import (
    NOTHING,
    cores,
    estimate_in_unit,
    estimate_ms,
    in_unit,
    megabytes,
    milliseconds,
    moment,
    per_s,
    percent,
    place,
    window,
)
from lab.report.playbooks import bottlenecks
from lab.report.section import INDENT, Section

_LATENCY = (">count", ">failed", ">p50", ">p95 (95 %)", ">p99", ">max")
_LOAD = (
    *("phase", ">length", ">planned", ">achieved", ">sent"),
    *(">extra", ">dropped", ">k6", ">CPU"),
)
_LOAD_NOTE = "extra: polls beyond the nominal ones; k6: cores it used; CPU: busy share of the machine."
_MOVING = (PhaseKind.RAMP, PhaseKind.SPIKE, PhaseKind.STRESS)
_OUTCOMES = ("done", "failed", "rejected", "timeout")
_UNSUPPORTED = "– is a percentile that so few values cannot support."
_INTERVALS = "In brackets: the 95 % confidence interval."


def headline(report: Report) -> str:
    """Give the verdict in one sentence."""
    findings = report.verdict.findings
    missed = sum(finding.outcome == Outcome.FAILED for finding in findings)
    return {
        Outcome.PASSED: f"PASSED: {len(findings)} of {len(findings)} findings are within their limits",
        Outcome.FAILED: f"FAILED: {missed} of {len(findings)} findings are beyond their limits",
        Outcome.INVALID: "INVALID: no verdict can be given",
    }[report.verdict.outcome]


def reasons(report: Report) -> tuple[str, ...]:
    """Give why the verdict is what it is: what was missed, or what forbids an answer."""
    if report.verdict.outcome == Outcome.INVALID:
        doubts = [_doubt_line(doubt) for doubt in report.verdict.doubts if doubt.invalidates]
        unseen = [finding for finding in report.verdict.findings if finding.outcome == Outcome.INVALID]
        return (*doubts, *(f"{_of_whom(finding)}: {finding.why}" for finding in unseen))
    missed = tuple(
        f"{_of_whom(finding)}: observed {estimate_in_unit(finding.observed, finding.unit)}{_because(finding)}"
        if finding.observed
        else f"{_of_whom(finding)}: {finding.why}"
        for finding in report.verdict.findings
        if finding.outcome == Outcome.FAILED
    )
    return (*missed, *(f"no remedy is known for {each}, which is a failure too" for each in report.verdict.lacking))


def _because(finding: Finding) -> str:
    return f"; {finding.why}" if finding.why else ""


def _of_whom(finding: Finding) -> str:
    when = f" at {window(finding.started_at, finding.ended_at)}" if finding.windows > 1 else ""
    subject = f" of {finding.subject}" if finding.subject else ""
    return f"{finding.threshold}{subject} in {finding.phase}{when}"


def _doubt_line(doubt: Doubt) -> str:
    where = place(doubt.phase, doubt.started_at, doubt.ended_at)
    return f"{doubt.what}{where}: {doubt.why.splitlines()[0] if doubt.why else ''}"


def facts(report: Report) -> tuple[tuple[str, str], ...]:
    """Give what was run, and on what."""
    host, versions, code = (_part(report, name) for name in ("host", "versions", "code"))
    memory = host.get("memory_bytes")
    return (
        ("run", f"{report.run_id} ({report.state})"),
        ("scenario", f"{report.scenario.name} through plan {report.plan.name}, seed {report.seed}"),
        ("target", report.target),
        ("when", f"{moment(report.started_at)} to {moment(report.ended_at)}"),
        ("code", f"{code.get('commit', 'unknown')}{' with changes' if code.get('dirty') else ''}"),
        ("engine", _engine(report)),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("machine", f"{host.get('cores', '?')} cores, {host.get('cpu_model', '?')}, {_gib(memory)} memory"),
        ("system", f"{host.get('system', '?')}, kernel {host.get('kernel', '?')}, {host.get('machine', '?')}"),
    )


def _part(report: Report, name: str) -> dict[str, Any]:
    return dict(report.provenance.get(name) or {})


def _engine(report: Report) -> str:
    """Say what ran the services, and to what they were held."""
    engine = _part(report, "engine")
    facts = ", ".join(f"{name} {value}" for name, value in (engine.get("facts") or {}).items())
    held = "; ".join(f"{name} held to {told}" for name, told in (engine.get("limits") or {}).items())
    return "; ".join(
        part for part in (f"{engine.get('name', 'process')}{f' ({facts})' if facts else ''}", held) if part
    )


def _gib(size_bytes: object) -> str:
    return f"{size_bytes / 2**30:.1f} GiB" if isinstance(size_bytes, int | float) else "?"


def sections(report: Report, *, brief: bool = False) -> tuple[Section, ...]:
    """Give every table that has rows; the brief ones leave the routes of all phases but the busiest out."""
    every = (
        _findings(report),
        bottlenecks(report),
        *answers.sections(report, brief=brief),
        *stress.sections(report),
        _load(report),
        _scenarios(report),
        *(_routes(report, phase) for phase in _phases_of_interest(report, brief=brief)),
        *(_journeys(report, phase) for phase in _phases_of_interest(report, brief=brief)),
        _outcomes(report),
        _errors(report),
        *inside.sections(report, brief=brief),
        *profiles.sections(report, brief=brief),
        _usage(report),
        _noise(report),
    )
    return tuple(section for section in every if section.rows)


def _phases_of_interest(report: Report, *, brief: bool) -> tuple[str, ...]:
    phases = [phase for phase in report.plan.phases if phase.kind not in UNJUDGED]
    if brief:
        steady = [phase for phase in phases if phase.kind not in _MOVING] or phases
        phases = sorted(steady, key=lambda phase: phase.rate_per_s)[-1:]
    return tuple(phase.name for phase in phases)


def _names(report: Report) -> tuple[str, ...]:
    """Give the phases that are judged and driven as a whole; steps have a table of their own."""
    return tuple(phase.name for phase in report.plan.phases if phase.kind not in UNJUDGED and not phase.staircase)


def _findings(report: Report) -> Section:
    findings = report.verdict.findings
    return Section(
        title="Findings",
        columns=("", "threshold", "observed (95 %)", "phase and window, UTC"),
        rows=tuple(
            (
                finding.outcome,
                finding.threshold + (f" [{finding.subject}]" if finding.subject else ""),
                estimate_in_unit(finding.observed, finding.unit),
                f"{finding.phase} {window(finding.started_at, finding.ended_at)}{_of_windows(finding)}",
            )
            for finding in findings
        ),
        marks=tuple(finding.outcome for finding in findings),
        note="\n".join(
            f"{finding.threshold} in {finding.phase}, limit {in_unit(finding.limit, finding.unit)}: {finding.remedy}"
            for finding in findings
            if finding.outcome == Outcome.FAILED and finding.remedy
        ),
    )


def _of_windows(finding: Finding) -> str:
    if finding.windows == 1:
        return ""
    return f" (worst of {finding.windows}{f', {finding.missed} beyond' if finding.missed else ''})"


def _load(report: Report) -> Section:
    kinds = {phase.name: phase.kind for phase in report.plan.phases}
    lengths = {seen.name: seen.ended_at - seen.started_at for seen in report.analysis.windows}
    return Section(
        title="Load, in requests per second",
        columns=_LOAD,
        rows=tuple(
            (
                check.phase if check.phase == kinds[check.phase] else f"{check.phase} ({kinds[check.phase]})",
                f"{lengths[check.phase]:.0f} s",
                per_s(check.planned_rate_per_s),
                per_s(check.achieved_rate_per_s),
                per_s(check.request_rate_per_s),
                per_s(check.extra_poll_rate_per_s),
                str(check.dropped_iterations),
                cores(check.generator_cores),
                percent(check.machine_cpu),
            )
            for check in report.analysis.load
            if check.phase in kinds  # steps of a stress phase have a table of their own
        ),
        note=_LOAD_NOTE,
    )


def _latency_cells(summary: LatencySummary) -> tuple[str, ...]:
    return (
        estimate_ms(summary.p50_s),
        estimate_ms(summary.p95_s, interval=True),
        estimate_ms(summary.p99_s),
        milliseconds(summary.max_s),
    )


def _latency_row(name: str, cell: RequestLatency) -> tuple[str, ...]:
    return (name, str(cell.latency.count), str(cell.failed), *_latency_cells(cell.latency))


def _scenarios(report: Report) -> Section:
    order = _names(report)
    cells = [c for c in report.analysis.latencies if c.route is None and c.phase in order]
    cells.sort(key=lambda cell: (order.index(cell.phase), cell.scenario or ""))
    return Section(
        title="Latency of requests by scenario, in ms",
        columns=("phase, scenario", *_LATENCY),
        rows=tuple(_latency_row(INDENT + cell.scenario if cell.scenario else cell.phase, cell) for cell in cells),
        headings=frozenset(index for index, cell in enumerate(cells) if cell.scenario is None),
        note="\n".join(note for note in (_INTERVALS, _unsupported(cells)) if note),
    )


def _routes(report: Report, phase: str) -> Section:
    cells = [c for c in report.analysis.latencies if c.phase == phase and c.scenario and c.route]
    rows: list[tuple[str, ...]] = []
    headings = set()
    for scenario, of_scenario in groupby(cells, key=lambda cell: cell.scenario):
        headings.add(len(rows))
        rows.append((str(scenario), *[""] * len(_LATENCY)))
        rows += [_latency_row(f"{INDENT}{cell.route}", cell) for cell in of_scenario]
    return Section(
        title=f"Latency of requests by route in {phase}, in ms",
        columns=("scenario, route", *_LATENCY),
        rows=tuple(rows),
        headings=frozenset(headings),
        note=_unsupported(cells),
    )


def _unsupported(cells: Iterable[RequestLatency]) -> str:
    figures = [figure for cell in cells for figure in (cell.latency.p50_s, cell.latency.p95_s, cell.latency.p99_s)]
    return _UNSUPPORTED if None in figures else ""


def _journeys(report: Report, phase: str) -> Section:
    summaries = [summary for summary in report.analysis.points if summary.phase == phase]
    return Section(
        title=f"Journeys and analyses in {phase}, in ms",
        columns=("duration", *(column for column in _LATENCY if column != ">failed")),
        rows=tuple(
            (
                " ".join([summary.metric, *(value for _, value in summary.labels)]),
                str(summary.latency.count),
                *_latency_cells(summary.latency),
            )
            for summary in summaries
        ),
    )


def _outcomes(report: Report) -> Section:
    names = _names(report)
    outcomes = [outcome for outcome in report.analysis.outcomes if outcome.phase in names]
    counts = {(o.phase, o.scenario, o.explainer, o.outcome): o.count for o in outcomes}
    return Section(
        title="Analyses by outcome",
        columns=("phase", "scenario", "explainer", *(f">{outcome}" for outcome in _OUTCOMES)),
        rows=tuple(
            (*who, *(str(counts.get((*who, outcome), 0)) for outcome in _OUTCOMES))
            for who in dict.fromkeys((o.phase, o.scenario, o.explainer) for o in outcomes)
        ),
    )


def _errors(report: Report) -> Section:
    errors: Sequence[Any] = report.analysis.errors
    return Section(
        title="Errors by kind",
        columns=("phase", "scenario", "route", "kind", ">count", "an example"),
        rows=tuple((e.phase, e.scenario, e.route, e.kind, str(e.count), e.example_request_id) for e in errors),
        note=f"lab logs --run {report.run_id} --request-id {errors[0].example_request_id}" if errors else "",
    )


def _usage(report: Report) -> Section:
    names = _names(report)
    return Section(
        title="What services used",
        columns=("phase", "service", ">cores", ">CPU ms per request", ">highest RSS", ">sockets"),
        rows=tuple(
            (
                u.phase,
                u.service,
                cores(u.cores),
                milliseconds(u.cpu_s_per_request),
                megabytes(u.rss_max_bytes),
                NOTHING if u.sockets_max is None else f"{u.sockets_max:.0f}",
            )
            for u in report.analysis.usage
            if u.phase in names
        ),
    )


def _noise(report: Report) -> Section:
    return Section(
        title="The smallest change that this machine can show",
        columns=("figure", ">mean, in ms", ">smallest change"),
        rows=tuple(
            (figure.name, milliseconds(figure.mean), percent(figure.smallest_change))
            for figure in (report.noise.figures if report.noise else ())
        ),
        note=_noise_note(report.noise) if report.noise else "",
    )


def _noise_note(noise: Noise) -> str:
    return (
        f"Between two single phases of {noise.duration_s:g} s at {noise.rate_per_s:g}/s, as {noise.repeats} repeats in "
        f"{noise.run_id} showed. A smaller change is noise."
    )
