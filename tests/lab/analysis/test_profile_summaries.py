"""A profile of a run in words: where time and memory went, for which routes, and what was asked meanwhile."""

import shutil
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from ai_core_stub import app, worker  # services of their own, beside the lab
from lab.analysis import analyse
from lab.analysis.clumping import clumping_of, waiting_ratio
from lab.analysis.hot_code import hot_code, route_times, samples_per_call
from lab.analysis.profiled_load import load_within, place_of
from lab.analysis.samples import read_samples
from lab.analysis.served_routes import HANDLERS, route_of
from lab.analysis.stacks import read_folded
from lab.model import Evidence, LoadMeanwhile, PhaseKind, Profile, ProfileSummary, Stack, Window
from lab.report import profiles as shown
from sut.accounts import Accounts
from sut.analyst import Analyst
from sut.analyze import Analyze
from sut.reading import Reading
from sut.uploads import Uploads
from tests.lab.analysis.a_run import START, ARun
from tests.lab.analysis.test_v8_heap import NODES, a_frame, a_snapshot
from tests.lab.profiled_runs import STACKS, a_cpu_profile, a_heap_profile


def stacks(*lines: str) -> list[Stack]:
    return list(read_folded(lines))


def recorded(name: str) -> list[Stack]:
    return stacks(*(STACKS / f"{name}-cpu.folded").read_text().splitlines())


def evidence(run: ARun, *profiles: Profile) -> Evidence:
    folder = run.folder / "profiles"
    folder.mkdir(exist_ok=True)
    for path in STACKS.iterdir():
        shutil.copy(path, folder)
    return replace(run.evidence(), profiles=profiles, profile_folder=folder)


def summary(run: ARun, profile: Profile) -> ProfileSummary:
    (found,) = analyse(evidence(run, profile)).profiles
    return found


AI_CORE = a_cpu_profile("ai_core", service="ai_core", cpu_s=2.74, rate_hz=20.0, samples=83)


# ------------------------------------------------------------------------------------------------------- hot functions


def test_ai_core_as_it_really_was_is_told_by_what_fits_and_explains() -> None:
    own, total, whole = hot_code(recorded("ai_core"))
    assert whole.samples == 49, "83 with those that waited"
    assert [(code.frame.words, code.frame.total) for code in total[:4]] == [
        ("ai_core_stub.worker.analyse", 45),
        ("ai_core_stub.fitting.fit", 31),
        ("sklearn.ensemble.gradient_boosting.BaseHistGradientBoosting.fit", 24),
        ("ai_core_stub.explainers.explain_by_tree", 11),
    ]
    assert {code.route for code in total} == {"POST /analyze"}
    assert (own[0].frame.words, own[0].route) == ("code without a name in libgomp", "POST /analyze")


def test_of_a_chain_in_one_package_the_outermost_is_named_and_of_two_packages_the_inner_one() -> None:
    start = "run (asyncio/runners.py:1);go (app/main.py:1)"
    path = f"{start};do (app/main.py:2);explain (shap/tree.py:3);_walk (shap/tree.py:4)"
    _, total, _ = hot_code(stacks(f"{path};dense (shap/_cext.so) 95", f"{start} 5"))
    assert [code.frame.words for code in total] == ["shap.tree.explain"]


def test_a_function_that_calls_itself_does_not_hand_on_its_time() -> None:
    _, total, _ = hot_code(stacks("walk (a.py:1);walk (a.py:2);walk (a.py:2) 9"))
    assert [(code.frame.words, code.frame.total) for code in total] == [("a.walk", 9)]


def test_node_is_told_by_its_functions_and_their_files() -> None:
    line = "go (/srv/routes/report.js:3);render (/srv/node_modules/pug/lib/index.js:3)"
    _, total, _ = hot_code(stacks(f"{line} 5", "go (/srv/routes/report.js:3) 5"))
    assert [code.frame.words for code in total] == ["go in routes/report.js", "render in pug/lib/index.js"]


def test_a_profile_of_nothing_names_nothing() -> None:
    assert hot_code([])[:2] == ((), ())
    assert hot_code(stacks("(idle) 7"))[:2] == ((), ())


# -------------------------------------------------------------------------------------------------------------- routes


def test_the_handlers_that_are_looked_for_are_those_that_the_stubs_have() -> None:
    functions = [
        *(Accounts.register, Accounts.login, Uploads.upload, Analyze.analyze, Analyst.work),
        *(Reading.report, Reading.reports, app.Analyses.analyze, worker.analyse),
    ]
    names = {f"{function.__module__}.{function.__qualname__}" for function in functions}
    assert set(HANDLERS) == names | {"ai_core_stub.analysis.analyse"}


