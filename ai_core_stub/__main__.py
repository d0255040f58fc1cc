"""`python -m ai_core_stub`: settings come from the environment (see ai_core_stub.settings)."""

import os

from ai_core_stub.app import create_app
from ai_core_stub.faults import leaking
from ai_core_stub.pool import running_pool
from ai_core_stub.settings import AiCoreSettings
from service_kit.body_limit import BodyLimit
from service_kit.exposition import Exposition
from service_kit.http_metrics import HttpMetrics
from service_kit.json_log import JsonLog
from service_kit.observed import Observed
from service_kit.pauses import measured_pauses
from service_kit.serving import run, serve


async def _main(settings: AiCoreSettings) -> None:
    log = JsonLog("ai_core")
    log.take_over_logging()
    async with running_pool(
        recipe=settings.recipe(),
        workers=settings.workers,
        queue_limit=settings.queue_limit,
        timeout_s=settings.timeout_s,
        log=log,
    ) as pool:
        exposition = Exposition(pids=lambda: (os.getpid(), *pool.pids))
        app = create_app(settings, pool=pool, exposition=exposition, log=log)
        limited = BodyLimit(app, limit_bytes=settings.body_limit_bytes)
        async with measured_pauses(exposition.registry), leaking(settings.fault_leak_mb_per_h):
            await serve(Observed(limited, log=log, metrics=HttpMetrics(exposition.registry)), settings)


if __name__ == "__main__":
    run("ai_core", AiCoreSettings, _main, os.environ)
