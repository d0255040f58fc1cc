"""The tables of a capacity plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.model import (
    HEADROOM,
    Agreement,
    Capacity,
    Estimate,
    FigureError,
    HeldOut,
    HoldOut,
    LittleCheck,
    RatePlan,
    ServiceDemand,
)
from lab.report.figures import NOTHING, megabytes, milliseconds, percent, three_digits
from lab.report.section import Section

_SECONDS = ("p50", "p95", "p99", "holding")


@dataclass(frozen=True)
class Aim:
    """What a prediction is good for if its mean error on what was held out is no larger; `below` 80 % utilisation."""

    text: str
    limit: float
    below: bool

    @property
    def where(self) -> str:
        """Where the aim holds."""
        return " below 80 % utilisation" if self.below else ""


AIMS = {"throughput": Aim("throughput", 0.1, below=False), "p95": Aim("P95", 0.25, below=True)}
"""By figure."""


def counted(count: int, noun: str) -> str:
    """Give a count with its noun, in the plural unless it is one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def per_s_text(estimate: Estimate) -> str:
    """Give a rate with its interval."""
    return f"{estimate.value:.0f} ({estimate.low:.0f} to {estimate.high:.0f}) requests/s"


def error_text(error: FigureError) -> str:
    """Give an error, and that below 80 % utilisation where there is one."""
    below = "" if error.error_below is None else f" ({error.error_below:.1%} below 80 % utilisation)"
    return f"{error.error:.1%}{below}"


def command_of(found: Capacity) -> str:
    """Give the command that makes a plan again."""
    headroom = "" if found.headroom == HEADROOM else f" --headroom {found.headroom:g}"
    return f"lab capacity {found.run_id}{headroom}"


def against_command(found: Agreement) -> str:
    """Give the command that holds a prediction against another run again."""
    what_ifs = "".join(f" --what-if {text}" for text in found.what_ifs)
    return f"lab capacity {found.run_id} --against {found.other_id}{what_ifs}"


def sections(found: Capacity) -> Iterator[Section]:
    """Give the tables of a plan; a run that carries none has none."""
    if found.missing:
        return
    command = command_of(found)
    yield _plans(found, command)
    yield _measured(found, command)
    for plan in found.plans:
        yield _needs(plan, f"{command} --rate {plan.rate_per_s:g}")
    yield _bounds(found, command)
    yield _changes(found, command)
    yield _demands(found, command)
    for hold_out in found.hold_outs:
        yield _errors(hold_out, command)
    if found.hold_outs:
        yield _held(found.hold_outs[0].rows, f"What was held out, above {_up_to(found.hold_outs[0])}", command)
    yield _little(found.little, command)


def brief_sections(found: Capacity) -> Iterator[Section]:
    """Give the tables that a terminal shows: all but single predictions and checks."""
    for section in sections(found):
        if not section.title.startswith(("What was held out", "Little", "CPU per request")):
            yield section


def _plans(found: Capacity, command: str) -> Section:
    return Section(
        title=f"Plan, with {percent(found.headroom)} of headroom",
        columns=(
            "",
            ">requests/s",
            ">times measured",
            ">cores",
            ">workers",
            ">connections",
            ">database ops/s",
            ">core-hours a day",
        ),
        rows=tuple(_plan(plan) for plan in found.plans),
        note=command,
    )


def _measured(found: Capacity, command: str) -> Section:
    return Section(
        title="The measured deployment at these rates, in ms",
        columns=(">requests/s", "fullest", ">used", ">P50", ">P95", ">P99", ""),
        rows=tuple(
            (
                f"{plan.rate_per_s:g}",
                plan.fullest,
                percent(plan.utilisation),
                *(milliseconds(dict(plan.latency_s).get(name)) for name in ("p50", "p95", "p99")),
                plan.why,
            )
            for plan in found.plans
        ),
        note=command,
    )


def _plan(plan: RatePlan) -> tuple[str, ...]:
    return (
        "on paper" if plan.is_extrapolated else "",
        f"{plan.rate_per_s:g}",
        three_digits(plan.multiple),
        f"{plan.cores:.1f}",
        _or_nothing(plan.workers),
        _or_nothing(plan.connections),
        NOTHING if plan.operations_per_s is None else f"{plan.operations_per_s:.0f}",
        three_digits(plan.core_hours_per_day),
    )


def _or_nothing(value: int | None) -> str:
    return NOTHING if value is None else str(value)


def _needs(plan: RatePlan, command: str) -> Section:
    return Section(
        title=f"Services at {plan.rate_per_s:g} requests/s",
        columns=("service", ">cores used (95 %)", ">a replica keeps busy", ">replicas", ">cores", ">memory"),
        rows=tuple(
            (
                need.service,
                _figures(need.cores_used, 2),
                f"{need.cores_per_replica:g}",
                str(need.replicas),
                f"{need.cores:.1f}",
                NOTHING if need.memory_bytes is None else megabytes(need.memory_bytes),
            )
            for need in plan.needs
        ),
        note=command,
    )


