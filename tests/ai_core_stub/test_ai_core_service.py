"""ai_core over HTTP: answers, refusals, metrics."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lab import processes
from tests.ai_core_stub.a_table import a_csv
from tests.ai_core_stub.conftest import StartAiCore
from tests.service_kit.running_service import Running

pytestmark = pytest.mark.e2e

SLOW = {"csv": a_csv(rows=300, features=12), "explainer": "kernel", "samples": 300}


def ask(ai_core: Running, **fields: Any) -> httpx.Response:
    body = {"analysisId": "an-1", "target": "y", "csv": a_csv(), **fields}
    return httpx.post(f"{ai_core.url}/analyze", json=body, timeout=60)


def without_times(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.json().items() if name not in ("seconds", "cached")}


def test_an_answer_has_everything_that_the_contract_names(ai_core: Running) -> None:
    answer = ask(ai_core).json()
    assert answer["analysisId"] == "an-1"
    assert (answer["explainer"], answer["samples"]) == ("tree", 50)
    assert answer["model"]["kind"] == "HistGradientBoostingRegressor"
    assert len(answer["importance"]) == 4
    assert len(answer["attributions"]) == 10
    assert answer["additivityError"] < 1e-6
    seconds = answer["seconds"]
    assert seconds["total"] >= seconds["parse"] + seconds["fit"] + seconds["explain"] - 1e-5


@pytest.mark.parametrize("explainer", ["tree", "kernel"])
def test_whichever_worker_answers_the_answer_is_the_same(ai_core: Running, explainer: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: without_times(ask(ai_core, explainer=explainer)), range(6)))
    assert all(answer == answers[0] for answer in answers)


def test_a_new_process_gives_the_same_answer_and_another_seed_another_one(
    ai_core: Running, start_ai_core: StartAiCore
) -> None:
    one_worker = {"AI_CORE_WORKERS": "1"}
    expected = without_times(ask(ai_core))
    assert without_times(ask(start_ai_core(**one_worker))) == expected
    assert without_times(ask(start_ai_core(**one_worker, AI_CORE_SEED="15"))) != expected


@pytest.mark.parametrize(
    ("fields", "kind", "says"),
    [
        ({"csv": ""}, "bad_table", "there is nothing in it"),
        ({"target": "nothing"}, "bad_table", "there is no column 'nothing'"),
        ({"explainer": "linear"}, "bad_request", "explainer"),
        ({"samples": 0}, "bad_request", "samples"),
        ({"analysisId": "a b"}, "bad_request", "analysisId"),
        ({"more": 1}, "bad_request", "more"),
    ],
)
def test_what_cannot_be_analysed_is_a_422_with_its_kind_and_a_sentence(
    ai_core: Running, fields: dict[str, object], kind: str, says: str
) -> None:
    sample = f'ai_core_errors_total{{kind="{kind}"}}'
    before = ai_core.metric(sample)
    answer = ask(ai_core, **fields)
    assert answer.status_code == 422
    assert answer.json()["kind"] == kind
    assert says in answer.json()["detail"]
    assert ai_core.metric(sample) == before + 1


def test_a_request_over_the_limit_is_refused(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_BODY_LIMIT_BYTES="4096", AI_CORE_WORKERS="1")
    assert ask(ai_core, csv=a_csv(rows=12)).status_code == 200
    assert ask(ai_core, csv=a_csv(rows=4000)).status_code == 413


def test_a_full_queue_is_a_503_that_says_when_to_come_again(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="1", AI_CORE_QUEUE_LIMIT="1", AI_CORE_RETRY_AFTER_S="3")
    with ThreadPoolExecutor(2) as threads:
        slow = [threads.submit(ask, ai_core, **SLOW) for _ in range(2)]
        assert processes.wait_until(lambda: ai_core.metric("ai_core_queue_depth") == 1, timeout_s=60)
        refused = ask(ai_core)
        assert refused.status_code == 503
        assert refused.json()["kind"] == "queue_full"
        assert refused.headers["Retry-After"] == "3"
        # the event loop is free while a worker computes
        assert httpx.get(f"{ai_core.url}/healthz").status_code == 200
        assert [answer.result().status_code for answer in slow] == [200, 200]
    assert ai_core.metric("ai_core_queue_depth") == 0
    assert ask(ai_core).status_code == 200


def test_an_analysis_that_takes_too_long_is_ended_and_the_next_one_is_not(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="1", AI_CORE_TIMEOUT_S="0.5")
    endless = {**SLOW, "samples": 1000, "csv": a_csv(rows=2000, features=30)}
    answer = ask(ai_core, **endless)
    assert (answer.status_code, answer.json()["kind"]) == (504, "timeout")
    assert processes.wait_until(lambda: ask(ai_core, csv=a_csv(rows=12), samples=1).status_code == 200, timeout_s=60)


def test_with_a_cache_the_same_question_is_answered_from_memory(start_ai_core: StartAiCore) -> None:
    ai_core = start_ai_core(AI_CORE_WORKERS="1", AI_CORE_CACHE_SIZE="2")
    first, again = ask(ai_core), ask(ai_core, analysisId="an-2")
    assert (first.json()["cached"], again.json()["cached"]) == (False, True)
    assert {**without_times(first), "analysisId": "an-2"} == without_times(again)
    assert set(again.json()["seconds"]) == {"total"}
    assert ai_core.metric('ai_core_analyze_seconds_count{explainer="tree",phase="fit"}') == 1
    assert ai_core.metric('ai_core_analyze_seconds_count{explainer="tree",phase="total"}') == 2


def test_every_metric_of_the_contract_is_there(ai_core: Running) -> None:
    ask(ai_core)
    text = httpx.get(f"{ai_core.url}/metrics").text
    found = {family.name: family for family in text_string_to_metric_families(text)}
    phases = {sample.labels.get("phase") for sample in found["ai_core_analyze_seconds"].samples}
    assert phases == {"parse", "fit", "explain", "total"}
    assert found["ai_core_analyze_seconds"].type == "histogram"
    assert found["ai_core_queue_depth"].type == "gauge"
    assert {"http_requests", "http_request_duration_seconds", "http_requests_in_flight", "ai_core_errors"} <= set(found)
    # the CPU time of the workers is the service's own: importing SHAP alone takes a second, the service a tenth of one
    assert found["process_cpu_seconds"].samples[0].value > 0.2
    assert found["process_resident_memory_bytes"].samples[0].value > 200e6


def test_no_cell_of_a_table_is_logged(ai_core: Running) -> None:
    ask(ai_core, csv="a,y\n" + "".join(f"{i},73310{i:02d}\n" for i in range(12)))
    ask(ai_core, csv="a,7331001\n" + "a,b\n" * 3, target="y")
    assert "73310" not in ai_core.log.read_text()
