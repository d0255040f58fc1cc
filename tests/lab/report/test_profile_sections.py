"""What reports say of profiles and of growth, beyond what the golden ones show."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.analysis import analyse
from lab.analysis.verdict import judge
from lab.model import (
    FrameChange,
    FrameKind,
    LoadMeanwhile,
    ProfileComparison,
    ProfileDifference,
    ProfileSide,
    Report,
    StackDifference,
)
from lab.report import junit, profile_difference, profiles
from lab.report.sections import reasons
from tests.lab.analysis.test_soak_growth import a_soak, evidence, followed_on
from tests.lab.profiled_runs import before
from tests.lab.report.every_answer import with_every_answer
from tests.lab.report.test_reports import passed, report_of


def test_a_leak_that_fails_a_run_names_the_code_in_the_first_lines_and_in_junit(tmp_path: Path) -> None:
    run = a_soak(tmp_path)
    seen = evidence(run, *followed_on(run))
    analysis = analyse(seen)
    report = replace(report_of(run), analysis=analysis, verdict=judge(analysis, run.plan))
    (reason,) = reasons(report)
    assert reason.startswith("rss_growth(backend) < 20MB/h of backend in sustain: observed ")
    assert reason.endswith("; grew 12.3 MB between 22:25:00 and 22:32:00 at ai_core_stub/faults.py:40")
    assert "MB/h; grew 12.3 MB between" in junit.render(report)


def every_answer(folder: Path) -> Report:
    return with_every_answer(passed(folder))


def test_a_profile_that_saw_nothing_says_so(tmp_path: Path) -> None:
    cpu, heap, _ = every_answer(tmp_path).analysis.profiles
    assert profiles.in_words(replace(cpu, by_own=(), by_total=())) == "nothing used the CPU while it was looked at"
    assert profiles.in_words(replace(heap, held=())) == "nothing is held of what was allocated"
    assert profiles.in_words(replace(cpu, by_total=())).startswith("38 % of ai_core CPU in tree_shap in <shap>, 3 % in")


def test_in_brief_only_the_table_of_all_profiles_and_growth_are_shown(tmp_path: Path) -> None:
    report = every_answer(tmp_path)
    brief, whole = (list(profiles.sections(report, brief=is_brief)) for is_brief in (True, False))
    assert [section.title for section in brief] == [
        "Profiles",
        "What grew in the heap of ai_core (soak)",
        "What grew in the heap of backend (soak)",
    ]
    assert len(whole) == len(brief) + len(report.analysis.profiles)


def a_change(words: str, kind: FrameKind, samples: tuple[int, int]) -> FrameChange:
    return FrameChange(
        words=words,
        kind=kind,
        before_s=0.002,
        after_s=0.0015,
        change_s=-0.0005,
        low_s=-0.0007,
        high_s=-0.0003,
        before_samples=samples[0],
        after_samples=samples[1],
        p=0.0123,
    )


def a_comparison(*changes: FrameChange, total_s: float = 0.004, clumping: float = 1.0) -> ProfileComparison:
    side = ProfileSide(
        run_id="r1",
        profile=before(),
        load=LoadMeanwhile(seconds=15.0, requests=100, extra_polls=2),
        seconds_per_sample=0.02,
    )
    found = StackDifference(
        before_s=total_s, after_s=0.003, before_samples=20, after_samples=15, changed=changes, compared=40
    )
    difference = ProfileDifference(
        service="shop", phase="stress", drive="stress-04", before=side, after=side, found=found, clumping=clumping
    )
    return ProfileComparison(before_run="r1", after_run="r2", differences=(difference,))


def test_a_chain_of_calls_with_the_same_samples_is_one_row_under_its_python_name() -> None:
    chain = [a_change(f"hash {n} in libcrypto", FrameKind.NATIVE, (9, 5)) for n in range(2)]
    python = a_change("shop.seal", FrameKind.PYTHON, (9, 5))
    other = a_change("shop.price", FrameKind.PYTHON, (20, 5))
    (section,) = profile_difference.sections(a_comparison(*chain, python, other))
    assert section.title == "CPU per request of shop in stress-04, in ms"
    assert section.rows[0] == (
        "shop.seal (and 2 with the same samples)",
        "2.00",
        "1.50",
        "-0.50 (-0.70 to -0.30)",
        "0.012",
        "9 → 5",
    )
    assert [row[0] for row in section.rows[1:]] == ["shop.price"]


def test_that_nothing_changed_is_said_with_how_much_was_seen() -> None:
    (section,) = profile_difference.sections(a_comparison())
    assert section.rows == ()
    assert "All of it: 4.00 → 3.00 ms (-25%)." in section.note
    assert "No function of 40 changed by more than chance" in section.note
    assert "20 samples of 20.0 ms, 100 requests and 2 further polls" in section.note
    assert "come of one call" not in section.note


def test_what_cpu_per_request_varies_by_is_said_or_that_nobody_knows_it() -> None:
    unknown = a_comparison()
    known = replace(unknown, differences=(replace(unknown.differences[0], variation=0.034),))
    (of_unknown,), (of_known,) = (tuple(profile_difference.sections(each)) for each in (unknown, known))
    assert "varies by itself is not known here" in of_unknown.note
    assert "varied by 3.4% by itself" in of_known.note


def test_a_side_without_samples_has_no_ratio() -> None:
    (section,) = profile_difference.sections(a_comparison(total_s=0.0))
    assert "All of it: 0.00 → 3.00 ms." in section.note


@pytest.mark.parametrize(("p", "text"), [(0.0004, "<0.001"), (0.0123, "0.012"), (1.0, "1.000")])
def test_small_probabilities_are_not_shown_as_nothing(p: float, text: str) -> None:
    assert profile_difference.probability(p) == text
