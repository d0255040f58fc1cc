"""What would come of a change: the same network with one cost, one limit or one share changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.analysis.capacity.network import Deployment, Network
from lab.analysis.capacity.slices import PARTS
from lab.errors import ConfigError
from lab.model import OTHERS, Change

AI_CORE = "ai_core"
_GIVEN = re.compile(r"([A-Za-z_][\w.]*)=(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class WhatIf:
    """A change as it was asked for: what, and by how much or to how much."""

    name: str
    value: float

    @property
    def text(self) -> str:
        """The change as it is given to --what-if."""
        return f"{self.name}={self.value:g}"


def changeable(network: Network, parts: Sequence[tuple[str, float]]) -> dict[str, str]:
    """Give what can be changed, and what its value means."""
    services = [name for name in network.deployment.service_cores if name in network.costs]
    found = dict.fromkeys(services, "factor of the CPU per request")
    if AI_CORE in services and parts:
        found |= {f"{AI_CORE}.{part}": f"factor of the time of {part}" for part, _ in parts}
        found["cache"] = "share of analyses that a cache by dataset hash answers, 0 to 1"
    if network.deployment.workers:
        found["workers"] = "how many workers ai_core has"
    found |= {f"cores.{name}": f"cores that {name} can keep busy" for name in services}
    if network.deployment.machine_cores is not None:
        found["cores"] = "cores of the machine"
    return found


def parse(text: str, network: Network, parts: Sequence[tuple[str, float]]) -> WhatIf:
    """Read NAME=VALUE. Raises ConfigError, which lists what can be changed."""
    known = changeable(network, parts)
    options = "; it can be: " + ", ".join(f"{name} ({meaning})" for name, meaning in known.items())
    given = _GIVEN.fullmatch(text.strip())
    if given is None:
        raise ConfigError(f"--what-if {text!r}: must be NAME=NUMBER, such as ai_core.explain=0.5{options}")
    name, value = given.group(1), float(given.group(2))
    if name not in known:
        raise ConfigError(f"--what-if {text!r}: {name} cannot be changed{options}")
    if name == "cache" and value > 1:
        raise ConfigError(f"--what-if {text!r}: a share lies between 0 and 1")
    if (name == "workers" or name.startswith("cores")) and value <= 0:
        raise ConfigError(f"--what-if {text!r}: there must be more than none of it")
    return WhatIf(name, value)


def changed(network: Network, change: WhatIf, parts: Sequence[tuple[str, float]]) -> Network:
    """Give the network after a change."""
    name, value = change.name, change.value
    if name == "cache":
        return _analyses_cost(network, 1 - value, of_holding=False)
    if name.startswith(f"{AI_CORE}."):
        return _analyses_cost(network, _part_factor(name.removeprefix(f"{AI_CORE}."), value, parts), of_holding=True)
    if name in network.costs:
        scaled = {**network.costs, name: network.costs[name].scaled(value)}
        factor = value if name == AI_CORE else 1.0
        return replace(network, costs=scaled, holding_factor=network.holding_factor * factor)
    return replace(network, deployment=_deployment(network.deployment, name, value))


def _deployment(deployment: Deployment, name: str, value: float) -> Deployment:
    if name == "workers":
        return replace(deployment, workers=max(round(value), 1))
    if name == "cores":
        return replace(deployment, machine_cores=max(round(value), 1))
    service = name.removeprefix("cores.")
    return replace(deployment, service_cores={**deployment.service_cores, service: value})


def _part_factor(part: str, value: float, parts: Sequence[tuple[str, float]]) -> float:
    """Give the factor of a whole analysis when one part takes `value` of its time."""
    whole = sum(seconds for _, seconds in parts)
    return 1 - (1 - value) * dict(parts)[part] / whole


def _analyses_cost(network: Network, factor: float, *, of_holding: bool) -> Network:
    """Give the network when analyses cost `factor` of what they do: each of them, or because fewer are computed."""
    costs = {**network.costs, AI_CORE: network.costs[AI_CORE].scaled(factor)}
    if of_holding:
        return replace(network, costs=costs, holding_factor=network.holding_factor * factor)
    return replace(network, costs=costs, analyses_per_request=network.analyses_per_request * factor)


def standard(network: Network, parts: Sequence[tuple[str, float]]) -> tuple[WhatIf, ...]:
    """Give the changes of the sensitivity table: those of them that the run knows of."""
    known = changeable(network, parts)
    asked = [
        *(WhatIf(f"{AI_CORE}.{part}", 0.5) for part in reversed(PARTS)),
        *(WhatIf("cache", share) for share in (0.25, 0.5, 0.9)),
        *(WhatIf(name, 0.5) for name in ("backend", "mongo")),
    ]
    if network.deployment.workers:
        asked.append(WhatIf("workers", 2.0 * network.deployment.workers))
    if network.deployment.machine_cores is not None:
        asked.append(WhatIf("cores", 2.0 * network.deployment.machine_cores))
    return tuple(change for change in asked if change.name in known)


def effect(network: Network, after: Network, rate_per_s: float, *, name: str, asks: str = "", why: str = "") -> Change:
    """Give what a change does to the measured deployment, and to the cores that the system uses at a rate."""
    before, now = network.bounds()[0], after.bounds()[0]
    return Change(
        name=name,
        asks=asks,
        tight_per_s=now.tight_per_s,
        gain=now.tight_per_s.value / before.tight_per_s.value - 1 if before.tight_per_s.value else 0.0,
        fullest=now.resource,
        cores_used=system_cores(after, rate_per_s),
        why=why,
    )


def effects(
    network: Network, wanted: Sequence[WhatIf], parts: Sequence[tuple[str, float]], rate_per_s: float
) -> tuple[Change, ...]:
    """Give what each of some changes does."""
    return tuple(
        effect(network, changed(network, each, parts), rate_per_s, name=_named(each), asks=each.text) for each in wanted
    )


def together(
    network: Network, wanted: Sequence[WhatIf], parts: Sequence[tuple[str, float]], rate_per_s: float
) -> Change:
    """Give what some changes do when all of them are made."""
    after = network
    for each in wanted:
        after = changed(after, each, parts)
    asks = " --what-if ".join(each.text for each in wanted)
    return effect(network, after, rate_per_s, name="all of these", asks=asks)


def alone(network: Network, rate_per_s: float) -> Change:
    """Give what it would bring to drive the load, and to watch it, from another machine."""
    services = {name: costs for name, costs in network.costs.items() if name in network.deployment.service_cores}
    return effect(
        network,
        replace(network, costs=services),
        rate_per_s,
        name="the services alone on the machine",
        why="without " + ", ".join(sorted(set(network.costs) - set(services) - {OTHERS})),
    )


def _named(change: WhatIf) -> str:
    """Say what a change is, with the words of `changeable`."""
    name, value = change.name, change.value
    if name == "cache":
        return f"a cache by dataset hash that answers {value:.0%} of analyses"
    if name == "workers":
        return f"{value:.0f} workers of {AI_CORE}"
    if name == "cores":
        return f"{value:.0f} cores of the machine"
    if name.startswith("cores."):
        return f"{value:g} cores that {name.removeprefix('cores.')} can keep busy"
    part = f"{name.removeprefix(AI_CORE + '.')} of {AI_CORE}" if name.startswith(f"{AI_CORE}.") else f"CPU of {name}"
    return f"{value:g} times the {part}"


def system_cores(network: Network, rate_per_s: float) -> float:
    """Give the cores that the services of the system use at a rate."""
    services = set(network.deployment.service_cores) & set(network.costs)
    return sum(network.costs[name].at(rate_per_s) for name in services)
