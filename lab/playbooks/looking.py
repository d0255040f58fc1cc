"""How a rule looks for its bottleneck: for stretches of load in which what it measures is beyond its limit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lab.model import Confidence, DoubtKind, PhaseKind, Sign, Symptom
from lab.playbooks.case import Case, Stretch

_AT_LEAST = 2
"""Pieces that must follow one another: what lasts one piece only is a moment."""

_NOISE = frozenset(
    {DoubtKind.STEAL, DoubtKind.OTHER_PROCESSES, DoubtKind.FREQUENCY, DoubtKind.MEMORY_PRESSURE, DoubtKind.SWAP}
    | {DoubtKind.GENERATOR_CPU, DoubtKind.TELEMETRY_GAP, DoubtKind.CLOCK_JUMP, DoubtKind.INTERRUPTED}
)
"""Doubts beside which a bottleneck of the system may be one of the machine, or of who watches it."""

_ORDER = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)
_BEYOND = (PhaseKind.STRESS, PhaseKind.SPIKE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a rule looks for.

    `measure` gives the figure of a stretch (None where nobody tells) that counts from `limit` on; `explained` how many
    requests and analyses at a time the bottleneck keeps waiting; `signs` what else it shows itself by. `is_of_system`
    is False for a bottleneck of the machine or the generator, of which a doubt about them is no reason to doubt.
    """

    measure: Callable[[Stretch], float | None]
    limit: float
    explained: Callable[[Stretch], float]
    signs: Callable[[Stretch, float], Sequence[Sign]]
    is_of_system: bool = True


def look(case: Case, question: Question) -> Symptom | None:
    """Give the bottleneck where it explains most, at planned load rather than beyond it; None where it is not seen."""
    spells = [spell for pieces in case.pieces for spell in _spells(pieces, question)]
    if not spells:
        return None
    worst = max(spells, key=lambda spell: (spell.window.kind not in _BEYOND, _share(case, question, spell)))
    phases = dict.fromkeys(spell.window.phase for spell in (worst, *spells))
    return _symptom(case, question, worst, tuple(phases))


def _spells(pieces: Sequence[Stretch], question: Question) -> Iterator[Stretch]:
    """Join pieces that follow one another and are beyond the limit."""
    run: list[Stretch] = []
    for piece in pieces:
        value = question.measure(piece)
        if value is not None and value >= question.limit and (not run or run[-1].ended_at == piece.started_at):
            run.append(piece)
            continue
        yield from _joined(run)
        run = [piece] if value is not None and value >= question.limit else []
    yield from _joined(run)


def _joined(run: Sequence[Stretch]) -> Iterator[Stretch]:
    if len(run) >= _AT_LEAST or any(piece.is_whole for piece in run):
        yield Stretch(window=run[0].window, started_at=run[0].started_at, ended_at=run[-1].ended_at)


def _share(case: Case, question: Question, spell: Stretch) -> float:
    explained = question.explained(spell)
    waiting = max(case.waiting(spell), explained)
    return explained / waiting if waiting else 0.0


def _symptom(case: Case, question: Question, spell: Stretch, phases: tuple[str, ...]) -> Symptom:
    measured = question.measure(spell)
    value = question.limit if measured is None else measured
    signs = tuple(question.signs(spell, value))
    confidence, why = _confidence(case, question, spell, signs)
    explained = question.explained(spell)
    return Symptom(
        phase=spell.window.phase,
        kind=spell.window.kind,
        started_at=spell.started_at,
        ended_at=spell.ended_at,
        rate_per_s=case.requests_per_s(spell),
        value=value,
        limit=question.limit,
        signs=signs,
        explained=explained,
        waiting=max(case.waiting(spell), explained),
        share=_share(case, question, spell),
        confidence=confidence,
        phases=phases,
        why=why,
    )


def _confidence(case: Case, question: Question, spell: Stretch, signs: Sequence[Sign]) -> tuple[Confidence, str]:
    """Count the signs that hold among those that can be read; a doubt about the machine lowers what they say."""
    known = [sign.holds for sign in signs if sign.holds is not None]
    held = sum(known)
    level = 2 if held == len(known) and held > 1 else 1 if held * 2 >= len(known) else 0
    reasons = [] if held == len(known) > 1 else [f"{held} of {len(known)} signs that can be read hold"]
    noise = sorted(set(case.doubts(spell.window.phase)) & _NOISE) if question.is_of_system else []
    if noise:
        level, reasons = max(level - 1, 0), [*reasons, f"the run has doubts about the phase: {', '.join(noise)}"]
    return _ORDER[level], "; ".join(reasons)
