"""What ai_core is told by its environment."""

from typing import ClassVar

from pydantic import Field

from ai_core_stub.jobs import Recipe
from service_kit.settings import Settings


class AiCoreSettings(Settings):
    """HOST, PORT, and how ai_core behaves."""

    prefix: ClassVar[str] = "AI_CORE_"

    workers: int = Field(2, alias="AI_CORE_WORKERS", ge=1, le=64)
    """Processes that analyse, one analysis each at a time."""

    queue_limit: int = Field(16, alias="AI_CORE_QUEUE_LIMIT", ge=0, le=10_000)
    """Analyses that may wait for a worker; one more is refused with 503."""

    timeout_s: float = Field(60, alias="AI_CORE_TIMEOUT_S", gt=0, le=3600)
    """How long a worker may spend on one analysis before it is killed."""

    body_limit_bytes: int = Field(12 * 1024 * 1024, alias="AI_CORE_BODY_LIMIT_BYTES", ge=1024)
    """Largest request; a CSV grows by its line ends and quotes when it becomes a JSON string."""

    cache_size: int = Field(0, alias="AI_CORE_CACHE_SIZE", ge=0, le=100_000)
    """Finished analyses to remember by their input; 0 computes every one."""

    seed: int = Field(14, alias="AI_CORE_SEED", ge=0, lt=2**32)
    trees: int = Field(30, alias="AI_CORE_TREES", ge=1, le=1000)
    """Boosting rounds of a model; the CPU time of a fit is proportional to them."""

    tree_samples: int = Field(50, alias="AI_CORE_TREE_SAMPLES", ge=1, le=1000)
    """Rows that are explained by TreeExplainer where the request names no number."""

    kernel_samples: int = Field(10, alias="AI_CORE_KERNEL_SAMPLES", ge=1, le=1000)
    """The same for KernelExplainer, whose time is proportional to them (about 10 ms a row)."""

    kernel_background: int = Field(25, alias="AI_CORE_KERNEL_BACKGROUND", ge=1, le=1000)
    kernel_evaluations: int = Field(200, alias="AI_CORE_KERNEL_EVALUATIONS", ge=10, le=100_000)
    """KernelExplainer's `nsamples`: coalitions tried per row, each on the whole background."""

    attribution_rows: int = Field(10, alias="AI_CORE_ATTRIBUTION_ROWS", ge=0, le=1000)
    """Explained rows whose single attributions are part of the answer."""

    fault_leak_mb_per_h: float = Field(0, alias="AI_CORE_FAULT_LEAK_MB_PER_H", ge=0, le=1_000_000)
    """Megabytes of memory that ai_core loses per hour, on purpose; 0 for none."""

    retry_after_s: int = Field(1, alias="AI_CORE_RETRY_AFTER_S", ge=0, le=3600)

    def recipe(self) -> Recipe:
        """How analyses are made."""
        return Recipe(
            seed=self.seed,
            trees=self.trees,
            samples={"tree": self.tree_samples, "kernel": self.kernel_samples},
            kernel_background=self.kernel_background,
            kernel_evaluations=self.kernel_evaluations,
            attribution_rows=self.attribution_rows,
        )
