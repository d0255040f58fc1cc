import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.flames import MAX_BOXES, difference_flame, flame
from lab.analysis.frames import parse_frame
from lab.analysis.stack_diff import Sampled, difference, holm, rate_difference, rate_test, sampled
from lab.analysis.stacks import read_folded, summarise
from lab.errors import ProfileError
from lab.model import FrameKind, Stack

WORKER = "process 1 (python -m ai_core_stub);process 2 (python -c multiprocessing.forkserver);thread 2 (MainThread)"


def stacks(*lines: str) -> list[Stack]:
    return list(read_folded(lines))


@pytest.mark.parametrize(
    ("text", "words", "kind"),
    [
        (
            "TreeExplainer.shap_values (shap/explainers/_tree.py:9)",
            "shap.explainers.TreeExplainer.shap_values",
            "python",
        ),
        ("f (/v/lib/python3.11/site-packages/sklearn/ensemble/_forest.py:1)", "sklearn.ensemble.f", "python"),
        ("f (/usr/lib/python3.11/asyncio/events.py:80)", "asyncio.events.f", "python"),
        ("f (/srv/app/ai_core_stub/analysis.py:7)", "ai_core_stub.analysis.f", "python"),
        ("<module> (ai_core_stub/__main__.py:3)", "the top level of ai_core_stub", "python"),
        ("fit.<locals>.<lambda> (lab/x.py:3)", "lab.x.fit.<locals>.<lambda> at line 3", "python"),
        ("_find_and_load (<frozen importlib._bootstrap>:1176)", "importlib._bootstrap._find_and_load", "python"),
        ("exec (<string>:1)", "exec", "python"),
        ("dgemm (libscipy_openblas64_-32a4b2a6.so)", "dgemm in libscipy_openblas64_", "native"),
        ("sort (numpy/_core/_umath.cpython-311-x86_64-linux-gnu.so)", "sort in numpy", "native"),
        ("rand (numpy/random/mtrand.pyx:123)", "rand in numpy.random.mtrand.pyx", "native"),
        ("f<a, b (c)> (libx.so.6)", "f<a, b (c)> in libx", "native"),
        ("0x0 (libc.so.6)", "code without a name in libc", "native"),
        ("do_syscall_64_[k]", "do_syscall_64 in the kernel", "kernel"),
        ("render (/app/node_modules/pug/lib/index.js:3)", "render in pug/lib/index.js", "javascript"),
        ("(garbage collector)", "collecting garbage", "native"),
        ("anything else", "anything else", "other"),
    ],
)
def test_frames_are_named_in_words(text: str, words: str, kind: str) -> None:
    frame = parse_frame(text)
    assert (frame.words, frame.kind) == (words, kind)


def test_a_line_is_read_with_its_process_its_thread_and_its_frames() -> None:
    (stack,) = stacks(f"{WORKER};main (a.py:1);work (a.py:2) 12\n")
    assert (stack.process, stack.pid) == ("python -c multiprocessing.forkserver", 2)
    assert (stack.thread, stack.tid, stack.count, stack.idle) == ("MainThread", 2, 12, False)
    assert [(frame.words, frame.file, frame.line) for frame in stack.frames] == [
        ("a.main", "a.py", 1),
        ("a.work", "a.py", 2),
    ]


def test_py_spys_own_form_and_stacks_without_processes_are_read_too() -> None:
    raw, bare = stacks('process 7:"python x.py";thread (0x2A): T;f (x.py:1) 3', "f (x.py:1) 4")
    assert (raw.process, raw.pid, raw.thread, raw.tid) == ("python x.py", 7, "T", 42)
    assert (bare.process, bare.pid, bare.thread, bare.count) == ("", 0, "", 4)


def test_native_frames_that_only_start_python_are_left_out_so_that_stacks_meet() -> None:
    started, plain = stacks("0x0 (libc.so.6);main (a.py:1);sort (x.so) 1", "main (a.py:1);sort (x.so) 1")
    assert started.frames == plain.frames
    (native,) = stacks("start (libc.so.6);work (x.so) 1")
    assert len(native.frames) == 2, "a thread that never runs Python is kept whole"