@pytest.mark.parametrize(
    ("line", "route"),
    [
        ("run (asyncio/x.py:1);Accounts.login (sut/accounts.py:63);hash (argon2/x.py:1) 1", "POST /login"),
        ("Reading.report (/srv/app/sut/reading.py:27) 1", "GET /report/{id}"),
        ("fit (sklearn/ensemble/_forest.py:1) 1", "POST /analyze"),
        ("mine (my_ai/explain.py:1);TreeExplainer.shap_values (shap/explainers/_tree.py:9) 1", "POST /analyze"),
        ("login (/srv/routes/login.js:3) 1", ""),
        ("sklearn_like (app/sklearn_like.py:1) 1", ""),
    ],
)
def test_a_stack_works_for_a_route_only_where_that_can_be_known(line: str, route: str) -> None:
    (stack,) = stacks(line)
    assert route_of(stack) == route


LOAD = LoadMeanwhile(
    seconds=10.0,
    requests=100,
    extra_polls=3,
    cells=(
        ("GET /report/{id}", "upload_analyze", 63),
        ("POST /analyze", "explain_heavy", 30),
        ("POST /analyze", "x", 10),
    ),
)


def test_time_of_a_route_is_shared_by_its_requests_and_their_scenarios_are_named() -> None:
    found = route_times(recorded("ai_core"), LOAD, seconds_per_sample=0.04)
    (route,) = found
    assert (route.route, route.samples, route.share, route.requests) == (
        "POST /analyze",
        45,
        pytest.approx(45 / 49),
        40,
    )
    assert route.cpu_s_per_request == pytest.approx(45 * 0.04 / 40)
    assert route.scenarios == (("explain_heavy", 0.75), ("x", 0.25))
    assert samples_per_call(found) == 45 / 40


def test_a_route_without_requests_has_no_time_for_each() -> None:
    nothing = LoadMeanwhile(seconds=1.0, requests=0, extra_polls=0)
    (route,) = route_times(recorded("ai_core"), nothing, seconds_per_sample=0.04)
    assert (route.cpu_s_per_request, route.scenarios, nothing.rate_per_s) == (None, (), 0.0)


# ------------------------------------------------------------------------------------------------------ load and place


