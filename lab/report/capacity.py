"""`capacity_plan.md`: what a run says about capacity, each sentence with figures and the command that gives them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.model import (
    MACHINE,
    OTHERS,
    WORKERS,
    Agreement,
    Capacity,
    Estimate,
    HoldOut,
    RatePlan,
    Scalability,
    ScalabilityHoldOut,
)
from lab.report.capacity_tables import (
    AIMS,
    against_command,
    command_of,
    counted,
    error_text,
    per_s_text,
    sections,
)
from lab.report.figures import in_unit, milliseconds, percent, three_digits
from lab.report.markdown import plain, section_lines


@dataclass(frozen=True)
class Statement:
    """A sentence, the command that gives its figures again, and the part of the plan that it stands in."""

    text: str
    command: str
    part: str = ""


def render(found: Capacity) -> str:
    """Give the whole plan; of a run that carries none, what is missing for it."""
    return "\n".join(_lines(found)) + "\n"


def headline(found: Capacity) -> str:
    """Give the answer in one line."""
    if found.missing or not found.bounds:
        return f"Capacity of {found.run_id}: no plan can be made"
    first = found.bounds[0]
    return f"Capacity of {found.run_id}: {per_s_text(first.tight_per_s)} use 85 % of {_name(first.resource)}"


def _name(resource: str) -> str:
    """Give what a reader calls a resource: services are named, and it is their CPU that fills up."""
    return f"the {resource}" if resource in (MACHINE, WORKERS) else f"the CPU of {resource}"


def _lines(found: Capacity) -> Iterator[str]:
    yield f"# {plain(headline(found))}"
    part = None
    for statement in statements(found):
        if statement.part != part:
            part = statement.part
            yield from ("", f"## {part}", "") if part else ("",)
        yield f"- {plain(statement.text)} `{statement.command}`"
    for section in sections(found):
        yield from section_lines(section)


def statements(found: Capacity) -> tuple[Statement, ...]:
    """Give the sentences of a plan in the order in which they are read: limits, plan, changes, what they rest on."""
    if found.missing or not found.bounds:
        return tuple(Statement(f"Missing: {text}.", "lab run mixed --plan capacity") for text in found.missing)
    return tuple(_statements(found))


def _statements(found: Capacity) -> Iterator[Statement]:
    command = command_of(found)
    yield from (Statement(text, command, "What limits it") for text in _of_bounds(found))
    for plan in found.plans:
        yield Statement(_of_plan(plan, found), f"{command} --rate {plan.rate_per_s:g}", "What a rate needs")
    for asks, text in _of_changes(found):
        yield Statement(text, f"{command} --rate {found.change_rate_per_s:g} --what-if {asks}", "What a change brings")
    for part, texts in (
        ("How far it can be trusted", _of_hold_out(found)),
        ("How the system scales", _of_scaling(found)),
        ("What a request costs", _of_demands(found)),
    ):
        yield from (Statement(text, command, part) for text in texts)


def _of_scaling(found: Capacity) -> Iterator[str]:
    if found.scalability is not None:
        yield from scalability_sentences(found.scalability)
    yield from _of_latency(found)
    yield from _of_little(found)


def _of_bounds(found: Capacity) -> Iterator[str]:
    first = found.bounds[0]
    text = (
        f"First to fill up: {_name(first.resource)} ({first.limit}), 85 % used at "
        f"{per_s_text(first.tight_per_s)} and full at {per_s_text(first.full_per_s)}"
    )
    if found.break_point_per_s is not None:
        text += f"; the stress phase broke at {per_s_text(found.break_point_per_s)}"
    yield text + "."
    for bound in found.bounds[1:]:
        yield f"After it: {_name(bound.resource)} ({bound.limit}), 85 % used at {per_s_text(bound.tight_per_s)}."
    others = next((demand for demand in found.demands if demand.service == OTHERS), None)
    if others is not None and others.idle_cores.value > 0.1:
        yield (
            f"Processes that are no part of the system used {_cores(others.idle_cores)} in the median; the bounds do "
            "not count them, and the latencies do."
        )


def _cores(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f}) cores"


def _of_hold_out(found: Capacity) -> Iterator[str]:
    if not found.hold_outs:
        yield (
            "No prediction could be held against steps that it had not seen: of "
            f"{sum(piece.is_good for piece in found.slices)} good slices too few lie below or above two thirds of "
            f"{found.highest_good_per_s:.0f} requests/s."
        )
        return
    hold_out = found.hold_outs[0]
    yield (
        f"A fit that has seen no load above {hold_out.fitted_to_per_s:.0f} requests/s predicts the good steps up to "
        f"{hold_out.held_to_per_s:.0f} requests/s with a mean error of {'; '.join(_aims(hold_out))}."
    )
    if hold_out.repeats is not None:
        yield f"Where such a step was driven again, P95 differs from its mean by {hold_out.repeats:.1%} in the mean."
    text = f"That fit sees the first resource 85 % used at {per_s_text(hold_out.tight_per_s)}"
    if found.break_point_per_s is not None:
        text += f", {hold_out.tight_per_s.value / found.break_point_per_s.value - 1:+.1%} off the measured break point"
    yield text + "."


def _aims(hold_out: HoldOut) -> Iterator[str]:
    errors = {error.figure: error for error in hold_out.errors}
    for name, aim in AIMS.items():
        error = errors.get(name)
        if error is None:
            yield f"unknown size for {aim.text}, which no held-out step has"
            continue
        value = error.error_below if aim.below else error.error
        if value is None:
            yield f"{error.error:.1%} for {aim.text} (the aim of {aim.limit:.0%} is for{aim.where}, where no step is)"
        else:
            all_of = f", {error.error:.1%} in all" if aim.below else ""
            word = "met" if value <= aim.limit else "missed"
            yield f"{value:.1%} for {aim.text}{aim.where} (aim {aim.limit:.0%}: {word}{all_of})"


def scalability_sentences(law: Scalability) -> Iterator[str]:
    """Say what the Universal Scalability Law of a run is, and how good; or why there is none."""
    if law.contention is None or law.coherency is None or law.error is None:
        yield f"The Universal Scalability Law is not fitted: {law.why}."
        return
    text = (
        f"By the Universal Scalability Law (mean error {law.error:.1%} over {len(law.points)} slices) contention is "
        f"{_tiny(law.contention)} and coherency {_tiny(law.coherency)}"
    )
    if law.peak_per_s is not None and law.peak_concurrency is not None:
        n = law.peak_concurrency
        text += (
            f": throughput peaks at {per_s_text(law.peak_per_s)}, with {n.value:.0f} ({n.low:.0f} to {n.high:.0f}) "
            "journeys under way"
        )
    yield text + (f"; {law.why}." if law.why else ".")
    if law.hold_out is not None:
        yield _of_held_out(law.hold_out)


def _of_held_out(held: ScalabilityHoldOut) -> str:
    if held.error is None:
        return (
            "The law could not be held against slices that it had not seen: up to "
            f"{held.fitted_to:.1f} journeys under way {held.why}."
        )
    return (
        f"Fitted to slices of up to {held.fitted_to:.1f} journeys under way, the law misses the "
        f"{counted(held.count, 'slice')} above them by {held.error:.1%} in the mean."
    )


def _tiny(estimate: Estimate) -> str:
    return f"{estimate.value:.5f} ({estimate.low:.5f} to {estimate.high:.5f})"


def _of_latency(found: Capacity) -> Iterator[str]:
    model = found.latency
    if model is None:
        yield (
            f"Latency is not predicted: {len(found.slices)} slices are too few, or the machine was not watched, so "
            "that nobody saw how it rises with utilisation."
        )
        return
    others = ", ".join(f"{name} {error:.0%}" for name, error in model.alternatives[:3])
    yield (
        f"Latency rises with the utilisation of the machine as in a queue of the form {model.form} (mean error "
        f"{model.inner_error:.0%} at rates above those fitted; next: {others}), seen from {percent(model.low)} to "
        f"{percent(model.high)}."
    )


def _of_demands(found: Capacity) -> Iterator[str]:
    for demand in found.demands:
        if demand.service == OTHERS:
            continue
        cost = demand.per_request
        yield (
            f"{demand.service} costs {_ms(cost)} of CPU per nominal request and {_cores(demand.idle_cores)} without "
            f"load (mean error {demand.error:.1%} over {demand.slices} slices)."
        )
    if found.told_apart:
        yield f"Of {len(found.slices)} slices none tells scenarios apart: {found.told_apart}."
    if found.parts_s:
        parts = ", ".join(f"{_ms(seconds)} of {name}" for name, seconds in found.parts_s)
        yield f"An analysis holds its worker in the mean for {parts}."
    for scenario, seconds in found.holding_s:
        yield f"An analysis of {scenario} holds its worker for {_ms(seconds)} in the mean."


def _ms(estimate: Estimate) -> str:
    return f"{milliseconds(estimate.value)} ({milliseconds(estimate.low)} to {milliseconds(estimate.high)}) ms"


def _of_little(found: Capacity) -> Iterator[str]:
    exact = [check for check in found.little if check.is_exact]
    if exact:
        worst = max(exact, key=lambda check: abs(check.residual))
        counted = worst.counted
        yield (
            f"Little's law is off by {worst.residual:+.1%} at worst ({worst.phase}: {counted.value:.2f} "
            f"({counted.low:.2f} to {counted.high:.2f}) journeys counted under way, "
            f"{worst.rate_per_s * worst.time_s:.2f} by rate and time)."
        )


def _of_plan(plan: RatePlan, found: Capacity) -> str:
    needs = ", ".join(
        f"{need.service} {_cores(need.cores_used)} in {counted(need.replicas, 'replica')}" for need in plan.needs
    )
    return (
        f"{_mark(plan)}{plan.rate_per_s:g} requests/s use {_name(plan.fullest)}, as measured, to "
        f"{percent(plan.utilisation)}; with {percent(found.headroom)} of headroom they need {plan.cores:.1f} cores "
        f"({needs}), {_counts(plan)}, {three_digits(plan.core_hours_per_day)} core-hours a day. "
        + _predicted(plan, found)
    )


def _predicted(plan: RatePlan, found: Capacity) -> str:
    curves = {} if found.latency is None else {curve.percentile: curve for curve in found.latency.curves}
    told = [
        f"{name.upper()} {in_unit(seconds, 's')} (± {percent(curves[name].inner_error)})"
        for name, seconds in plan.latency_s
    ]
    if not told:
        return f"No latency is predicted: {plan.why}."
    return f"Predicted as measured, with the mean error of such predictions: {', '.join(told)}."


def _mark(plan: RatePlan) -> str:
    return f"[extrapolated, {plan.multiple:.1f} times the highest good rate] " if plan.is_extrapolated else ""


def _counts(plan: RatePlan) -> str:
    told = []
    if plan.workers is not None:
        told.append(f"{counted(plan.workers, 'worker')} of ai_core")
    if plan.connections is not None:
        told.append(f"{counted(plan.connections, 'connection')} to the database")
    if plan.operations_per_s is not None:
        told.append(f"{plan.operations_per_s:.0f} database operations/s")
    return ", ".join(told) or "workers, connections and operations were not seen"


def _of_changes(found: Capacity) -> Iterator[tuple[str, str]]:
    now = found.bounds[0].tight_per_s.value
    for change in found.changes:
        if change.asks:
            text = (
                f"With {change.name}, {_name(change.fullest)} would be 85 % used at {per_s_text(change.tight_per_s)} "
                f"instead of {now:.0f} ({change.gain:+.0%}), and {found.change_rate_per_s:.0f} requests/s would use "
                f"{change.cores_used:.2f} cores of the services."
            )
            yield change.asks, text


def agreement_statements(found: Agreement) -> Sequence[Statement]:
    """Give the sentences about a prediction that was held against another run."""
    command = against_command(found)
    changed = "; ".join(found.changed) or "nothing that the runs tell of"
    text = (
        f"Of the deployment there differs: {changed}. Predicted to be 85 % used first, at "
        f"{per_s_text(found.tight_per_s)}: {_name(found.fullest)}"
    )
    if found.break_point_per_s is not None:
        error = found.tight_per_s.value / found.break_point_per_s.value - 1
        text += f"; that run broke at {per_s_text(found.break_point_per_s)} ({error:+.1%})"
    errors = [f"{error.figure} {error_text(error)}" for error in found.errors]
    return (
        Statement(text + ".", command),
        Statement(f"The mean error over its good slices is: {', '.join(errors)}.", command),
    )
