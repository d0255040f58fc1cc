"""Two sides that are driven in turns: what each is, and how far that has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.model.comparison import Judgement

BASE, CANDIDATE = "base", "candidate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What one side is asked to be; what is "" or empty is as in the running checkout.

    `ref` is a commit's name in the running checkout, `.` for its files as they are, or another checkout's folder,
    written with a `/` at its beginning or after its dots. `settings` are `key=value` of the target, `images`
    (service, image), `target` the name of a target, or its file.
    """

    name: str
    ref: str = ""
    settings: tuple[str, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A variant that does not move any more: the commit and the files (`tree`) that its ref stood for, "" without one.

    `told` says in words what it is, without secrets.
    """

    variant: Variant
    told: str
    commit: str = ""
    tree: str = ""

    @property
    def name(self) -> str:
        """What the side is called."""
        return self.variant.name

    @property
    def identity(self) -> Mapping[str, object]:
        """What tells it from another side: two that have the same here do not differ."""
        settings = [text.partition("=") for text in self.variant.settings]
        return {
            "code": self.tree,
            "settings": {key.strip(): value.strip() for key, _, value in settings},
            "images": dict(self.variant.images),
            "target": self.variant.target,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class InterimLook:
    """A comparison of the pairs that there were: how many, at which error rate it was judged, and what came out."""

    pairs: int
    alpha: float
    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A run that is in no pair: whose place it had (pairs count from 0), and why another one was driven for it."""

    run: str
    pair: int
    side: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """When an A/B ends: after `pairs`, or (None) as many as the noise of the first ones asks for, `max_pairs` at most.

    `is_early` says whether an answer that is clear before ends it. `alpha` is how often two equal sides may be told
    apart, over all looks and figures, `look_for` the change that is to be found, `effect` the smallest that matters.
    """

    pairs: int | None
    max_pairs: int
    look_for: float
    alpha: float
    effect: float | None = None
    is_early: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Interleaved:
    """An A/B as it stands: what is driven, and what there is of it.

    `plan` and `wanted` are what they were asked for, as plain values. `pairs` are the names of (base, candidate) runs;
    `half` is the first run of a pair that lacks its second one, by side. `planned` is how many pairs there are to be,
    None while that is not known. `is_checked` says that the first pair could be compared, `is_over` that it has its
    answer, and `stopped` why it ended without one.
    """

    scenario: str
    plan: Mapping[str, Any]
    wanted: Mapping[str, Any]
    sides: Mapping[str, Pinned]
    stopping: Stopping
    started_at: float
    route: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    half: Mapping[str, str] | None = None
    left_out: tuple[LeftOut, ...] = ()
    planned: int | None = None
    looks: tuple[InterimLook, ...] = ()
    is_checked: bool = False
    is_over: bool = False
    stopped: str = ""
