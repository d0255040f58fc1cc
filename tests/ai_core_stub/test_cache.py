from dataclasses import replace

import pytest

from ai_core_stub.cache import Cache
from ai_core_stub.jobs import Done, Job, Recipe

RECIPE = Recipe(seed=1, trees=1, samples={}, kernel_background=1, kernel_evaluations=1, attribution_rows=1)
JOB = Job(csv="a,y\n", target="y", explainer="tree", samples=1, recipe=RECIPE)


def done(name: str) -> Done:
    return Done(result={"name": name}, seconds={})


def test_a_size_of_0_remembers_nothing() -> None:
    cache = Cache(0)
    cache.put(JOB, done("first"))
    assert cache.get(JOB) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(JOB, csv="b,y\n"),
        replace(JOB, target="a"),
        replace(JOB, explainer="kernel"),
        replace(JOB, samples=2),
        replace(JOB, recipe=replace(RECIPE, seed=2)),
    ],
)
def test_only_the_very_same_job_is_remembered(other: Job) -> None:
    cache = Cache(5)
    cache.put(JOB, done("first"))
    assert cache.get(replace(JOB)) == done("first")
    assert cache.get(other) is None


def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    cache, jobs = Cache(2), [replace(JOB, samples=n) for n in (1, 2, 3)]
    cache.put(jobs[0], done("0"))
    cache.put(jobs[1], done("1"))
    cache.get(jobs[0])
    cache.put(jobs[2], done("2"))
    assert [cache.get(job) is not None for job in jobs] == [True, False, True]
