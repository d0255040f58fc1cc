"""How often break points, recoveries and knees are right, where the truth is known: tables of docs/analysis.md."""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.analysis.ramps import find_knee
from lab.analysis.recovery import Surged, resilience
from lab.analysis.staircase import LAPSE, WIDTHS, Trial, estimate, is_confirmed, next_step
from lab.model import Phase, PhaseKind, RecoveryOutcome, Staircase
from lab.thresholds import parse
from tests.lab.analysis.synthetic_queue import arrivals, served, surge

SEEDS = 400


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table of Markdown."""
    names = list(columns)
    print(f"\n{title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


# ---------------------------------------------------------------------------------------------------- break points


def stress(*, growth: float, resolution: float, confirmations: int, max_steps: int) -> Phase:
    """Give a stress phase from 50 to 500 requests per second."""
    return Phase(
        name="stress",
        kind=PhaseKind.STRESS,
        start_rate_per_s=50,
        rate_per_s=500,
        duration_s=1,
        staircase=Staircase(
            breaks=(parse("error_rate < 1%"),),
            growth=growth,
            resolution=resolution,
            confirmations=confirmations,
            max_steps=max_steps,
        ),
    )


PLANS = {
    "quick": stress(growth=1.5, resolution=0.2, confirmations=1, max_steps=12),
    "capacity": stress(growth=1.3, resolution=0.08, confirmations=2, max_steps=28),
}


def break_points() -> Iterable[tuple[str, ...]]:
    """Search for break points that are drawn from the prior, and on a system that breaks by chance alone."""
    for name, phase in PLANS.items():
        system = System(np.random.default_rng(1))
        covered, errors, steps, confirmed = 0, [], [], 0
        for _ in range(SEEDS):
            system.change()
            trials = searched(phase, system.breaks)
            found, truth = estimate(phase, trials), math.exp(system.place)
            covered += found.low <= truth <= found.high
            errors.append(abs(found.value / truth - 1))
            steps.append(len(trials))
            confirmed += is_confirmed(phase, trials)
        system.place = math.inf
        false = sum(is_confirmed(phase, searched(phase, system.breaks)) for _ in range(SEEDS))
        yield (
            name,
            f"{confirmed / SEEDS:.1%}",
            f"{false / SEEDS:.1%}",
            f"{covered / SEEDS:.1%}",
            f"{np.median(errors):.1%}",
            f"{np.quantile(errors, 0.95):.1%}",
            f"{np.mean(steps):.1f}",
        )


class System:
    """Breaks with a chance that rises with the logarithm of the rate, from a place and over a width."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.place, self._width = 0.0, 1.0

    def change(self) -> None:
        """Become another system, drawn from the prior."""
        self.place = self._random.uniform(math.log(50), math.log(500))
        self._width = math.exp(self._random.uniform(math.log(WIDTHS[0]), math.log(WIDTHS[1])))

    def breaks(self, rate: float) -> bool:
        """Say whether a step at this rate breaks."""
        z = (math.log(rate) - self.place) / self._width
        chance = LAPSE / 2 + (1 - LAPSE) * (1 + math.erf(z / math.sqrt(2))) / 2
        return bool(self._random.random() < chance)


def searched(phase: Phase, breaks: Callable[[float], bool]) -> list[Trial]:
    """Drive a phase against a system that breaks as it is told."""
    trials: list[Trial] = []
    while (step := next_step(phase, trials)) is not None:
        trials.append(Trial(step.rate_per_s, breaks(step.rate_per_s)))
    return trials


# ------------------------------------------------------------------------------------------------------ recoveries


BASE, FACTOR, BEFORE_S, SURGE_S, AFTER_S, SERVERS = 50.0, 4.0, 30.0, 15.0, 60.0, 4
TIMES = Surged(
    started_at=0.0,
    surge_started_at=BEFORE_S,
    surge_ended_at=BEFORE_S + SURGE_S,
    ended_at=BEFORE_S + SURGE_S + AFTER_S,
    base_rate_per_s=BASE,
    surge_rate_per_s=BASE * FACTOR,
)


