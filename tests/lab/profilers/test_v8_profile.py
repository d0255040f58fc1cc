"""Folded stacks from the trees that V8 gives."""

from typing import Any

from lab.profilers import v8_profile


def call(name: str, url: str = "", line: int = -1) -> dict[str, Any]:
    return {"functionName": name, "scriptId": "1", "url": url, "lineNumber": line, "columnNumber": 0}


CPU = {
    "nodes": [
        {"id": 1, "callFrame": call("(root)"), "children": [2, 3, 5]},
        {"id": 2, "callFrame": call("(idle)")},
        {"id": 3, "callFrame": call("serve", "file:///srv/my%20app/api.mjs", 9), "children": [4]},
        {"id": 4, "callFrame": call("", "node:internal/fs;x", 0)},
        {"id": 5, "callFrame": call("(garbage collector)")},
    ],
    "samples": [2, 2, 2, 4, 4, 3, 5],
    "startTime": 1_000_000,
    "endTime": 1_010_000,
}


def test_samples_are_folded_by_stack_with_idle_and_garbage_as_frames_of_their_own() -> None:
    assert v8_profile.folded(v8_profile.cpu_stacks(CPU)) == (
        "(garbage collector) 1\n"
        "(idle) 3\n"
        "serve (/srv/my app/api.mjs:10) 1\n"
        "serve (/srv/my app/api.mjs:10);(anonymous) (node:internal/fs:x:1) 2\n"
    )


def test_stacks_of_one_of_several_processes_begin_with_its_name() -> None:
    text = v8_profile.folded(v8_profile.cpu_stacks(CPU), below="node (pid 7)")
    assert all(line.startswith("node (pid 7);") for line in text.splitlines())


def test_a_sample_that_is_due_and_not_there_is_lost() -> None:
    assert v8_profile.lost_samples(CPU, interval_us=1000) == 3
    assert v8_profile.lost_samples(CPU, interval_us=5000) == 0


def test_bytes_are_folded_by_stack_and_what_holds_none_is_left_out() -> None:
    head = {
        "callFrame": call("(root)"),
        "selfSize": 0,
        "children": [
            {
                "callFrame": call("keep", "file:///a.js", 0),
                "selfSize": 100,
                "children": [{"callFrame": call("push"), "selfSize": 24.4, "children": []}],
            },
            {"callFrame": call("(V8 API)"), "selfSize": 0, "children": []},
        ],
    }
    assert v8_profile.folded(v8_profile.heap_stacks({"head": head})) == "keep (/a.js:1) 100\nkeep (/a.js:1);push 24\n"


def test_a_tree_as_deep_as_v8_gives_it_is_folded_without_recursion() -> None:
    node: dict[str, Any] = {"callFrame": call("leaf"), "selfSize": 8, "children": []}
    for _ in range(5000):
        node = {"callFrame": call("f"), "selfSize": 0, "children": [node]}
    (stack,) = v8_profile.heap_stacks({"head": node})
    assert stack.count(";") == 5000
