"""Series of a soaked process whose truth is known, one value a second. Sizes in bytes."""

from dataclasses import dataclass

import numpy as np

from lab.analysis.quantiles import Floats

MB = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What the series is made of.

    `leak_per_h` bytes an hour; a warm-up that rises by `warmup` with the time constant `warmup_tau_s`, from
    `warmup_at_s` on; saw teeth of garbage collection, `saw` high, `saw_s` long; noise of standard deviation `noise`
    whose values a second apart correlate by `correlation`; `arena`: growth comes in pieces of this size; `falls`: the
    moments (shares of the length) at which a worker restarts and gives back `fall`.
    """

    duration_s: int = 3600
    leak_per_h: float = 0.0
    warmup: float = 60 * MB
    warmup_tau_s: float = 120.0
    warmup_at_s: float = 0.0
    saw: float = 0.0
    saw_s: float = 60.0
    noise: float = 0.5 * MB
    correlation: float = 0.9
    arena: float = 0.0
    falls: tuple[float, ...] = ()
    fall: float = 20 * MB


def series(soak: Soak, seed: int) -> tuple[Floats, Floats]:
    """Give times and values."""
    random = np.random.default_rng(seed)
    times = np.arange(soak.duration_s, dtype=np.float64)
    since = np.maximum(times - soak.warmup_at_s, 0)
    grown = soak.leak_per_h / 3600 * times
    if soak.arena:
        grown = np.floor(grown / soak.arena + random.random()) * soak.arena
    phase = random.random()
    saw = soak.saw * ((times / soak.saw_s + phase) % 1.0)
    values = 200 * MB + grown + soak.warmup * (1 - np.exp(-since / soak.warmup_tau_s)) + saw
    for share in soak.falls:
        values[times >= share * soak.duration_s] -= soak.fall
    return times, values + noise(len(times), soak.noise, soak.correlation, random)


def noise(count: int, deviation: float, correlation: float, random: np.random.Generator) -> Floats:
    """Give normal noise in which neighbours correlate: AR(1), stationary from its first value on."""
    shocks = random.normal(0, deviation * np.sqrt(1 - correlation**2), count)
    values = np.empty(count)
    last = random.normal(0, deviation)
    for place in range(count):
        last = correlation * last + shocks[place]
        values[place] = last
    return values
