"""What each service used while a phase ran."""

from collections.abc import Mapping, Sequence

from lab.analysis.samples import Samples
from lab.analysis.series import Series
from lab.model import ServiceUsage, Window


def service_usage(
    windows: Sequence[Window], series: Mapping[str, Series], samples: Samples
) -> tuple[ServiceUsage, ...]:
    """Give one usage per phase and watched process family, k6 and the lab itself among them."""
    if "processes" not in series:
        return ()
    processes = series["processes"]
    found = [_usage(window, service, processes, samples) for window in windows for service in processes.services()]
    return tuple(usage for usage in found if usage is not None)


def _usage(window: Window, service: str, processes: Series, samples: Samples) -> ServiceUsage | None:
    cores = processes.track("process_cpu_seconds_total", service).within(window).increase_per_s()
    rss = processes.track("process_resident_memory_bytes", service).within(window).value
    sockets = processes.track("process_sockets", service).within(window).value
    if cores is None or not len(rss):
        return None
    requests = samples.phase.equals(window.name) & (samples.time >= window.started_at)
    count = int((requests & (samples.time <= window.ended_at)).sum())
    return ServiceUsage(
        phase=window.name,
        service=service,
        cores=cores,
        cpu_s_per_request=cores * (window.ended_at - window.started_at) / count if count else None,
        rss_max_bytes=float(rss.max()),
        sockets_max=float(sockets.max()) if len(sockets) else None,
    )
