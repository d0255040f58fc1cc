"""How often the leak verdict is right, on series whose truth is known: prints the table of docs/analysis.md."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.analysis.leak import leak  # after the path
from lab.model import LeakOutcome
from tests.lab.analysis.synthetic_soak import MB, Soak, series

SEEDS = 200
EFFECT = 20 * MB
HOURS = {"10 min": 600, "1 h": 3600, "3 h": 10_800}
KINDS = {
    "warm-up of 2 min, then level": Soak(),
    "warm-up of 2 min, rough noise": Soak(noise=2 * MB, correlation=0.98),
    "garbage collection every minute": Soak(saw=8 * MB, saw_s=60),
    "garbage collection every 10 min": Soak(saw=8 * MB, saw_s=600),
    "slow warm-up": Soak(warmup_tau_s=600),
    "growth in pieces of 4 MB": Soak(arena=4 * MB),
    "a worker restarts twice": Soak(falls=(0.3, 0.7), fall=15 * MB),
    "late warm-up, in the middle": Soak(warmup=30 * MB, warmup_tau_s=60),
}


def rows() -> Iterator[tuple[str, ...]]:
    """Give, per length and kind, the shares of outcomes without a leak and with leaks of known size."""
    for length, seconds in HOURS.items():
        for kind, soak in KINDS.items():
            late = seconds / 2 if kind.startswith("late") else 0.0
            quiet = replace(soak, duration_s=seconds, warmup_at_s=late)
            none = outcomes(quiet)
            once, wide = (
                outcomes(replace(quiet, leak_per_h=1.5 * EFFECT)),
                outcomes(replace(quiet, leak_per_h=3 * EFFECT)),
            )
            at = outcomes(replace(quiet, leak_per_h=EFFECT))
            yield (
                length,
                kind,
                *(share(none, outcome) for outcome in LeakOutcome),
                share(at, LeakOutcome.NO_LEAK),
                share(once, LeakOutcome.LEAK),
                share(wide, LeakOutcome.LEAK),
                f"{(none['covered'] + at['covered'] + wide['covered']) / (3 * SEEDS):.1%}",
            )


def outcomes(soak: Soak) -> Counter[str]:
    """Count the outcomes over the seeds, and how often the interval held the truth."""
    counted: Counter[str] = Counter()
    for seed in range(SEEDS):
        times, values = series(soak, seed)
        found = leak(times, values, phase="soak", service="s", metric="rss", effect_per_h=EFFECT, requests_per_s=50)
        counted[found.outcome] += 1
        if found.slope_per_h is not None:
            counted["covered"] += found.slope_per_h.low <= soak.leak_per_h <= found.slope_per_h.high
    return counted


def share(counted: Counter[str], outcome: LeakOutcome) -> str:
    """Give the share of an outcome."""
    return f"{counted[outcome] / SEEDS:.1%}"


if __name__ == "__main__":
    print(f"{SEEDS} seeds each; the effect is {EFFECT / MB:g} MB/h.\n")
    print("| length | series | no leak, called leak | no leak, called none | no leak, inconclusive ", end="")
    print("| 1x, called none | 1.5x found | 3x found | interval covers |")
    print("|" + "---|" * 9)
    for row in rows():
        print(f"| {' | '.join(row)} |", flush=True)
