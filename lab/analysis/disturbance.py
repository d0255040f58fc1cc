"""When profilers were at work: what was measured meanwhile holds what they cost, and is not judged."""

from dataclasses import replace

from lab.analysis.series import Stretch
from lab.model import Evidence, PhaseKind, Profile, ProfileKind, Window

WHY = "a profiler looked on"


def disturbed(evidence: Evidence) -> tuple[Stretch, ...]:
    """Give the stretches of time (epoch seconds) in which a profiler was at work."""
    return tuple(profile.disturbed for profile in evidence.profiles)


def is_disturbed(evidence: Evidence, started_at: float, ended_at: float) -> bool:
    """Whether a profiler was at work at any moment of a stretch of time (epoch seconds)."""
    return any(profile.disturbs(started_at, ended_at) for profile in evidence.profiles)


def follower_of_heap(evidence: Evidence, service: str, window: Window) -> Profile | None:
    """Give the profile that followed a service's heap in a window, which makes its memory grow; None without one."""
    return next(
        (
            profile
            for profile in evidence.profiles
            if profile.kind != ProfileKind.CPU
            and profile.service == service
            and profile.disturbs(window.started_at, window.ended_at)
        ),
        None,
    )


def to_be_judged(evidence: Evidence) -> Evidence:
    """Give the evidence without the windows that were driven for their profile."""
    windows = tuple(window for window in evidence.windows if window.kind != PhaseKind.PROFILE)
    return replace(evidence, windows=windows)
