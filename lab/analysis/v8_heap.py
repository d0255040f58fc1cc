"""What V8's heap snapshots hold, by constructor, and its sampling heap profiles, by function, file and line. Pure.

V8 writes the parts of a snapshot in a fixed order, each at the begin of a line. Only the nodes and their names are
read, since the edges between them are most of a file of hundreds of megabytes.
"""

import mmap
from collections import Counter
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import orjson
from numpy.typing import NDArray

from lab.errors import LabError
from lab.model import AllocationSite

_NAMED = ("object", "native")
_OTHERS = {"closure": "Function", "regexp": "RegExp", "code": "(compiled code)", "hidden": "(system)"}
_NODES, _EDGES, _STRINGS = b'\n"nodes":[', b'],\n"edges":[', b'\n"strings":['


def constructors(snapshot: bytes | mmap.mmap) -> tuple[AllocationSite, ...]:
    """Give what the objects of each constructor take themselves, without what they hold, the largest first.

    Names are those of Chrome: what has no constructor is in brackets, such as `(string)` and `(array)`, the storage
    behind arrays and maps. Raises LabError where it is no whole snapshot.
    """
    begin, end, strings_at = snapshot.find(_NODES), snapshot.find(_EDGES), snapshot.rfind(_STRINGS)
    if not 0 < begin < end < strings_at:
        raise LabError("this is no whole heap snapshot of V8: take it again")
    try:
        head = orjson.loads(snapshot[:begin].rstrip(b",\n") + b"}")["snapshot"]
        strings: list[str] = orjson.loads(b'{"strings":[' + snapshot[strings_at + len(_STRINGS) :])["strings"]
        fields: list[str] = head["meta"]["node_fields"]
        numbers = np.fromstring(snapshot[begin + len(_NODES) : end].decode("ascii"), dtype=np.int64, sep=",")
        nodes = numbers.reshape(head["node_count"], len(fields))
        return _sites(nodes, fields, head["meta"]["node_types"][fields.index("type")], strings)
    except (orjson.JSONDecodeError, ValueError, KeyError, IndexError, TypeError, DeprecationWarning) as error:
        raise LabError(f"this heap snapshot cannot be read: {error}; take it again") from error


def _sites(
    nodes: NDArray[np.int64], fields: list[str], types: list[Any], strings: list[str]
) -> tuple[AllocationSite, ...]:
    kind, name, size = (nodes[:, fields.index(field)] for field in ("type", "name", "self_size"))
    is_named = np.isin(kind, [types.index(each) for each in _NAMED if each in types])
    key = kind * (len(strings) + 1) + np.where(is_named, name, len(strings))
    keys, where, counts = np.unique(key, return_inverse=True, return_counts=True)
    sizes = np.bincount(where, weights=size)
    summed: dict[str, tuple[int, int]] = {}
    for each, of_bytes, count in zip(keys.tolist(), sizes.tolist(), counts.tolist(), strict=True):
        type_index, name_index = divmod(each, len(strings) + 1)
        shown = strings[name_index] if name_index < len(strings) else _shown(types[type_index])
        old_bytes, old_count = summed.get(shown, (0, 0))
        summed[shown] = (old_bytes + int(of_bytes), old_count + count)
    sites = (AllocationSite(name=shown, size_bytes=held, count=count) for shown, (held, count) in summed.items())
    return tuple(sorted(sites, key=lambda site: (-site.size_bytes, site.name)))


def _shown(kind: str) -> str:
    return _OTHERS.get(kind, f"({kind})")


def kept_allocations(heapprofile: bytes) -> tuple[AllocationSite, ...]:
    """Give what a `.heapprofile` followed and found alive at its end, by the function that allocated it, largest first.

    Bytes are estimates from samples, and `count` is the number of these samples. What a built-in function such as
    `push` allocates counts for its caller. Raises LabError where it is no such profile.
    """
    try:
        profile = orjson.loads(heapprofile)
        sampled = Counter(sample["nodeId"] for sample in profile["samples"])
        waiting = [(profile["head"], ("", "", 0))]
        sums: dict[tuple[str, str, int], list[int]] = {}
        while waiting:
            node, caller = waiting.pop()
            place = _place(node["callFrame"]) or caller
            waiting += [(child, place) for child in node["children"]]
            held = sums.setdefault(place, [0, 0])
            held[0] += round(node["selfSize"])
            held[1] += sampled[node["id"]]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise LabError(f"this heap profile cannot be read: {error}; take it again") from error
    sites = (
        AllocationSite(name=name or "(V8)", file=file, line=line, size_bytes=size, count=count)
        for (name, file, line), (size, count) in sums.items()
        if size
    )
    return tuple(sorted(sites, key=lambda site: (-site.size_bytes, site.file, site.line)))


def _place(call: dict[str, Any]) -> tuple[str, str, int] | None:
    url = call["url"]
    if not url:
        return None
    file = unquote(urlsplit(url).path) if url.startswith("file://") else url
    # V8 counts lines from 0
    return call["functionName"] or "(anonymous)", file, call["lineNumber"] + 1
