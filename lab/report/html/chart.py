"""A chart as the page has it, before a script draws it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart: which kind, of what (a phase, or "phase/service"; "" for the whole run), and what it shows in words."""

    kind: str
    title: str
    told: str
    subject: str = ""
