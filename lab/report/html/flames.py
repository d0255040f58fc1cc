"""Flame graphs inside a page: compressed, since their text repeats itself, and unpacked when a reader opens them."""

import gzip
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from lab.model import Profile

MOST_BYTES = 1_500_000
"""What the flame graphs of a page may come to, compressed; the rest is named, and found beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlameFile:
    """A flame graph that a profiler has left: whose, its name under `profiles/`, and its SVG."""

    profile: Profile
    name: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFlame:
    """The same as the page holds it: `packed` is base64 of gzip, "" where there was no room for it."""

    profile: Profile
    name: str
    packed: str


def pack(files: Iterable[FlameFile], *, most_bytes: int = MOST_BYTES) -> tuple[PackedFlame, ...]:
    """Give flame graphs in their order, as many of them as there is room for."""
    found, left = [], most_bytes
    for file in files:
        # no time of writing in it: the same graph gives the same bytes
        packed = b64encode(gzip.compress(file.svg.encode(), mtime=0)).decode()
        is_kept = len(packed) <= left
        left -= len(packed) if is_kept else 0
        found.append(PackedFlame(profile=file.profile, name=file.name, packed=packed if is_kept else ""))
    return tuple(found)
