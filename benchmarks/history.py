"""How often change points are right, on series of runs whose truth is known: prints the tables of docs/history.md.

    python benchmarks/history.py             # false alarms, and how often steps of known size are found
    python benchmarks/history.py --otava     # the same series given to Apache Otava, in an environment of its own

Figures differ from run to run by 3 % (a standard deviation); sizes of steps are in such deviations.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.analysis.change_points import RULE, Rule, Values, change_points

SERIES = 500
LENGTHS = (12, 30, 100, 300)
LEVEL, SPREAD = 100.0, 3.0
SIZES = (2.0, 3.0, 4.0, 6.0)
OTAVA = ("apache-otava==0.8.0", "numpy==2.2.*", "scipy>=1.16,<1.17")

Noise = Callable[[np.random.Generator, int], Values]


def normal(random: np.random.Generator, count: int) -> Values:
    """Give values that differ at random."""
    return random.normal(LEVEL, SPREAD, count)


def heavy(random: np.random.Generator, count: int) -> Values:
    """Give values among which some are far off (Student's t with 3 degrees of freedom)."""
    return LEVEL + SPREAD / np.sqrt(3) * random.standard_t(3, count)


def skewed(random: np.random.Generator, count: int) -> Values:
    """Give values that are rarely low and often somewhat too high, as latencies are on a busy machine."""
    return LEVEL + SPREAD * (random.exponential(1.0, count) - 1)


def lonely(random: np.random.Generator, count: int) -> Values:
    """Give values of which one in twenty is half as high again."""
    return normal(random, count) + np.where(random.random(count) < 0.05, LEVEL / 2, 0.0)


def rarely(random: np.random.Generator, count: int) -> Values:
    """Give an error rate: nothing, but in one run of ten."""
    return np.where(random.random(count) < 0.1, random.exponential(1.0, count), 0.0)


def rounded(random: np.random.Generator, count: int) -> Values:
    """Give values that differ by less than what they are rounded to."""
    return np.round(random.normal(LEVEL, 0.4, count))


def wandering(random: np.random.Generator, count: int) -> Values:
    """Give values of which each resembles the one before it (autocorrelation 0.5), as on a machine with neighbours."""
    found = np.empty(count)
    found[0] = random.normal(0, SPREAD)
    for place in range(1, count):
        found[place] = 0.5 * found[place - 1] + random.normal(0, SPREAD * np.sqrt(0.75))
    return LEVEL + found


NOISES: dict[str, Noise] = {
    "normal": normal,
    "heavy tails": heavy,
    "skewed": skewed,
    "one run of 20 far off": lonely,
    "mostly nothing, as error rates": rarely,
    "rounded to two values": rounded,
    "each like the one before": wandering,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Levels of a series: after so many runs each, by so many deviations above the first one."""

    name: str
    runs: tuple[int, ...]
    levels: tuple[float, ...]

    def series(self, random: np.random.Generator, size: float) -> Values:
        """Give the levels, `size` deviations apart, in noise."""
        levels = np.repeat(self.levels, self.runs)
        return normal(random, len(levels)) + SPREAD * size * levels

    @property
    def changes(self) -> list[int]:
        """Where the level changes."""
        return [int(place) for place in np.cumsum(self.runs[:-1])]


SHAPES = (
    Shape(name="3 runs after 7", runs=(7, 3), levels=(0, 1)),
    Shape(name="3 runs after 20", runs=(20, 3), levels=(0, 1)),
    Shape(name="5 runs after 20", runs=(20, 5), levels=(0, 1)),
    Shape(name="10 runs after 20", runs=(20, 10), levels=(0, 1)),
    Shape(name="5 runs after 250", runs=(250, 5), levels=(0, 1)),
    Shape(name="50 runs after 50", runs=(50, 50), levels=(0, 1)),
    Shape(name="up for 7 of 24 runs, and down", runs=(10, 7, 7), levels=(0, 1, 0)),
    Shape(name="up twice in 60 runs", runs=(20, 20, 20), levels=(0, 1, 2)),
)


def found(values: Values, rule: Rule) -> list[int]:
    """Give where the lab sees changes."""
    return [split.index for split in change_points(values, rule)]


def are_alike(one: Sequence[int], two: Sequence[int]) -> bool:
    """Whether changes are as many, and each within a run of the other."""
    return len(one) == len(two) and all(abs(here - there) <= 1 for here, there in zip(one, two, strict=True))


def false_alarms(rule: Rule) -> Iterator[tuple[str, ...]]:
    """Give, per kind of noise and length, the share of series in which a change was seen."""
    for name, noise in NOISES.items():
        shares = []
        for count in LENGTHS:
            random = np.random.default_rng(count)
            shares.append(share(bool(found(noise(random, count), rule)) for _ in range(SERIES)))
        yield (name, *shares)


def recall(rule: Rule) -> Iterator[tuple[str, ...]]:
    """Give, per shape and size, the share of series whose changes were all found, and nothing else."""
    for shape in SHAPES:
        shares = []
        for size in SIZES:
            random = np.random.default_rng(int(size))
            shares.append(
                share(are_alike(found(shape.series(random, size), rule), shape.changes) for _ in range(SERIES))
            )
        yield (shape.name, *shares)


def share(answers: Iterable[bool]) -> str:
    """Give how many of the answers are yes."""
    told = list(answers)
    return f"{sum(told) / len(told):.1%}"


# ------------------------------------------------------------------------------------------------------ Apache Otava

_ASK = """
import json, sys
from otava.analysis import compute_change_points
def found(series):
    return [int(point.index) for point in compute_change_points(series, max_pvalue=float(sys.argv[1]))[0]]
print(json.dumps([found(series) for series in json.load(sys.stdin)]))
"""


def otava(series: Sequence[Values], alpha: float) -> list[list[int]]:
    """Give where Apache Otava sees changes, from an environment that is thrown away.

    It gets the versions of numpy and scipy that it asks for, and nothing for BigQuery, Slack and the like.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", *OTAVA], check=True)
        asked = json.dumps([list(values) for values in series])
        told = subprocess.run(
            [python, "-c", _ASK, str(alpha)], input=asked, stdout=subprocess.PIPE, text=True, check=True
        )
    answer: list[list[int]] = json.loads(told.stdout)
    return answer


def kinds(each: int) -> Iterator[tuple[str, list[int], list[Values]]]:
    """Give series by their kind, with where they change."""
    for name, noise in NOISES.items():
        if noise is not rarely:  # Otava knows changes as ratios alone, and nothing has none
            random = np.random.default_rng(1)
            yield f"{name}, 60 runs", [], [noise(random, 60) for _ in range(each)]
    for shape in SHAPES:
        random = np.random.default_rng(2)
        yield f"{shape.name}, by 4", shape.changes, [shape.series(random, 4.0) for _ in range(each)]


def agreement(rule: Rule, each: int = 100) -> Iterator[tuple[str, ...]]:
    """Give, per kind, how often Otava and the lab are right, and how often they say the same."""
    asked = list(kinds(each))
    answers = iter(otava([values for _, _, series in asked for values in series], rule.alpha))
    for name, truth, series in asked:
        theirs = [next(answers) for _ in series]
        ours = [found(values, rule) for values in series]
        yield (
            name,
            share(are_alike(each_found, truth) for each_found in theirs),
            share(are_alike(each_found, truth) for each_found in ours),
            share(are_alike(one, two) for one, two in zip(theirs, ours, strict=True)),
        )


def table(columns: Sequence[str], rows: Iterator[tuple[str, ...]]) -> None:
    """Print a table in Markdown, row by row."""
    print(f"| {' | '.join(columns)} |\n|---|{'---:|' * (len(columns) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--otava", action="store_true", help="hold the lab against Apache Otava")
    parser.add_argument("--alpha", type=float, default=RULE.alpha, help="as of lab history; Otava's max_pvalue")
    asked = parser.parse_args()
    rule = Rule(alpha=asked.alpha)
    if asked.otava:
        table(("series", "Otava is right", "the lab is right", "they say the same"), agreement(rule))
        return
    print(f"{SERIES} series each, alpha {rule.alpha:g}. Series without a change in which one was seen:\n")
    table(("noise", *(f"{count} runs" for count in LENGTHS)), false_alarms(rule))
    print("\nSeries of which every change was found within a run, and no other:\n")
    table(("change", *(f"by {size:g} deviations" for size in SIZES)), recall(rule))


if __name__ == "__main__":
    sys.exit(main())
