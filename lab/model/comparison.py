"""What differs between runs: the figures of each, what is said of their differences, and how sure that is."""

from dataclasses import dataclass
from enum import StrEnum

from lab.model.figures import Estimate


class Judgement(StrEnum):
    """What can be said of a figure of two sides, or of all of them."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    CANNOT_TELL = "cannot tell"


class Scale(StrEnum):
    """How two values of a figure are held against one another: by their ratio, or by their difference in its unit."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One kind of figure, such as `p95(http_req_duration)`.

    `unit` is that of its values (`s`, `requests/s`, `bytes/h`, `` for shares). `effect` is the smallest change that
    matters, and `start_spread` by how much two starts of the same thing differ (a standard deviation) where nobody has
    measured it; both are ratios less 1 of a ratio, in the unit of a difference.
    """

    name: str
    unit: str
    scale: Scale
    effect: float
    start_spread: float
    higher_is_worse: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a figure is about: a phase, and in it everything, a scenario, a route, or a service."""

    phase: str
    scenario: str = ""
    route: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigure:
    """A figure of one run. `error` is its standard error within the run: of the logarithm where its scale is a ratio.

    `count` is how many values it rests on, and `is_headline` whether a comparison that cannot tell it tells nothing.
    """

    measure: Measure
    cell: Cell
    value: float
    error: float
    count: int
    is_headline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A figure of both sides. `base` and `candidate` are typical values: the (geometric) means over the runs.

    `change` is the ratio less 1, or the difference, with an interval that holds for all figures of the comparison
    together. `p_value` is not corrected. `detectable` is the smallest change that would be found in 95 of 100 such
    comparisons, and `pairs_wanted` how many pairs of runs find the change that is looked for; None where nothing says.
    """

    measure: Measure
    cell: Cell
    base: float
    candidate: float
    change: Estimate
    p_value: float
    detectable: float | None
    judgement: Judgement
    pairs_wanted: int | None = None
    is_headline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: what it is called, what was run, and the runs, oldest first."""

    name: str
    told: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sides held against one another.

    `pairs` is how many pairs of interleaved runs it rests on, 0 where the runs are no pairs. `confidence` is that all
    intervals together hold the truth. `route` is the only one that was judged, "" for all. `look_for` is the change
    (a ratio, less 1) that is to be found. `under_test` says in what the sides differ on purpose, `differs` in what
    they must not (`--force`), `notes` what is missing or to be known.
    """

    base: Side
    candidate: Side
    pairs: int
    confidence: float
    look_for: float
    figures: tuple[Compared, ...]
    route: str = ""
    under_test: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def headlines(self) -> tuple[Compared, ...]:
        """The figures that must be told for the comparison to tell anything."""
        return tuple(figure for figure in self.figures if figure.is_headline)

    @property
    def judgement(self) -> Judgement:
        """What is said of the whole: regressed where any figure is, and no more than its headlines tell."""
        found = {figure.judgement for figure in self.figures}
        if Judgement.REGRESSED in found:
            return Judgement.REGRESSED
        headlines = {figure.judgement for figure in self.headlines}
        if not headlines or Judgement.CANNOT_TELL in headlines:
            return Judgement.CANNOT_TELL
        return Judgement.IMPROVED if Judgement.IMPROVED in found else Judgement.UNCHANGED

    @property
    def pairs_wanted(self) -> int | None:
        """How many pairs find the change that is looked for in every headline; None where nothing says."""
        wanted = [figure.pairs_wanted for figure in self.headlines]
        known = [pairs for pairs in wanted if pairs is not None]
        return max(known) if known and len(known) == len(wanted) else None
