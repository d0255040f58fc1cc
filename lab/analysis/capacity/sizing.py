"""What a rate needs: replicas, cores, workers, connections, memory.

Cores come from the utilisation law with headroom: what is used at the rate over 1 - headroom. A replica is as large as
the cores that the service can keep busy; each replica costs its idle cores again. Workers and connections come from
Little's law: how many are held at a time is rate times how long each is held. Connections have three standard
deviations of a Poisson number on top, so that one in a thousand moments finds none free.
"""

import math
from collections.abc import Mapping

from lab.analysis.capacity.bootstrap import interval
from lab.analysis.capacity.network import Costs, Network
from lab.analysis.capacity.queueing import HOLDING, PERCENTILES, seconds_at
from lab.analysis.capacity.what_if import AI_CORE
from lab.model import Estimate, RatePlan, ServiceNeed

_HOURS_PER_DAY = 24
_DEVIATIONS = 3.0


def rate_plan(
    network: Network, rate_per_s: float, *, headroom: float, highest_good: float, rss: Mapping[str, float]
) -> RatePlan:
    """Give what a rate needs, `headroom` being the share of every resource that is to stay free."""
    workers = _workers(network, rate_per_s, headroom)
    services = sorted(set(network.deployment.service_cores) & set(network.costs))
    needs = tuple(
        _need(name, network, rate_per_s, headroom=headroom, workers=workers, rss=rss.get(name)) for name in services
    )
    used = network.utilisations(rate_per_s)
    fullest = max(used, key=lambda name: used[name])
    latency, why = _latency(network, rate_per_s, fullest, used, highest_good)
    backends = next((need.replicas for need in needs if need.service == "backend"), 1)
    return RatePlan(
        rate_per_s=rate_per_s,
        multiple=rate_per_s / highest_good,
        fullest=fullest,
        utilisation=used[fullest],
        needs=needs,
        workers=workers,
        connections=_connections(network, rate_per_s, headroom, backends),
        operations_per_s=_times(network.operations_per_request, rate_per_s),
        core_hours_per_day=sum(need.cores for need in needs) * _HOURS_PER_DAY,
        latency_s=latency,
        why=why,
    )


def _times(per_request: float | None, rate_per_s: float) -> float | None:
    return None if per_request is None else per_request * rate_per_s


def _need(
    name: str, network: Network, rate_per_s: float, *, headroom: float, workers: int | None, rss: float | None
) -> ServiceNeed:
    costs, of_replica = network.costs[name], network.deployment.service_cores[name]
    own = network.deployment.workers if name == AI_CORE else None
    least = math.ceil((workers or 0) / own) if own else 1
    replicas = max(_replicas(costs, of_replica, rate_per_s, headroom), least)
    used = _used(costs, replicas, rate_per_s)
    return ServiceNeed(
        service=name,
        cores_used=used,
        cores_per_replica=of_replica,
        replicas=replicas,
        cores=math.ceil(10 * used.value / (1 - headroom) - 1e-9) / 10,
        memory_bytes=None if rss is None else rss * replicas,
    )


def _replicas(costs: Costs, of_replica: float, rate_per_s: float, headroom: float) -> int:
    """Give the replicas: each carries its idle cores, and requests up to what it keeps busy without the headroom."""
    free = of_replica * (1 - headroom) - costs.idle
    if free <= 0:
        return 1
    return max(math.ceil(costs.per_request * rate_per_s / free - 1e-9), 1)


def _used(costs: Costs, replicas: int, rate_per_s: float) -> Estimate:
    value = costs.idle * replicas + costs.per_request * rate_per_s
    return interval(value, costs.idle_draws * replicas + costs.per_request_draws * rate_per_s)


def _workers(network: Network, rate_per_s: float, headroom: float) -> int | None:
    """Give the workers that are held at a time with headroom, each as long as on a machine that is used that much."""
    curve = network.curves.get(HOLDING)
    if curve is None or not network.analyses_per_request:
        return None
    holding = seconds_at(curve, 1 - headroom) * network.holding_factor
    return max(math.ceil(network.analyses_per_request * rate_per_s * holding / (1 - headroom) - 1e-9), 1)


def _connections(network: Network, rate_per_s: float, headroom: float, backends: int) -> int | None:
    busy = _times(network.connection_s_per_request, rate_per_s)
    if busy is None:
        return None
    wanted = busy / (1 - headroom)
    return max(math.ceil(wanted + _DEVIATIONS * math.sqrt(wanted)), backends)


def _latency(
    network: Network, rate_per_s: float, fullest: str, used: Mapping[str, float], highest_good: float
) -> tuple[tuple[tuple[str, float], ...], str]:
    """Give the percentiles of the measured deployment at a rate, or why none are given."""
    if used[fullest] >= 1:
        return (), f"the measured deployment does not carry the rate ({fullest}: {used[fullest]:.0%})"
    if rate_per_s > highest_good:
        return (), f"no step was good above {highest_good:.0f}/s"
    known = {name: network.seconds(name, rate_per_s) for name in PERCENTILES}
    found = tuple((name, seconds) for name, seconds in known.items() if seconds is not None)
    return found, "" if found else "too few slices to tell how latency rises with utilisation"
