"""The functions of a profile that are worth naming, and for which route each of them worked."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from lab.analysis.served_routes import route_of
from lab.analysis.stacks import summarise
from lab.model import Frame, FrameKind, HotCode, HotFrame, LoadMeanwhile, RouteTime, Stack, StackSummary

NAMED = 8
"""How many functions are named, of each order."""

_HANDED_ON = 0.9
_ONE_ROUTE = 0.9
_CARRIERS = re.compile(
    r"(asyncio|concurrent\.futures|threading|multiprocessing|runpy|selectors|uvicorn|starlette|fastapi|anyio|uvloop)\."
    r"|the top level of |service_kit\.|(\w+\.)?__main__\."
)
"""Code that only carries a program (event loops, servers, pools of processes): all of its time is in what it calls."""


HotCodes = tuple[HotCode, ...]


def hot_code(stacks: Sequence[Stack]) -> tuple[HotCodes, HotCodes, StackSummary]:
    """Give the functions with most time of their own, those with most in all, and the summary that they come from."""
    summary = summarise(stacks, hottest=len({frame.words for stack in stacks for frame in stack.frames}) or 1)
    telling = _telling([stack for stack in stacks if not stack.idle])
    served = _served(stacks)
    own = summary.by_own[:NAMED]
    total = [frame for frame in summary.by_total if frame.words in telling][:NAMED]
    return tuple(_hot(frame, served) for frame in own), tuple(_hot(frame, served) for frame in total), summary


def _telling(stacks: Sequence[Stack]) -> set[str]:
    """Give the functions that say most with what they call.

    Left out are carriers, native code (it stands with what is hot alone), and functions without a name of their own.
    Of a chain in one package whose links hand on nearly all of their time the outermost is kept, as what others call;
    of what is left and still hands on nearly all, the innermost: what calls shap says less than what it calls in it.
    """
    paths = [([frame.words for frame in stack.frames if _is_named(frame)], stack.count) for stack in stacks]
    handed = _handed_on(paths)
    inner = {called for caller, called in handed if _package(caller) == _package(called)}
    kept = [([words for words in path if words not in inner], count) for path, count in paths]
    outer = {caller for caller, _ in _handed_on(kept)}
    return {words for path, _ in kept for words in path} - outer


def _is_named(frame: Frame) -> bool:
    is_code = frame.kind in (FrameKind.PYTHON, FrameKind.JAVASCRIPT)
    return is_code and "<" not in frame.words and not _CARRIERS.match(frame.words)


def _package(words: str) -> str:
    """Give the package of a Python function, or the file of a JavaScript one."""
    name, _, file = words.partition(" in ")
    return file or name.split(".", 1)[0]


def _handed_on(paths: Iterable[tuple[Sequence[str], int]]) -> set[tuple[str, str]]:
    """Give callers with the one function that nearly all of their time is in."""
    totals: Counter[str] = Counter()
    edges: Counter[tuple[str, str]] = Counter()
    for path, count in paths:
        totals.update(dict.fromkeys(path, count))
        edges.update(dict.fromkeys(itertools.pairwise(path), count))
    return {
        (caller, called)
        for (caller, called), count in edges.items()
        if caller != called and count >= _HANDED_ON * totals[caller]
    }


def _served(stacks: Iterable[Stack]) -> dict[str, Counter[str]]:
    served: dict[str, Counter[str]] = {}
    for stack in stacks:
        if stack.idle:
            continue
        route = route_of(stack)
        for words in {frame.words for frame in stack.frames}:
            served.setdefault(words, Counter())[route] += stack.count
    return served


def _hot(frame: HotFrame, served: dict[str, Counter[str]]) -> HotCode:
    ((route, samples),) = served[frame.words].most_common(1)
    return HotCode(frame=frame, route=route if samples >= _ONE_ROUTE * frame.total else "")


def route_times(
    stacks: Iterable[Stack], load: LoadMeanwhile, *, seconds_per_sample: float | None
) -> tuple[RouteTime, ...]:
    """Give the samples of each route that shows on stacks, most first; what shows none is left out."""
    counts: Counter[str] = Counter()
    for stack in stacks:
        if not stack.idle:
            counts[route_of(stack)] += stack.count
    total = counts.total()
    ordered = sorted(((route, n) for route, n in counts.items() if route), key=lambda item: (-item[1], item[0]))
    return tuple(
        RouteTime(
            route=route,
            samples=samples,
            share=samples / total,
            requests=(requests := load.of_route(route)),
            cpu_s_per_request=samples * seconds_per_sample / requests if seconds_per_sample and requests else None,
            scenarios=load.scenarios(route),
        )
        for route, samples in ordered
    )


def active_samples(stacks: Iterable[Stack]) -> int:
    """Count the samples that were not idle."""
    return sum(stack.count for stack in stacks if not stack.idle)


def samples_per_call(routes: Iterable[RouteTime]) -> float:
    """How many samples one request of a route gives at most: those of one call are not independent of one another."""
    return max((route.samples / max(1, route.requests) for route in routes), default=0.0)
