"""What ai_core tells of the time of its analyses; figures are of a stretch of load."""

from lab.playbooks.case import Case, Stretch

SECONDS = "ai_core_analyze_seconds"
PARTS = ("parse", "fit", "explain")


def service(case: Case) -> str:
    """Give the name of the service that analyses."""
    return next(iter(case.services_with(f"{SECONDS}_count")), "ai_core")


def under_way(case: Case, part: Stretch) -> float:
    """Give how many analyses ai_core had at a time, those that waited in it for a worker among them."""
    return case.rate(part, "scrape", f"{SECONDS}_sum", phase="total") or 0.0


def computed(case: Case, part: Stretch) -> float:
    """Give how many of them were being computed at a time."""
    return sum(case.rate(part, "scrape", f"{SECONDS}_sum", phase=each) or 0.0 for each in PARTS)


def queued(case: Case, part: Stretch) -> float:
    """Give how many analyses waited in the backend's queue at a time."""
    return case.mean(part, "scrape", "analyze_queue_depth") or 0.0


def total_s(case: Case, part: Stretch) -> float | None:
    """Give the mean time of an analysis in ai_core."""
    return case.mean_of_sum(part, SECONDS, phase="total")


def computing_s(case: Case, part: Stretch) -> float | None:
    """Give the mean time that an analysis is computed, without its wait for a worker."""
    count = case.rate(part, "scrape", f"{SECONDS}_count", phase="fit")
    return computed(case, part) / count if count else None


def explaining_s(case: Case, part: Stretch) -> float | None:
    """Give the mean time of the explanation."""
    return case.mean_of_sum(part, SECONDS, phase="explain")


def explainer_share(case: Case, part: Stretch) -> float:
    """Give the explanation's share of what is computed."""
    whole = computed(case, part)
    return (case.rate(part, "scrape", f"{SECONDS}_sum", phase="explain") or 0.0) / whole if whole else 0.0
