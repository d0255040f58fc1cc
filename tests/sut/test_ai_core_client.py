import asyncio
import io
import threading

import pytest

from service_kit.json_log import JsonLog
from sut.ai_core import AiCoreError, open_ai_core
from sut.reports import Analysis
from tests.sut.scripted_ai_core import DONE, Reply, ScriptedAiCore, an_error

ANALYSIS = Analysis(
    report_id="r",
    analysis_id="an-1",
    request_id="req-1",
    user_id="u",
    dataset_id="d",
    target="y",
    explainer="tree",
    samples=7,
)


def ask(url: str, deadline_s: float = 60) -> dict[str, object]:
    async def story() -> dict[str, object]:
        async with open_ai_core(url, deadline_s=deadline_s, log=JsonLog("backend", io.BytesIO())) as ai_core:
            return await ai_core.analyze(ANALYSIS, "a,y\n1,2\n")

    return asyncio.run(story())


def healthy(url: str) -> bool:
    async def story() -> bool:
        async with open_ai_core(url, deadline_s=1, log=JsonLog("backend", io.BytesIO())) as ai_core:
            return await ai_core.healthy(1.0)

    return asyncio.run(story())


def test_the_question_has_everything_and_the_answer_comes_back(scripted_ai_core: ScriptedAiCore) -> None:
    assert ask(scripted_ai_core.url) == DONE
    assert scripted_ai_core.seen == [
        {
            "analysisId": "an-1",
            "target": "y",
            "explainer": "tree",
            "samples": 7,
            "csv": "a,y\n1,2\n",
            "requestId": "req-1",
        }
    ]


def test_a_full_ai_core_is_asked_until_it_has_room(scripted_ai_core: ScriptedAiCore) -> None:
    scripted_ai_core.replies.extend([an_error(503, "queue_full")] * 3)
    assert ask(scripted_ai_core.url) == DONE
    assert len(scripted_ai_core.seen) == 4


def test_what_it_says_is_wrong_with_the_question_is_not_asked_again(scripted_ai_core: ScriptedAiCore) -> None:
    scripted_ai_core.replies.append(an_error(422, "bad_table", "it has no rows"))
    with pytest.raises(AiCoreError, match="it has no rows") as failed:
        ask(scripted_ai_core.url)
    assert failed.value.kind == "bad_table"
    assert len(scripted_ai_core.seen) == 1


@pytest.mark.parametrize(
    ("otherwise", "kind"), [(an_error(503, "x"), "queue_full"), (Reply(after=threading.Event()), "timeout")]
)
def test_after_the_deadline_the_last_reason_is_told(
    scripted_ai_core: ScriptedAiCore, otherwise: Reply, kind: str
) -> None:
    scripted_ai_core.otherwise = otherwise
    with pytest.raises(AiCoreError) as failed:
        ask(scripted_ai_core.url, deadline_s=0.5)
    assert failed.value.kind == kind


def test_nobody_there_is_unreachable_and_not_healthy() -> None:
    with ScriptedAiCore.serving() as gone:
        assert healthy(gone.url)
    with pytest.raises(AiCoreError) as failed:
        ask(gone.url, deadline_s=0.3)
    assert failed.value.kind == "unreachable"
    assert not healthy(gone.url)
