"""What V8 gives as trees, as folded stacks: one stack a line, frames by `;`, then how much of it there was. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

Stacks = Counter[str]
"""Frames from the outermost to the innermost, joined by `;`, and their weight."""

_ROOT = "(root)"


def cpu_stacks(profile: Mapping[str, Any]) -> Stacks:
    """Give the samples of each stack of a CPU profile (`Profiler.stop`).

    `(idle)`, `(program)` (native code that V8 does not know) and `(garbage collector)` are stacks of one frame.
    """
    nodes = {node["id"]: node for node in profile["nodes"]}
    above = {child: node["id"] for node in profile["nodes"] for child in node.get("children", ())}
    stacks: Stacks = Counter()
    for found, count in Counter(profile.get("samples", ())).items():
        frames, each = [], found
        while each is not None:
            frames.append(frame(nodes[each]["callFrame"]))
            each = above.get(each)
        stacks[_joined(frames[::-1])] += count
    return stacks


def lost_samples(profile: Mapping[str, Any], *, interval_us: int) -> int:
    """How many samples fewer there are than the profile is long: V8 was not given the CPU in time to take them."""
    due: int = round((profile["endTime"] - profile["startTime"]) / interval_us)
    return max(0, due - len(profile.get("samples", ())))


def heap_stacks(profile: Mapping[str, Any]) -> Stacks:
    """Give the bytes that each stack has allocated and that still live (`HeapProfiler.stopSampling`)."""
    stacks: Stacks = Counter()
    for path, node in _walk(profile["head"]):
        if node["selfSize"]:
            stacks[_joined(path)] += round(node["selfSize"])
    return stacks


def _walk(head: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    waiting: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [((), head)]
    while waiting:
        path, node = waiting.pop()
        own = (*path, frame(node["callFrame"]))
        yield own, node
        waiting += [(own, child) for child in node["children"]]


def frame(call: Mapping[str, Any]) -> str:
    """Give a frame as `function (file:line)`, the line being where the function begins; V8's own have a name alone."""
    name = call["functionName"] or "(anonymous)"
    where = _file(call["url"])
    # V8 counts lines from 0
    text = f"{name} ({where}:{call['lineNumber'] + 1})" if where else name
    return " ".join(text.replace(";", ":").split())


def _file(url: str) -> str:
    return unquote(urlsplit(url).path) if url.startswith("file://") else url


def _joined(frames: list[str] | tuple[str, ...]) -> str:
    return ";".join(frames[1:] if len(frames) > 1 and frames[0] == _ROOT else frames)


def folded(stacks: Stacks, *, below: str = "") -> str:
    """Give stacks as text in a stable order, all of them below one more frame where one is named."""
    first = f"{below};" if below else ""
    return "".join(f"{first}{stack} {weight}\n" for stack, weight in sorted(stacks.items()) if weight)
