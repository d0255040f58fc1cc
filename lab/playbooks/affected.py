"""What a bottleneck can make a run miss: what the metrics of thresholds begin with."""

LATENCY = ("http_req_duration", "http_req_waiting", "response_time", "iteration_duration")
ANALYSES = ("analysis_duration", "upload_to_report", "ai_core_analyze", "iteration_duration")
ERRORS = ("http_req_failed", "checks_failed")
FAILED_ANALYSES = ("analysis_failed", "checks_failed")
CAPACITY = ("break_point", "recovery_time", "dropped_iterations")
CPU = ("process_cpu_seconds_total", "host_cpu")