def _figures(estimate: Estimate, decimals: int) -> str:
    value, low, high = (f"{each:.{decimals}f}" for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _bounds(found: Capacity, command: str) -> Section:
    return Section(
        title="What fills up first, in requests per second",
        columns=("resource", "there are", ">85 % used at (95 %)", ">full at (95 %)"),
        rows=tuple(
            (bound.resource, bound.limit, _figures(bound.tight_per_s, 0), _figures(bound.full_per_s, 0))
            for bound in found.bounds
        ),
        note=command,
    )


def _changes(found: Capacity, command: str) -> Section:
    return Section(
        title="If one thing changed",
        columns=(
            "change",
            ">85 % used at (95 %)",
            ">gain",
            "then fullest",
            f">cores of the services at {found.change_rate_per_s:.0f}/s",
            "rests on",
        ),
        rows=tuple(
            (
                change.name,
                _figures(change.tight_per_s, 0),
                f"{change.gain:+.0%}",
                change.fullest,
                f"{change.cores_used:.2f}",
                change.why,
            )
            for change in found.changes
        ),
        note=f"{command} --what-if NAME=VALUE" if found.changes else "",
    )


def _demands(found: Capacity, command: str) -> Section:
    rows = [row for demand in found.demands for row in _demand(demand)]
    return Section(
        title="CPU per request, in ms",
        columns=("service", "of", ">CPU ms per request (95 %)", ">cores without load (95 %)", ">mean error", ">memory"),
        rows=tuple(rows),
        note=command,
    )


def _demand(demand: ServiceDemand) -> Iterator[tuple[str, ...]]:
    rss = NOTHING if demand.rss_bytes is None else megabytes(demand.rss_bytes)
    yield (
        demand.service,
        "the mix",
        _in_ms(demand.per_request),
        _figures(demand.idle_cores, 3),
        percent(demand.error),
        rss,
    )
    if len(demand.demands) > 1:
        for each in demand.demands:
            yield ("", each.of, _in_ms(each.cpu_s), "", "", "")


def _in_ms(estimate: Estimate) -> str:
    value, low, high = (milliseconds(each) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _up_to(hold_out: HoldOut) -> str:
    return f"{hold_out.fitted_to_per_s:.0f} requests/s"


def _errors(hold_out: HoldOut, command: str) -> Section:
    return _error_section(hold_out.errors, f"Errors of a fit up to {_up_to(hold_out)}, {hold_out.form}", command)


def _error_section(errors: Sequence[FigureError], title: str, command: str) -> Section:
    return Section(
        title=title,
        columns=("figure", ">mean error", ">predictions", ">mean error below 80 %", ">predictions there"),
        rows=tuple(
            (
                error.figure,
                percent(error.error, decimals=1),
                str(error.count),
                percent(error.error_below, decimals=1),
                str(error.count_below),
            )
            for error in errors
        ),
        note=command,
    )


def _held(rows: Sequence[HeldOut], title: str, command: str) -> Section:
    return Section(
        title=title,
        columns=("step", ">requests/s", ">machine used", "figure", ">predicted", ">measured", ">error"),
        rows=tuple(
            (
                row.drive,
                f"{row.rate_per_s:.0f}",
                percent(row.utilisation),
                row.figure,
                _in_its_unit(row.figure, row.predicted),
                _in_its_unit(row.figure, row.measured),
                f"{row.error:+.1%}",
            )
            for row in rows
        ),
        note=command,
    )


def _in_its_unit(figure: str, value: float) -> str:
    if figure in _SECONDS:
        return f"{milliseconds(value)} ms"
    return f"{three_digits(value)} {'/s' if figure == 'throughput' else 'cores'}"


def _little(checks: Sequence[LittleCheck], command: str) -> Section:
    return Section(
        title="Little’s law",
        columns=("phase", "what is under way", ">counted (95 %)", ">rate × time", ">residual", "counted by"),
        rows=tuple(
            (
                check.phase,
                check.subject,
                _figures(check.counted, 2),
                f"{check.rate_per_s * check.time_s:.2f}",
                f"{check.residual:+.1%}",
                "the generator" if check.is_exact else "the service, while it answers a scrape",
            )
            for check in checks
        ),
        note=command,
    )


def agreement_sections(found: Agreement) -> Iterator[Section]:
    """Give the errors of a prediction about another run; single predictions are in its JSON."""
    yield _error_section(found.errors, "Errors of the prediction", against_command(found))
