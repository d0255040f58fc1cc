"""V8's heap snapshots by constructor."""

from typing import Any

import orjson
import pytest

from lab.analysis.v8_heap import constructors, kept_allocations
from lab.errors import LabError

META = {
    "node_fields": ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"],
    "node_types": [["hidden", "array", "string", "object", "code", "closure", "native"], "string", "number"],
}
NAMES = ["", 'tricky "nodes":[ ] \n"edges":[', "Session", "Buffer"]
NODES = [
    [3, 2, 1, 40, 0, 0, 0],
    [3, 2, 3, 40, 0, 0, 0],
    [6, 3, 5, 1000, 0, 0, 0],
    [1, 2, 7, 300, 0, 0, 0],
    [1, 1, 9, 200, 0, 0, 0],
    [2, 1, 11, 7, 0, 0, 0],
    [5, 1, 13, 8, 0, 0, 0],
]


def a_snapshot(nodes: list[list[int]], *, node_count: int | None = None) -> bytes:
    """As V8 writes one: each part at the begin of a line."""
    head: dict[str, Any] = {"meta": META, "node_count": len(nodes) if node_count is None else node_count}
    numbers = b"\n,".join(orjson.dumps(node)[1:-1] for node in nodes)
    strings = b",\n".join(orjson.dumps(name) for name in NAMES)
    return (
        b'{"snapshot":' + orjson.dumps(head) + b',\n"nodes":[' + numbers + b'],\n"edges":[1,2,3],\n"locations":[],\n'
        b'"strings":[' + strings + b"]}"
    )


def test_objects_are_summed_by_constructor_and_the_rest_by_what_it_is() -> None:
    found = [(site.name, site.size_bytes, site.count) for site in constructors(a_snapshot(NODES))]
    assert found == [
        ("Buffer", 1000, 1),
        ("(array)", 500, 2),
        ("Session", 80, 2),
        ("Function", 8, 1),
        ("(string)", 7, 1),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        a_snapshot(NODES)[:-40],
        a_snapshot(NODES, node_count=99),
        a_snapshot(NODES).replace(b"1000", b"1x00"),
        a_snapshot([*NODES, [1, 2]]),
    ],
    ids=["empty", "other JSON", "cut off", "too few nodes", "no number", "a node cut off"],
)
def test_what_is_no_whole_snapshot_is_refused(content: bytes) -> None:
    with pytest.raises(LabError, match="take it again"):
        constructors(content)


def a_frame(name: str, url: str = "", line: int = -1, *, size: float = 0, number: int = 0, children: Any = ()) -> Any:
    call = {"functionName": name, "url": url, "lineNumber": line, "columnNumber": 0, "scriptId": "1"}
    return {"callFrame": call, "selfSize": size, "id": number, "children": list(children)}


def test_what_a_built_in_allocates_counts_for_the_function_that_called_it() -> None:
    push = a_frame("push", size=900, number=3)
    keep = a_frame("keep", "file:///srv/a%20b.js", 4, size=100, number=2, children=[push])
    head = a_frame("(root)", number=1, children=[keep, a_frame("(V8 API)", size=50, number=4)])
    profile = {"head": head, "samples": [{"nodeId": 2}, {"nodeId": 3}, {"nodeId": 3}, {"nodeId": 4}]}
    found = kept_allocations(orjson.dumps(profile))
    assert [(site.name, site.file, site.line, site.size_bytes, site.count) for site in found] == [
        ("keep", "/srv/a b.js", 5, 1000, 3),
        ("(V8)", "", 0, 50, 1),
    ]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"head": {}}', b'{"head": {}, "samples": []}'])
def test_what_is_no_heap_profile_is_refused(content: bytes) -> None:
    with pytest.raises(LabError, match="take it again"):
        kept_allocations(content)
