"""Figures of two sides held against one another: what each run shows, what differs, and what could be told of it."""

from lab.analysis.comparison.judging import judged
from lab.analysis.comparison.measuring import measured
from lab.analysis.comparison.spending import looks_for, nominal_alphas

__all__ = ["judged", "looks_for", "measured", "nominal_alphas"]
