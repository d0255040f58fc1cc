"""The nouns of the lab: frozen values that one stage leaves and the next one takes.

Units stand in the names (`_s`, `_bytes`, `_per_s`), ratios are 0 to 1, times are UTC epoch seconds.
Nothing here imports another module of the lab.
"""

from lab.model.asked import (
    Guards,
    Journeys,
    Phase,
    PhaseKind,
    Plan,
    Scenario,
    Service,
    Target,
    Threshold,
)
from lab.model.concluded import (
    Analysis,
    AnalysisOutcome,
    ErrorCount,
    Estimate,
    Finding,
    LatencySummary,
    LoadCheck,
    Observation,
    Outcome,
    PointSummary,
    Report,
    RequestLatency,
    ServiceUsage,
    Verdict,
)
from lab.model.measured import (
    Doubt,
    Evidence,
    Progress,
    RunState,
    SummaryFigures,
    Window,
)
from lab.model.running import (
    Environment,
    Part,
    ProcessId,
    RunningService,
    ServiceHealth,
)

__all__ = [
    "Analysis",
    "AnalysisOutcome",
    "Doubt",
    "Environment",
    "ErrorCount",
    "Estimate",
    "Evidence",
    "Finding",
    "Guards",
    "Journeys",
    "LatencySummary",
    "LoadCheck",
    "Observation",
    "Outcome",
    "Part",
    "Phase",
    "PhaseKind",
    "Plan",
    "PointSummary",
    "ProcessId",
    "Progress",
    "Report",
    "RequestLatency",
    "RunState",
    "RunningService",
    "Scenario",
    "Service",
    "ServiceHealth",
    "ServiceUsage",
    "SummaryFigures",
    "Target",
    "Threshold",
    "Verdict",
    "Window",
]