def recoveries() -> Iterable[tuple[str, ...]]:
    """Judge surges on queues whose backlog is worked off at a known moment, and on queues that bear them."""
    for service_s in (0.002, 0.025, 0.030, 0.034, 0.060):
        capacity = SERVERS / service_s
        truth = max(0.0, (BASE * FACTOR - capacity) * SURGE_S / (capacity - BASE))
        outcomes: Counter[str] = Counter()
        errors, covered = [], 0
        for seed in range(SEEDS):
            random = np.random.default_rng(seed)
            due = arrivals(surge(BASE, FACTOR, BEFORE_S, SURGE_S, AFTER_S), random)
            seen = served(due, random, servers=SERVERS, service_s=service_s, variation=0.5)
            nothing = np.zeros(0)
            found = resilience(
                "spike",
                TIMES,
                due=seen.due,
                duration_s=seen.duration_s,
                failed=seen.failed,
                queue_times=nothing,
                queue_depth=nothing,
            )
            outcomes[found.outcome] += 1
            if found.recovery_s is not None:
                errors.append(abs(found.recovery_s.value - truth))
                covered += found.recovery_s.low - 0.5 <= truth <= found.recovery_s.high + 0.5
        expected = (
            RecoveryOutcome.UNAFFECTED
            if truth == 0
            else RecoveryOutcome.RECOVERED
            if truth < AFTER_S
            else RecoveryOutcome.NOT_RECOVERED
        )
        yield (
            f"{truth:.1f} s" if truth < AFTER_S else f"{truth:.0f} s, watched for {AFTER_S:.0f}",
            str(expected).replace("_", " "),
            f"{outcomes[expected] / SEEDS:.1%}",
            f"{np.median(errors):.1f} s" if errors else "–",
            f"{covered / len(errors):.1%}" if errors and truth else "–",
        )


# ----------------------------------------------------------------------------------------------------------- knees


def knees() -> Iterable[tuple[str, ...]]:
    """Look for knees in bins of latency with noise of 10 and 20 %, where there is one and where there is none."""
    rates = np.linspace(2, 120, 40)
    for noise in (0.1, 0.2):
        for knee in (None, 30.0, 60.0, 90.0):
            random = np.random.default_rng(7)
            found, covered, errors = 0, 0, []
            for _ in range(SEEDS // 2):
                rise = 1.0 if knee is None else np.maximum(rates / knee, 1) ** 3
                seen = find_knee(rates, 0.02 * rise * np.exp(random.normal(0, noise, len(rates))))
                if seen is not None:
                    found += 1
                    covered += knee is not None and seen.low <= knee <= seen.high
                    errors.append(abs(seen.value / knee - 1) if knee else 1.0)
            yield (
                f"{noise:.0%}",
                "none" if knee is None else f"{knee:g}/s",
                f"{found / (SEEDS // 2):.1%}",
                f"{np.median(errors):.1%}" if knee and errors else "–",
                f"{covered / found:.1%}" if knee and found else "–",
            )


if __name__ == "__main__":
    table(
        f"Break points, {SEEDS} each, drawn from 50 to 500 requests per second with transitions of all widths:",
        (
            "plan",
            "confirmed",
            "confirmed where nothing breaks",
            "interval covers",
            "median error",
            "P95 error",
            "steps",
        ),
        break_points(),
    )
    table(
        f"Recovery of a queue with 4 servers from 4 times its load for 15 s, {SEEDS} each:",
        ("backlog worked off after", "truth", "said", "median error", "interval (and half a second) covers"),
        recoveries(),
    )
    table(
        f"Knees of ramps from 2 to 120 requests per second in 40 bins, {SEEDS // 2} each:",
        ("noise of a bin", "knee", "found", "median error", "interval covers"),
        knees(),
    )