def test_requests_count_by_their_ends_and_further_polls_by_themselves(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples = [run.request(at) for at in (9.9, 10.0, 15.0, 20.0, 20.1)]
    run.samples += [run.request(15.0, extra_poll=True, route="GET /report/{id}", scenario="upload_analyze")]
    found = load_within(read_samples(run.evidence().samples), START + 10, START + 20)
    assert (found.requests, found.extra_polls, found.rate_per_s) == (3, 1, 0.3)
    assert found.cells == (("GET /report/{id}", "upload_analyze", 1), ("POST /login", "auth_dashboard", 3))
    assert found.scenarios() == (("auth_dashboard", 0.75), ("upload_analyze", 0.25))


def a_window(phase: str, step: int, began: float, ended: float) -> Window:
    return Window(
        phase=phase,
        kind=PhaseKind.STRESS,
        step=step,
        started_at=START + began,
        ended_at=START + ended,
        planned_rate_per_s=1.0,
        achieved_rate_per_s=1.0,
        k6_exit_code=0,
    )


WINDOWS = (a_window("stress", 1, 0, 20), a_window("stress", 2, 22, 42))


@pytest.mark.parametrize(
    ("stretch", "noted", "place"),
    [
        ((5, 10), {}, ("stress", "stress-01")),
        ((15, 30), {}, ("stress", "stress-02")),
        ((43, 50), {}, ("", "")),
        ((43, 50), {"phase": "soak"}, ("soak", "soak")),
        ((5, 10), {"phase": "stress", "drive": "stress-09"}, ("stress", "stress-09")),
    ],
)
def test_a_profile_is_of_the_step_that_it_was_noted_with_or_that_it_lies_in(
    stretch: tuple[float, float], noted: dict[str, str], place: tuple[str, str]
) -> None:
    assert place_of(a_cpu_profile("x", begin_s=stretch[0], end_s=stretch[1], **noted), WINDOWS) == place


# ------------------------------------------------------------------------------------------------------------ summaries


def test_a_cpu_profile_knows_its_phase_its_load_and_its_routes(tmp_path: Path) -> None:
    run = ARun(tmp_path)
    run.samples = [run.request(10 + n / 10, route="POST /analyze", scenario="upload_analyze") for n in range(100)]
    found = summary(run, AI_CORE)
    assert (found.phase, found.drive, found.load.requests, found.why) == ("sustain", "sustain", 100, "")
    (route,) = found.routes
    assert route.cpu_s_per_request == pytest.approx(2.74 * 45 / 49 / 100), "what the kernel counted, over the samples"
    assert shown.in_words(found) == (
        "92 % of ai_core CPU in ai_core_stub.worker.analyse, 63 % in ai_core_stub.fitting.fit, "
        "49 % in sklearn.ensemble.gradient_boosting.BaseHistGradientBoosting.fit; "
        "alone most in code without a name in libgomp (12 %)"
    )


@pytest.mark.parametrize(
    ("content", "why"), [(None, "gone.folded cannot be read: No such file"), ("f (a.py:1)\n", "has no count")]
)
def test_a_profile_whose_stacks_are_gone_or_damaged_says_so_and_keeps_the_rest(
    content: str | None, why: str, tmp_path: Path
) -> None:
    run = ARun(tmp_path)
    (tmp_path / "profiles").mkdir()
    if content is not None:
        (tmp_path / "profiles" / "gone.folded").write_text(content)
    found = summary(run, replace(AI_CORE, files=(("folded", "gone.folded"),)))
    assert why in found.why
    assert (found.by_own, found.samples) == ((), 83)
    assert shown.in_words(found) == found.why


def test_a_heap_names_the_places_that_hold_most_by_their_package(tmp_path: Path) -> None:
    faults, small = "/srv/app/ai_core_stub/faults.py", "/v/lib/python3.11/site-packages/shap/_tree.py"
    sites = ((faults, 26, 4_000_000), (small, 9, 50_000), (small, 10, 1))
    profile = a_heap_profile(tmp_path / "profiles", "a-heap.json", *sites, begin_s=10, end_s=20)
    found = summary(ARun(tmp_path), profile)
    assert [(each.role, each.site.place, each.site.size_bytes) for each in found.held] == [
        ("service", "ai_core_stub/faults.py:26", 4_000_000),
        ("service", "shap/_tree.py:9", 50_000),
    ]
    assert shown.in_words(found) == "held: 4.00 MB at ai_core_stub/faults.py:26, 0.05 MB at shap/_tree.py:9"


def test_what_node_keeps_is_named_by_function_and_a_snapshot_by_constructor(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    keep = a_frame("keep", "file:///srv/routes/a.js", 4, size=1000, number=2)
    kept = {"head": a_frame("(root)", number=1, children=[keep]), "samples": [{"nodeId": 2}]}
    (folder / "n.heapprofile").write_bytes(orjson.dumps(kept))
    (folder / "n.heapsnapshot").write_bytes(a_snapshot(NODES))
    (folder / "empty.heapsnapshot").write_bytes(b"")
    made = a_heap_profile(folder, "unused.json", begin_s=10, end_s=20)
    profiles = [
        replace(made, files=((kind, name),))
        for kind, name in (
            ("heapprofile", "n.heapprofile"),
            ("heapsnapshot", "n.heapsnapshot"),
            ("heapsnapshot", "empty.heapsnapshot"),
        )
    ]
    allocated, everything, damaged = analyse(evidence(ARun(tmp_path), *profiles)).profiles
    assert [each.site.place for each in allocated.held] == ["routes/a.js:5 (keep)"]
    assert [each.site.place for each in everything.held][:2] == ["Buffer", "(array)"]
    assert "empty.heapsnapshot cannot be read" in damaged.why


def test_a_run_without_profiles_has_no_summaries(tmp_path: Path) -> None:
    assert analyse(ARun(tmp_path).evidence()).profiles == ()


# ------------------------------------------------------------------------------------------------------------ clumping


def test_looks_at_a_thread_that_waits_for_a_cpu_tell_nothing_new() -> None:
    seen = stacks("f (a.py:1) 300")
    nothing = LoadMeanwhile(seconds=10.0, requests=100, extra_polls=0)
    assert waiting_ratio(a_cpu_profile("x", cpu_s=2.0), seen) == 3.0, (
        "two seconds of CPU are good for 100 looks at 50 Hz"
    )
    assert clumping_of(a_cpu_profile("x", cpu_s=2.0), seen, nothing) == 3.0
    assert clumping_of(a_cpu_profile("x", cpu_s=12.0), seen, nothing) == 1.0
    assert clumping_of(a_cpu_profile("x"), seen, nothing) == 1.0, "nobody counted its CPU"


def test_samples_of_one_call_and_of_one_wait_add_up() -> None:
    seen = stacks("analyse (ai_core_stub/worker.py:40) 300")
    load = LoadMeanwhile(seconds=10.0, requests=30, extra_polls=0, cells=(("POST /analyze", "upload_analyze", 30),))
    assert clumping_of(a_cpu_profile("x", cpu_s=2.0), seen, load) == 3.0 + 10.0
