"""From stacks to the boxes of a flame graph: one profile, or two held against one another."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from lab.analysis.stack_diff import holm, rate_difference, rate_test
from lab.model import Flame, FlameBox, Frame, FrameKind, Stack

MAX_BOXES = 4000
"""A box is about 250 bytes of SVG: more than this many are slow to open, and too narrow to be seen."""

_NARROWEST = 0.0002
_LEVEL = 0.05


@dataclass(slots=True)
class _Node:
    frame: Frame
    before: int = 0
    after: int = 0
    own: int = 0
    below: dict[str, "_Node"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Scale:
    """What one sample of each profile weighs: 1 and 0 where there is one, seconds per request where there are two."""

    before: float
    after: float

    def weight(self, node: _Node) -> float:
        return node.before * self.before + node.after * self.after


_Told = Callable[[_Node], tuple[str, int]]
"""What the tooltip of a node says, and its shade."""


def flame(stacks: Iterable[Stack], *, title: str, subtitle: str = "", unit: str = "samples") -> Flame:
    """Give the flame graph of a profile, idle stacks left out; processes and threads stand above their frames."""
    root = _Node(Frame("all", FrameKind.OTHER))
    for stack in stacks:
        if not stack.idle:
            _add(root, [*_places(stack), *stack.frames], stack.count, is_after=False)
    total = root.before

    def told(node: _Node) -> tuple[str, int]:
        own = f", own {node.own:,} ({node.own / total:.1%})" if node.own else ""
        return f"{node.before:,} {unit} ({node.before / total:.1%}){own}", 0

    boxes, hidden = _boxes(root, _Scale(1.0, 0.0), told)
    return Flame(title=title, subtitle=subtitle, boxes=boxes, hidden=hidden)


def difference_flame(
    before: Iterable[Stack],
    after: Iterable[Stack],
    *,
    scales_s: tuple[float, float],
    title: str,
    subtitle: str = "",
    clumping: float = 1.0,
    variation: float = 0.0,
) -> Flame:
    """Give the flame graph of two profiles: a box is as wide as the mean of both, so that what vanished is seen too.

    `scales_s` are the CPU seconds per request that a sample of each stands for. Only boxes whose change is more than
    chance are coloured: p under 0.05, corrected for all boxes that can be seen (see lab/analysis/stack_diff.py).
    Processes and threads have other numbers in every run, so that processes go by name, and threads are left out.
    """
    root = _both(before, after)

    def told(node: _Node) -> tuple[str, int]:
        old, new = node.before * scales_s[0] * 1000, node.after * scales_s[1] * 1000
        low, high = rate_difference(
            node.before, scales_s[0], node.after, scales_s[1], clumping=clumping, variation=variation
        )
        text = (
            f"{old:.3g} → {new:.3g} ms CPU per request, {new - old:+.3g} [{low * 1000:+.3g}, {high * 1000:+.3g}]; "
            f"{node.before:,} and {node.after:,} samples"
        )
        return text, _shade(old, new) if id(node) in sure else 0

    scale = _Scale(scales_s[0] / 2, scales_s[1] / 2)
    seen = _seen(root, scale)
    tests = [
        rate_test(node.before, scales_s[0], node.after, scales_s[1], clumping=clumping, variation=variation)
        for node in seen
    ]
    sure = {id(node) for node, p in zip(seen, holm(tests), strict=True) if p < _LEVEL}
    boxes, hidden = _boxes(root, scale, told)
    return Flame(title=title, subtitle=subtitle, boxes=boxes, hidden=hidden, is_difference=True)


def _both(before: Iterable[Stack], after: Iterable[Stack]) -> _Node:
    root = _Node(Frame("all", FrameKind.OTHER))
    for stacks, is_after in ((before, False), (after, True)):
        for stack in stacks:
            if not stack.idle:
                place = [Frame(stack.process, FrameKind.OTHER)] if stack.process else []
                _add(root, [*place, *stack.frames], stack.count, is_after=is_after)
    return root


def _seen(root: _Node, scale: _Scale) -> list[_Node]:
    """Give the nodes that are wide enough to be seen."""
    least = scale.weight(root) * _NARROWEST
    return [node for node in _all(root) if scale.weight(node) >= least]


def _places(stack: Stack) -> list[Frame]:
    process = f"process {stack.pid} {stack.process}".strip() if stack.pid else stack.process
    thread = f"thread {stack.tid} {stack.thread}".strip() if stack.tid else stack.thread
    return [Frame(text, FrameKind.OTHER) for text in (process, thread) if text]


def _add(root: _Node, frames: list[Frame], count: int, *, is_after: bool) -> None:
    node = root
    for step, frame in enumerate([root.frame, *frames]):
        if step:
            node = node.below.setdefault(frame.words, _Node(frame))
        if is_after:
            node.after += count
        else:
            node.before += count
    node.own += count


def _shade(old: float, new: float) -> int:
    """From -4 to 4: by 12 %, 25 %, 50 % of the larger one, or more."""
    share = (new - old) / max(old, new)
    steps = sum(abs(share) >= bound for bound in (0.12, 0.25, 0.5))
    return (1 + steps) * (1 if share > 0 else -1)


def _boxes(root: _Node, scale: _Scale, told: _Told) -> tuple[tuple[FlameBox, ...], str]:
    whole = scale.weight(root)
    if not whole:
        return (), ""
    narrowest = _NARROWEST
    while True:
        boxes, lost = _laid(root, scale, told, narrowest)
        if len(boxes) <= MAX_BOXES:
            break
        narrowest *= 1.5
    ordered = tuple(sorted(boxes, key=lambda box: (box.depth, box.start, box.words)))
    return ordered, f"{lost:,} boxes narrower than {narrowest:.2%} of the whole are left out" if lost else ""


def _laid(root: _Node, scale: _Scale, told: _Told, narrowest: float) -> tuple[list[FlameBox], int]:
    """Give the boxes that are wide enough, and how many are not (with all above which they would stand)."""
    whole = scale.weight(root)
    boxes: list[FlameBox] = []
    lost = 0
    waiting = [(root, 0, 0.0)]
    while waiting:
        node, depth, start = waiting.pop()
        width = scale.weight(node) / whole
        if width < narrowest:
            lost += _size(node)
            continue
        text, shade = told(node)
        boxes.append(
            FlameBox(
                words=node.frame.words,
                kind=node.frame.kind,
                depth=depth,
                start=start,
                width=width,
                told=text,
                shade=shade,
            )
        )
        for name in sorted(node.below):
            waiting.append((node.below[name], depth + 1, start))
            start += scale.weight(node.below[name]) / whole
    return boxes, lost


def _size(node: _Node) -> int:
    return sum(1 for _ in _all(node))


def _all(node: _Node) -> Iterator[_Node]:
    waiting = [node]
    while waiting:
        yield waiting[-1]
        waiting += waiting.pop().below.values()
