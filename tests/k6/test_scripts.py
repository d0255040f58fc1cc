"""Every script by hand, with the real k6 against a backend that keeps up: names, tags, ids, checks and metrics."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.k6.backend_process import Backend, running_backend
from tests.k6.by_hand import SCENARIOS, SCRIPTS, Run, k6

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]

JOURNEYS = [name for name in SCENARIOS if name != "mixed"]
JOURNEY = re.compile(r"t-(?P<phase>[a-z]+)-(?P<scenario>[a-z_]+)-(?P<iteration>\d+)-(?P<n>\d+)")


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backend, dict[str, Run]]]:
    """A run of each script, one after the other against one backend, each in a phase of its own name."""
    folder = tmp_path_factory.mktemp("scripts")
    with running_backend(folder) as backend:
        runs = {
            name: k6(name, backend, folder, RATE=40, POLL_INTERVAL=0.05, PHASE=name.replace("_", ""))
            for name in SCENARIOS
        }
        yield backend, runs


Observed = tuple[Backend, dict[str, Run]]


def template(request: dict[str, str]) -> str:
    path = urlsplit(request["path"]).path
    path = re.sub(r"^/report/.+", "/report/{id}", re.sub(r"^/reports/.+", "/reports/{userId}", path))
    return f"{request['method']} {path}"


def epoch_s(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_system_that_keeps_up_completes_every_journey_and_fails_no_check(observed: Observed, name: str) -> None:
    run = observed[1][name]
    assert run.exit_code == 0, run.output
    assert run.total("journeys", outcome="completed") == run.total("journeys") == run.total("iterations") > 0
    assert [p["tags"]["check"] for p in run.of("checks") if p["value"] != 1] == []
    assert run.total("analyses", outcome="done") == run.total("analyses")


@pytest.mark.parametrize("name", JOURNEYS)
def test_requests_go_by_the_route_templates_and_the_count_that_scenarios_json_states(
    observed: Observed, name: str
) -> None:
    run, stated = observed[1][name], SCENARIOS[name]
    requests = run.of("http_req_duration")
    assert {p["tags"]["name"] for p in requests} == set(stated["routes"])
    first_polls = [p for p in requests if p["tags"].get("poll") != "extra"]
    assert len(first_polls) == stated["requests_per_journey"] * run.total("iterations")


def test_every_request_carries_the_id_that_the_backend_saw_also_the_concurrent_ones(observed: Observed) -> None:
    backend, runs = observed
    sent = [
        (p["tags"]["name"], p["metadata"]["request_id"]) for run in runs.values() for p in run.of("http_req_duration")
    ]
    seen = [(template(r), r["request_id"]) for r in backend.seen() if "-setup-" not in r["request_id"]]
    assert sorted(sent) == sorted(seen)
    assert len(set(seen)) == len(seen)
    assert [request_id for _, request_id in seen if not JOURNEY.fullmatch(request_id)] == []


def test_every_sample_of_a_request_carries_one_id(observed: Observed) -> None:
    run = observed[1]["report_retrieval"]
    parts = ("http_reqs", "http_req_duration", "http_req_waiting", "http_req_failed")
    ids = [sorted(p["metadata"]["request_id"] for p in run.of(part)) for part in parts]
    assert all(some == ids[0] for some in ids)


def test_samples_carry_the_tags_that_are_read_and_no_others(observed: Observed) -> None:
    always = {"group", "load", "method", "name", "scenario", "status"}
    for name, run in observed[1].items():
        for p in run.of("http_req_duration"):
            assert set(p["tags"]) - {"poll", "error_code"} == always
            assert p["tags"]["load"] == "journeys"
            assert p["tags"]["scenario"] in (JOURNEYS if name == "mixed" else [name])


def test_a_mix_starts_its_journeys_in_its_shares(tmp_path: Path, backend: Backend) -> None:
    run = k6("mixed", backend, tmp_path, RATE=60, DURATION=3, POLL_INTERVAL=0.05)
    shares = SCENARIOS["mixed"]["mix"]
    per_journey = sum(share * SCENARIOS[name]["requests_per_journey"] for name, share in shares.items())
    started = Counter(p["tags"]["scenario"] for p in run.of("iteration_duration"))
    for name, share in shares.items():
        assert abs(started[name] - 3 * 60 / per_journey * share) <= 1, started


def test_journeys_that_cost_a_hash_are_one_in_ten(observed: Observed) -> None:
    run = observed[1]["auth_dashboard"]
    registered = [p for p in run.of("http_req_duration") if p["tags"]["name"] == "POST /register"]
    iterations = {int(JOURNEY.fullmatch(p["metadata"]["request_id"])["iteration"]) for p in registered}  # type: ignore[index]
    assert iterations == set(range(0, int(run.total("iterations")), 10))


def test_each_scenario_says_once_when_its_load_began_before_any_request_of_it(observed: Observed) -> None:
    run = observed[1]["mixed"]
    began = {p["tags"]["scenario"]: p["value"] / 1000 for p in run.of("scenario_started")}
    assert len(run.of("scenario_started")) == len(began) == len(JOURNEYS)
    assert max(began.values()) - min(began.values()) < 0.5


def test_what_the_scripts_measure_of_an_analysis_covers_what_ai_core_says_of_it(observed: Observed) -> None:
    run = observed[1]["upload_analyze"]
    done = run.total("analyses", outcome="done", explainer="tree")
    assert len(run.of("analysis_duration")) == len(run.of("upload_to_report")) == done
    parts = Counter(p["tags"]["part"] for p in run.of("ai_core_analyze"))
    assert parts == dict.fromkeys(("parse", "fit", "explain", "total"), done)
    assert {p["value"] for p in run.of("ai_core_analyze") if p["tags"]["part"] == "total"} == {31}
    assert min(p["value"] for p in run.of("analysis_duration")) >= 50  # one poll interval


@pytest.mark.parametrize("name", SCENARIOS)
def test_k6s_own_summary_counts_the_journeys_requests_and_nothing_of_setup(observed: Observed, name: str) -> None:
    run = observed[1][name]
    assert run.figures["requests"] == len(run.of("http_req_duration"))
    assert run.figures["iterations"] == run.total("iterations")
    assert len([p for p in run.points if p["metric"] == "http_req_duration"]) > run.figures["requests"]


def test_setup_uses_what_an_earlier_run_left(tmp_path: Path, backend: Backend) -> None:
    def setup_requests() -> list[str]:
        return [template(r) for r in backend.seen() if r["request_id"].startswith("t-second-setup-")]

    k6("report_retrieval", backend, tmp_path, PHASE="first")
    k6("report_retrieval", backend, tmp_path, PHASE="second")
    assert Counter(setup_requests()) == {"POST /register": 4, "POST /login": 4, "GET /reports/{userId}": 4}


def test_a_ramp_starts_slow_and_ends_fast(tmp_path: Path, backend: Backend) -> None:
    run = k6("auth_dashboard", backend, tmp_path, START_RATE=0, RATE=80, DURATION=4)
    assert run.exit_code == 0, run.output
    assert abs(run.total("iterations") - 4 * 80 / 2 / 2) <= 2  # a mean of 40 requests per second, 2 per journey
    began = run.of("scenario_started")[0]["value"] / 1000
    starts = [epoch_s(p["time"]) - p["value"] / 1000 - began for p in run.of("iteration_duration")]
    assert len([s for s in starts if s < 2]) < len(starts) / 2  # a quarter, with room for a slow machine


def test_stages_jump_and_each_journey_says_how_late_it_began(tmp_path: Path, backend: Backend) -> None:
    stages = "2:10:10,2:80:80,2:10:10"  # requests per second, of journeys of two
    run = k6("auth_dashboard", backend, tmp_path, STAGES=stages, DURATION=6)
    begun = sorted(epoch_s(point["time"]) - point["value"] / 1000 for point in run.of("iteration_duration"))
    (started,) = [point["value"] / 1000 for point in run.of("scenario_started")]
    counts = [sum(low <= moment - started < low + 2 for moment in begun) for low in (0, 2, 4)]
    assert counts == [pytest.approx(10, abs=3), pytest.approx(80, abs=6), pytest.approx(10, abs=4)]
    delays = [point["value"] for point in run.of("start_delay")]
    assert len(delays) == len(begun)
    assert min(delays) >= 0
    assert sorted(delays)[len(delays) // 2] < 500  # milliseconds; a plan that is off would be off by seconds
    firsts = {point["metadata"]["request_id"] for point in run.of("start_delay")}
    sent = {seen["request_id"] for seen in backend.seen()}
    assert firsts == {request_id for request_id in sent if request_id.endswith("-1") and "setup" not in request_id}


@pytest.mark.parametrize("name", ["upload_analyze", "explain_heavy", "report_retrieval"])
def test_sessions_are_renewed_before_they_expire_and_that_counts_nowhere(
    tmp_path: Path, backend: Backend, name: str
) -> None:
    backend.commit(token_lifetime_s=4)
    run = k6(name, backend, tmp_path, RATE=20, DURATION=9, POLL_INTERVAL=0.05)
    assert run.exit_code == 0, run.output
    assert {point["tags"]["status"] for point in run.of("http_reqs")} <= {"200", "201", "202"}
    assert "POST /login (setup)" not in {point["tags"]["name"] for point in run.of("http_reqs")}
    assert run.total("journeys", outcome="failed") == 0
    renewals = [seen for seen in backend.seen() if "-session-" in seen["request_id"]]
    assert {seen["path"] for seen in renewals} == {"/login"}
    assert len(renewals) >= 4
    assert run.figures["requests"] == len(run.of("http_reqs"))


def test_without_a_file_for_it_k6_prints_its_usual_summary(tmp_path: Path, backend: Backend) -> None:
    run = k6("auth_dashboard", backend, tmp_path, SUMMARY="")
    assert "http_req_duration" in run.output
    assert run.figures == {}


def test_no_script_names_a_host_other_than_this_machine() -> None:
    for path in SCRIPTS.rglob("*.js"):
        hosts = set(re.findall(r"https?://([^/:'`$]+)", path.read_text(encoding="utf-8")))
        assert hosts <= {"127.0.0.1"}, path.name
