"""An A/B with a driver that only writes down what it was asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab import ab as interleaving
from lab import rundir
from lab.ab import Measured, drive
from lab.errors import ConfigError, NothingComparedError, RunDirError
from lab.model import (
    Cell,
    Compared,
    Comparison,
    Estimate,
    Interleaved,
    Judgement,
    Measure,
    Pinned,
    Scale,
    Side,
    Stopping,
    Variant,
)
from lab.rundir import AbDir, RunDir

P95 = Measure(name="p95(http_req_duration)", unit="s", scale=Scale.RATIO, effect=0.05, start_spread=0.02)
CANNOT_TELL = Judgement.CANNOT_TELL


@dataclass
class Bench:
    """A folder with an A/B in it, and a driver that counts; `judgements` are what comparisons say, in their order."""

    folder: AbDir
    judgements: Sequence[Judgement] = ()
    wanted: int | None = None
    invalid: Sequence[int] = ()
    ends_at: int | None = None
    hours: float = 0.0
    dirty_from: int = 99
    driven: list[tuple[str, int]] = field(default_factory=list)
    alphas: list[tuple[int, float]] = field(default_factory=list)
    kept: list[Comparison] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def measure(self, side: str, number: int) -> Measured:
        if self.ends_at == len(self.driven):
            self.ends_at = None
            raise KeyboardInterrupt
        index = len(self.driven)
        self.driven.append((side, number))
        name = f"run-{len(list(self.folder.runs.iterdir())):02}-{side}"
        run = RunDir(self.folder.runs / name)
        run.path.mkdir()
        started_at = 1000.0 * index + (3600 * self.hours if index else 0)
        provenance = {"code": {"commit": "c", "dirty": index >= self.dirty_from}}
        times = {"started_at": started_at, "ended_at": started_at + 20}
        run.write_record({"run_id": name, "provenance": provenance, **times})
        return Measured(run=name, why="k6 dropped iterations" if index in self.invalid else "")

    def compare(self, folder: AbDir, ab: Interleaved, alpha: float) -> Comparison:
        assert folder == self.folder
        self.alphas.append((len(ab.pairs), alpha))
        judgement = self.judgements[len(ab.looks)] if len(ab.looks) < len(self.judgements) else CANNOT_TELL
        return a_comparison(judgement, self.wanted, len(ab.pairs))

    def drive(self) -> Comparison:
        return drive(
            self.folder, measure=self.measure, compare=self.compare, keep=self.kept.append, say=self.said.append
        )

    @property
    def ab(self) -> Interleaved:
        return self.folder.read()


def a_comparison(judgement: Judgement, wanted: int | None, pairs: int) -> Comparison:
    figure = Compared(
        measure=P95,
        cell=Cell(phase="steady"),
        base=0.1,
        candidate=0.1,
        change=Estimate(value=0.0, low=-0.1, high=0.1),
        p_value=1.0,
        detectable=0.1,
        judgement=judgement,
        pairs_wanted=wanted,
        is_headline=True,
    )
    sides = [Side(name=name, told=name, runs=()) for name in ("base", "candidate")]
    return Comparison(
        base=sides[0], candidate=sides[1], pairs=pairs, confidence=0.99, look_for=0.1, figures=(figure,), notes=("one",)
    )


Make = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Make:
    def make(*, pairs: int | None = None, max_pairs: int = 40, is_early: bool = True, **rest: object) -> Bench:
        folder = rundir.create_ab(tmp_path, "mixed", now=datetime(2026, 1, 2, 12, tzinfo=UTC))
        sides = {
            name: Pinned(variant=Variant(name=name, ref=name), told=name, tree=name) for name in ("base", "candidate")
        }
        stopping = Stopping(pairs=pairs, max_pairs=max_pairs, look_for=0.1, alpha=0.01, is_early=is_early)
        folder.write(
            Interleaved(
                scenario="mixed",
                plan={"seed": 14},
                wanted={},
                sides=sides,
                stopping=stopping,
                started_at=0.0,
                planned=pairs,
            )
        )
        return replace(Bench(folder=folder), **rest)

    return make


def runs_of(ab: Interleaved) -> list[str]:
    return [run for pair in ab.pairs for run in pair]


def test_sides_are_driven_in_turns_with_a_seed_a_pair(bench: Make) -> None:
    own = bench(pairs=4)
    found = own.drive()
    assert own.driven == [
        ("base", 0),
        ("candidate", 0),
        ("candidate", 1),
        ("base", 1),
        ("base", 2),
        ("candidate", 2),
        ("candidate", 3),
        ("base", 3),
    ]
    assert all(base.endswith("base") and candidate.endswith("candidate") for base, candidate in own.ab.pairs)
    assert own.ab.is_over
    assert own.kept == [found]
    assert found.judgement == CANNOT_TELL
    assert found.notes == ("one",)  # one look needs no explanation


def test_the_first_pair_is_compared_so_that_what_cannot_be_is_known_at_once(bench: Make) -> None:
    own = bench(pairs=8)

    def refuse(_folder: AbDir, _ab: Interleaved, _alpha: float) -> Comparison:
        raise ConfigError("not comparable")

    with pytest.raises(ConfigError, match="not comparable"):
        drive(own.folder, measure=own.measure, compare=refuse, keep=own.kept.append, say=own.said.append)
    assert len(own.driven) == 2
    assert not own.ab.is_checked


@pytest.mark.parametrize("judgement", [Judgement.REGRESSED, Judgement.IMPROVED, Judgement.UNCHANGED])
def test_it_ends_at_the_first_look_that_is_clear(bench: Make, judgement: Judgement) -> None:
    own = bench(pairs=16, judgements=[CANNOT_TELL, judgement])
    found = own.drive()
    assert found.judgement == judgement
    assert [look.pairs for look in own.ab.looks] == [8, 12]
    assert len(own.ab.pairs) == 12
    assert any("looked at after 8, 12 of 16 pairs" in note for note in found.notes)
    looked = dict(own.alphas)
    assert looked[8] < looked[12] < 0.01


def test_without_early_stop_all_pairs_are_driven(bench: Make) -> None:
    own = bench(pairs=8, is_early=False, judgements=[Judgement.REGRESSED])
    own.drive()
    assert len(own.ab.pairs) == 8
    assert own.alphas == [(1, 0.01), (8, pytest.approx(0.01))]


@pytest.mark.parametrize(("wanted", "driven"), [(9, 9), (3, 4), (200, 12), (None, 12)])
def test_the_noise_says_how_many_pairs_there_are(bench: Make, wanted: int | None, driven: int) -> None:
    own = bench(max_pairs=12, wanted=wanted)
    own.drive()
    assert own.ab.planned == driven
    assert len(own.ab.pairs) == driven
    assert any(f"{driven} are driven" in line for line in own.said)


def test_the_number_of_pairs_does_not_hang_on_what_was_seen(bench: Make) -> None:
    # a first pair that looks very different must not make the A/B longer or shorter: `pairs_wanted` alone is asked
    own = bench(wanted=10, judgements=[CANNOT_TELL])
    own.drive()
    assert own.ab.planned == 10
    assert [look.pairs for look in own.ab.looks] == [5, 8, 10]


@pytest.mark.parametrize("ends_at", range(8))
def test_it_goes_on_at_the_run_that_it_lacks_wherever_it_was_ended(bench: Make, ends_at: int) -> None:
    own = bench(pairs=4, ends_at=ends_at)
    with pytest.raises(KeyboardInterrupt):
        own.drive()
    before = runs_of(own.ab)
    assert len(own.driven) == ends_at
    own.drive()
    assert [side[0] for side, _ in own.driven] == list("bccbbccb")
    assert [number for _, number in own.driven] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert runs_of(own.ab)[: len(before)] == before
    assert len(set(runs_of(own.ab))) == 8


def test_a_look_that_was_cut_off_is_looked_at_again(bench: Make) -> None:
    own = bench(pairs=8, judgements=[Judgement.REGRESSED])

    def cut_off(_found: Comparison) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(own.folder, measure=own.measure, compare=own.compare, keep=cut_off, say=own.said.append)
    assert own.ab.looks == ()
    assert own.drive().judgement == Judgement.REGRESSED
    assert len(own.driven) == 8
    assert len(own.ab.looks) == 1


def test_runs_of_a_pair_that_are_far_apart_are_noted(bench: Make) -> None:
    own = bench(pairs=2, hours=2.0)
    notes = own.drive().notes
    assert [note for note in notes if note.startswith("the runs of pair")] == [
        "the runs of pair 1 are 2.3 h apart: what the machine did meanwhile is in their difference"
    ]


def test_a_checkout_that_is_worked_on_meanwhile_is_noted(bench: Make) -> None:
    own = bench(pairs=2, dirty_from=3)
    assert "the checkout that the load scripts are in was changed while the A/B went on" in own.drive().notes


def test_an_invalid_run_is_driven_again_with_the_same_seed(bench: Make) -> None:
    own = bench(pairs=2, invalid=[1, 2])
    found = own.drive()
    assert own.driven == [("base", 0), *[("candidate", 0)] * 3, ("candidate", 1), ("base", 1)]
    assert len(own.ab.pairs) == 2
    assert [(left.pair, left.side) for left in own.ab.left_out] == [(0, "candidate")] * 2
    assert not {left.run for left in own.ab.left_out} & set(runs_of(own.ab))
    assert any("2 runs could not be used" in note and "dropped iterations" in note for note in found.notes)


def test_runs_that_stay_invalid_end_it_with_what_there_is(bench: Make) -> None:
    own = bench(pairs=8, invalid=[10, 11, 12])
    found = own.drive()
    assert found.judgement == CANNOT_TELL
    assert [look.pairs for look in own.ab.looks] == [4, 5]
    assert "3 runs could not be used" in own.ab.stopped
    assert any(own.ab.stopped in note for note in found.notes)
    assert not own.ab.is_over
    assert own.drive().pairs == 8  # it can go on, when what ailed them is gone
    assert own.ab.is_over
    assert own.ab.stopped == ""
    assert [look.pairs for look in own.ab.looks] == [4, 5, 6, 8]
    assert sum(look.alpha for look in own.ab.looks) == pytest.approx(0.01)


def test_what_there_is_may_be_clear_also_where_runs_stay_invalid(bench: Make) -> None:
    own = bench(pairs=8, invalid=[10, 11, 12], judgements=[CANNOT_TELL, Judgement.REGRESSED])
    assert own.drive().judgement == Judgement.REGRESSED
    assert own.ab.is_over
    assert sum(look.alpha for look in own.ab.looks) < 0.01


def test_without_a_single_pair_there_is_no_answer(bench: Make) -> None:
    own = bench(pairs=4, invalid=[0, 1, 2])
    with pytest.raises(NothingComparedError, match="pair 1 of 4, base: 3 runs could not be used") as raised:
        own.drive()
    assert raised.value.exit_code == 4
    assert own.ab.stopped
    assert len(own.driven) == 3


def test_pairs_are_compared_as_what_they_are(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    own = bench(pairs=2)
    own.drive()
    asked: dict[str, object] = {}

    def compare_runs(base: Sequence[RunDir], candidate: Sequence[RunDir], **rest: object) -> Comparison:
        asked.update(rest, base=[run.run_id for run in base], candidate=[run.run_id for run in candidate])
        return a_comparison(CANNOT_TELL, None, 2)

    monkeypatch.setattr(interleaving, "compare_runs", compare_runs)
    interleaving.compared(own.folder, replace(own.ab, route="GET /x"), 0.003)
    assert asked["base"] == [base for base, _ in own.ab.pairs]
    assert asked["candidate"] == [candidate for _, candidate in own.ab.pairs]
    assert (asked["are_pairs"], asked["alpha"], asked["look_for"], asked["route"]) == (True, 0.003, 0.1, "GET /x")
    assert asked["under_test"] == ("code",)


def test_the_directory_of_an_a_b_is_found_or_refused(bench: Make, tmp_path: Path) -> None:
    own = bench(pairs=2)
    assert own.folder.path.name == "20260102T120000Z-ab-mixed"
    for name in (own.folder.path.name, "20260102", str(own.folder.path)):
        assert rundir.find_ab(tmp_path, name) == own.folder
    with pytest.raises(RunDirError, match="there is no A/B 'none'"):
        rundir.find_ab(tmp_path, "none")
    bench(pairs=2)
    with pytest.raises(RunDirError, match="beginning of 2 A/Bs' names"):
        rundir.find_ab(tmp_path, "2026")
    assert rundir.find_ab(tmp_path, own.folder.path.name) == own.folder
    own.folder.record.write_text("{}", encoding="ascii")
    with pytest.raises(RunDirError, match=r"ab\.json is missing or damaged"):
        own.folder.read()
    assert rundir.all_runs(tmp_path) == ()
