"""Every dashboard there is, by the name of its file."""

from collections.abc import Callable

from dashboards import ai_core, backend, generator, host, mongodb, run_overview

BOARDS: dict[str, Callable[[], str]] = {
    "run-overview": run_overview.build,
    "backend": backend.build,
    "ai-core": ai_core.build,
    "mongodb": mongodb.build,
    "host": host.build,
    "generator": generator.build,
}
