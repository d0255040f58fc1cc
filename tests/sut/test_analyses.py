"""From POST /analyze to the report: results, refusals and failures, with a real ai_core."""

import pytest

from tests.service_kit.running_service import Running
from tests.sut.user import User, a_table

pytestmark = pytest.mark.e2e


def test_a_tree_analysis_ends_in_a_report_with_figures_that_add_up(user: User) -> None:
    report = user.finished(user.queued(user.dataset(a_table(rows=120))))
    assert report["status"] == "done"
    result = report["result"]
    assert (result["explainer"], result["target"], result["rows"]) == ("tree", "y", 120)
    assert set(result["seconds"]) == {"parse", "fit", "explain", "total"}
    assert result["additivityError"] < 1e-6
    assert result["model"]["metric"] == "r2"
    assert {item["feature"] for item in result["importance"]} == {"x0", "x1", "x2"}
    for row in result["attributions"]:
        assert result["baseValue"] + sum(row["values"]) == pytest.approx(row["margin"], abs=1e-6)


def test_the_slow_path_is_named_and_adds_up_too(user: User) -> None:
    report = user.finished(user.queued(user.dataset(), explainer="kernel", samples=2))
    assert report["result"]["explainer"] == "kernel"
    assert report["result"]["samples"] == 2
    assert report["result"]["additivityError"] < 1e-6


@pytest.mark.parametrize("explainer", ["tree", "kernel"])
def test_the_same_dataset_gives_the_same_result_for_another_user_too(
    user: User, stranger: User, explainer: str
) -> None:
    results = []
    for somebody in (user, user, stranger):
        report = somebody.finished(somebody.queued(somebody.dataset(), explainer=explainer, samples=3))
        results.append({k: v for k, v in report["result"].items() if k not in ("seconds", "analysisId")})
    assert results[0] == results[1] == results[2]


def test_the_answer_tells_two_ids_and_that_it_waits(user: User) -> None:
    answer = user.analyze(user.dataset()).json()
    assert answer["status"] == "queued"
    assert user.finished(answer["reportId"])["analysisId"] == answer["analysisId"] != answer["reportId"]


def test_a_report_says_in_order_when_it_was_asked_for_begun_and_finished(user: User) -> None:
    report = user.finished(user.queued(user.dataset()))
    assert report["createdAt"] <= report["startedAt"] <= report["finishedAt"]


TEXT_LAST = "a,b,place\n" + "".join(f"{i},{i % 3},town\n" for i in range(12))
CONSTANT = "a,b\n" + "".join(f"{i},7\n" for i in range(12))
EMPTY = "a,b\n" + "".join(f"{i},{i or ''}\n" for i in range(12))
LONELY = "place,b\n" + "".join(f"town,{i}\n" for i in range(12))


@pytest.mark.parametrize(
    ("table", "fields", "says"),
    [
        (TEXT_LAST, {}, "the target 'place' is not numeric"),
        (TEXT_LAST, {"target": "nowhere"}, "there is no column 'nowhere'"),
        (TEXT_LAST, {"target": ""}, "there is no column ''"),
        (CONSTANT, {}, "the target 'b' is the same in every row"),
        (EMPTY, {}, "the target 'b' has empty cells"),
        (LONELY, {}, "no numeric column is left beside the target 'b'"),
        (CONSTANT, {"explainer": "linear"}, "explainer"),
        (CONSTANT, {"samples": 0}, "samples"),
        (CONSTANT, {"samples": 1001}, "samples"),
        (CONSTANT, {"sample": 3}, "sample"),
    ],
)
def test_what_can_come_to_nothing_is_refused_before_it_is_queued(
    user: User, table: str, fields: dict[str, object], says: str
) -> None:
    answer = user.analyze(user.dataset(table.encode()), **fields)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert user.get(f"/reports/{user.user_id}").json()["reports"] == []


def test_text_columns_are_kept_but_not_learned_from(user: User) -> None:
    report = user.finished(user.queued(user.dataset(TEXT_LAST.encode()), target="a"))
    assert report["result"]["features"] == ["b"]


def test_a_dataset_of_nobody_or_of_another_user_cannot_be_analyzed(user: User, stranger: User) -> None:
    for dataset_id in ("0" * 32, "nonsense", user.dataset()):
        answer = stranger.analyze(dataset_id)
        assert answer.status_code == 404
        assert answer.json() == {"detail": "there is no such dataset"}


def test_reads_stay_possible_while_the_slow_path_computes(user: User, backend: Running) -> None:
    rows = a_table(rows=300, features=12)
    report_id = user.queued(user.dataset(rows), explainer="kernel", samples=300)
    reads = 0
    while user.report(report_id)["status"] != "done":
        assert user.client.get("/healthz").status_code == 200
        reads += 1
    # the analysis takes seconds; a blocked event loop would have answered a handful of times at most
    assert reads > 20
    assert backend.metric('http_requests_total{method="GET",route="/healthz",status="200"}') > 20