@pytest.mark.parametrize("line", ["no count at all", "f (x.py:1) -3", "f (x.py:1) 1.5", "12"])
def test_a_damaged_line_is_named(line: str) -> None:
    with pytest.raises(ProfileError, match="line 2 of the folded stacks"):
        stacks("f (x.py:1) 1", line)


def test_stacks_are_read_one_by_one() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "f (x.py:1) 1"

    assert next(read_folded(endless())).count == 1


def test_the_hottest_functions_have_own_and_total_shares_and_recursion_counts_once() -> None:
    summary = summarise(
        stacks(
            "main (a.py:1);walk (a.py:2);walk (a.py:3);leaf (a.py:9) 30",
            "main (a.py:1);walk (a.py:2) 10",
            "main (a.py:1);0x0 (libx.so) 10",
            "main (a.py:1);clock_nanosleep (libc.so.6) 950",
        )
    )
    assert (summary.samples, summary.idle_samples) == (50, 950)
    assert [(hot.words, hot.own, hot.own_share) for hot in summary.by_own] == [
        ("a.leaf", 30, 0.6),
        ("a.walk", 10, 0.2),
        ("code without a name in libx", 10, 0.2),
    ]
    assert [(hot.words, hot.total, hot.total_share) for hot in summary.by_total[:2]] == [
        ("a.main", 50, 1.0),
        ("a.walk", 40, 0.8),
    ]
    assert summary.unnamed_share == 0.2


def test_processes_and_threads_have_their_shares() -> None:
    summary = summarise(stacks("process 1 (web);thread 1 (Main);f (a.py:1) 30", f"{WORKER};f (a.py:1) 10"))
    assert [(part.name, part.samples, part.share) for part in summary.processes] == [
        ("web (1)", 30, 0.75),
        ("python -c multiprocessing.forkserver (2)", 10, 0.25),
    ]
    assert [part.name for part in summary.threads] == [
        "Main (1) of web (1)",
        "MainThread (2) of python -c multiprocessing.forkserver (2)",
    ]


def test_a_profile_of_nothing_has_no_shares() -> None:
    assert summarise(stacks("(idle) 7")).by_own == ()


lines = st.lists(
    st.tuples(st.lists(st.sampled_from("abcde"), min_size=1, max_size=6), st.integers(1, 1000)), min_size=1, max_size=30
)


def folded(records: list[tuple[list[str], int]]) -> list[Stack]:
    return stacks(*(f"{';'.join(f'{name} (m.py:1)' for name in frames)} {count}" for frames, count in records))


@given(lines)
def test_own_times_add_up_to_all_samples_and_none_is_more_than_its_total(records: list[tuple[list[str], int]]) -> None:
    summary = summarise(folded(records), hottest=100)
    assert sum(hot.own for hot in summary.by_own) == summary.samples == sum(count for _, count in records)
    assert all(hot.own <= hot.total <= summary.samples for hot in summary.by_total)


@given(lines)
def test_boxes_lie_within_the_box_above_and_do_not_overlap(records: list[tuple[list[str], int]]) -> None:
    boxes = flame(folded(records), title="x").boxes
    for box in boxes[1:]:
        above = [other for other in boxes if other.depth == box.depth - 1]
        assert any(o.start - 1e-9 <= box.start and box.start + box.width <= o.start + o.width + 1e-9 for o in above)
    for left, right in itertools.pairwise(boxes):
        assert left.depth < right.depth or left.start + left.width <= right.start + 1e-9


def test_boxes_too_narrow_to_be_seen_are_left_out_and_said() -> None:
    many = stacks(*(f"f{number} (m.py:1) 1" for number in range(3 * MAX_BOXES)), "hot (m.py:1) 90000")
    drawn = flame(many, title="x")
    assert len(drawn.boxes) == 2
    assert drawn.hidden == f"{3 * MAX_BOXES:,} boxes narrower than 0.02% of the whole are left out"


