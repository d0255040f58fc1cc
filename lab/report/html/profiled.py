"""Flame graphs with the tables about them: a profile stands in one place of a page."""

from collections.abc import Iterable
from dataclasses import dataclass

from lab.model import Report
from lab.report.html.flames import PackedFlame
from lab.report.profiles import title_of
from lab.report.section import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """All about the profiles of a run: flame graphs, each with its table where it has one, and the other tables."""

    flames: tuple[tuple[PackedFlame, Section | None], ...]
    overview: tuple[Section, ...]
    others: tuple[Section, ...]


def profiled(report: Report, flames: Iterable[PackedFlame], tables: Iterable[Section]) -> Profiled:
    """Put tables beside their flame graphs, which name the same files."""
    titles = {profile.files: title_of(profile) for profile in report.analysis.profiles}
    named = {table.title: table for table in tables}
    overview = named.pop("Profiles", None)
    found = tuple((flame, named.pop(titles.get(flame.profile.files, ""), None)) for flame in flames)
    return Profiled(flames=found, overview=() if overview is None else (overview,), others=tuple(named.values()))