def a_profile(counts: dict[str, int], *, rate_hz: float = 100, requests: float = 1000) -> Sampled:
    found = stacks(*(f"{name} (m.py:1) {count}" for name, count in counts.items()))
    return sampled(found, seconds_per_sample=1 / rate_hz, requests=requests)


def test_cpu_per_request_does_not_change_with_load_or_with_the_rate_of_sampling() -> None:
    before = a_profile({"f": 1000, "g": 500})
    after = a_profile({"f": 1000, "g": 500}, rate_hz=50, requests=2000)
    found = difference(before, after)
    assert found.changed == ()
    assert found.before_s == found.after_s == pytest.approx(0.015)


def test_what_changed_is_named_with_its_interval_and_the_samples_behind_it() -> None:
    found = difference(a_profile({"f": 1000, "g": 500, "h": 10}), a_profile({"f": 1010, "g": 900, "new": 200}))
    assert [change.words for change in found.changed] == ["m.g", "m.new"]
    grew = found.changed[0]
    assert (grew.before_samples, grew.after_samples) == (500, 900)
    assert grew.change_s == pytest.approx(0.004)
    assert 0.003 < grew.low_s < grew.change_s < grew.high_s < 0.005
    assert found.compared == 4


def test_a_change_that_is_sure_but_does_not_matter_is_not_named() -> None:
    before, after = a_profile({"f": 1_000_000, "g": 100}), a_profile({"f": 1_000_000, "g": 300})
    assert difference(before, after).changed == ()
    assert [change.words for change in difference(before, after, min_share=0).changed] == ["m.g"]


def test_samples_of_long_calls_are_worth_less() -> None:
    before, after = a_profile({"f": 500}), a_profile({"f": 600})
    assert difference(before, after).changed != ()
    assert difference(before, after, clumping=10).changed == ()


def test_cpu_per_request_needs_requests() -> None:
    with pytest.raises(ProfileError, match="while load is driven"):
        a_profile({"f": 1}, requests=0)


@pytest.mark.parametrize(
    ("a", "b", "p"),
    # scipy.stats.binomtest(a, a + b, 0.5).pvalue, which doubles the tail when p is a half
    [(10, 20, 0.09873715), (100, 150, 0.00188330), (5, 5, 1.0), (0, 6, 0.03125), (0, 0, 1.0)],
)
def test_the_test_of_two_counts_is_the_exact_one(a: int, b: int, p: float) -> None:
    assert rate_test(a, 1.0, b, 1.0) == pytest.approx(p, rel=1e-3)


def test_what_a_machine_varies_by_is_in_the_interval_and_in_the_test() -> None:
    alone = rate_difference(10_000, 1e-5, 10_800, 1e-5)
    low, high = rate_difference(10_000, 1e-5, 10_800, 1e-5, variation=0.05)
    assert 0 < alone[0] < alone[1] < high
    assert low < 0 < high
    assert rate_test(10_000, 1e-5, 10_800, 1e-5) < 1e-6
    assert 0.25 < rate_test(10_000, 1e-5, 10_800, 1e-5, variation=0.05) < 0.3, "8 % against √2 × 5 %"
    assert rate_test(0, 1e-5, 0, 1e-5, variation=0.05) == 1.0


def test_the_interval_covers_the_truth_too_where_the_machine_varies() -> None:
    random = np.random.default_rng(7)
    speeds = random.normal(1.0, 0.1, (4000, 2))
    pairs = random.poisson(400 * speeds)
    bounds = [rate_difference(int(a), 1e-3, int(b), 1e-3, variation=0.1) for a, b in pairs]
    assert 0.93 <= sum(low <= 0 <= high for low, high in bounds) / 4000 <= 0.97
    named = sum(rate_test(int(a), 1e-3, int(b), 1e-3, variation=0.1) < 0.05 for a, b in pairs) / 4000
    assert 0.03 <= named <= 0.06
    assert sum(rate_test(int(a), 1e-3, int(b), 1e-3) < 0.05 for a, b in pairs) / 4000 > 0.3, "counts alone know less"


def test_holm_corrects_for_how_many_were_compared_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([]) == []


@given(st.integers(0, 5000), st.integers(0, 5000), st.floats(1e-6, 1), st.floats(1e-6, 1))
def test_the_interval_holds_the_difference_and_turns_round_with_it(a: int, b: int, left: float, right: float) -> None:
    low, high = rate_difference(a, left, b, right)
    assert low <= b * right - a * left <= high
    assert rate_difference(b, right, a, left) == pytest.approx((-high, -low))
    assert rate_test(a, left, b, right) == pytest.approx(rate_test(b, right, a, left), rel=1e-6, abs=1e-12)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(6)
    pairs = zip(random.poisson(40, 4000), random.poisson(90, 4000), strict=True)
    bounds = [rate_difference(int(a), 0.01, int(b), 0.005) for a, b in pairs]
    covered = sum(low <= 90 * 0.005 - 40 * 0.01 <= high for low, high in bounds) / 4000
    assert 0.935 <= covered <= 0.965


def test_boxes_are_grey_when_one_of_so_many_would_differ_by_chance_or_when_one_call_gives_many_samples() -> None:
    before = stacks("f (m.py:1) 100", *(f"same{n} (m.py:1) 100" for n in range(300)))
    after = stacks("f (m.py:1) 145", *(f"same{n} (m.py:1) 100" for n in range(300)))
    low, high = rate_difference(100, 1e-5, 145, 1e-5)
    assert 0 < low < high, "alone it would be sure"

    def shade(first: list[Stack], second: list[Stack], clumping: float = 1.0) -> int:
        drawn = difference_flame(first, second, scales_s=(1e-5, 1e-5), title="x", clumping=clumping)
        return next(box.shade for box in drawn.boxes if box.words == "m.f")

    assert shade(before, after) == 0
    assert shade(before[:1], after[:1]) == 3
    assert shade(before[:1], after[:1], clumping=10) == 0


def test_a_difference_colours_only_what_is_more_than_chance() -> None:
    before = stacks("process 1 (web);same (m.py:1) 1000", "process 1 (web);gone (m.py:1) 300")
    after = stacks("process 9 (web);same (m.py:1) 1010", "process 9 (web);new (m.py:1) 300")
    drawn = difference_flame(before, after, scales_s=(1e-5, 1e-5), title="x")
    shades = {box.words: box.shade for box in drawn.boxes}
    assert shades == {"all": 0, "web": 0, "m.same": 0, "m.gone": -4, "m.new": 4}
    assert all(box.kind is not FrameKind.NATIVE for box in drawn.boxes)
    told = next(box.told for box in drawn.boxes if box.words == "m.new")
    assert told.startswith("0 → 3 ms CPU per request, +3 [")
    assert told.endswith("0 and 300 samples")


@pytest.mark.parametrize(
    ("stack", "idle"),
    [
        (
            "wait (threading.py:3);PyThread_acquire_lock_timed (libpython.so);0x0 (libc.so.6);0x0 (libc.so.6)",
            True,
        ),
        ("get (queue.py:1);pthread_cond_timedwait (libc.so.6);0x0 (libc.so.6)", True),
        ("fit (fitting.py:3);GOMP_parallel (libgomp.so.1.0.0);0x0 (libgomp.so.1.0.0)", False),
        ("work (x.py:3);0x0 (libc.so.6)", False),
        ("select (selectors.py:468)", False),
        ("0x0 (libc.so.6)", False),
    ],
)
def test_a_wait_is_known_though_the_c_library_has_no_names(stack: str, idle: bool) -> None:
    (read,) = read_folded([f"{stack} 3"])
    assert read.idle == idle
