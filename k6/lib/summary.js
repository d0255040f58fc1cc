// handleSummary: k6's own figures of the journeys, without setup(), in a shape that does not depend on k6's version.

import { settings } from './settings.js';

// k6 1.x and 2.x give {metrics: {name: {values}}}, the opt-in machine-readable summary {results: {metrics: [...]}}.
function valuesOf(data, name) {
  const found = data.metrics ? data.metrics[name] : data.results.metrics.find((m) => m.name === name);
  return found ? found.values : {};
}

const orNull = (value) => (value === undefined ? null : value);

function failedRequests(values) {
  return values.matches === undefined ? values.passes : values.matches; // of a rate, k6 calls "true" a pass
}

function figures(data) {
  const duration = valuesOf(data, 'http_req_duration{load:journeys}');
  const failed = valuesOf(data, 'http_req_failed{load:journeys}');
  return {
    requests: duration.count === undefined ? orNull(failed.total) : duration.count,
    failed: orNull(failedRequests(failed)),
    iterations: valuesOf(data, 'iterations').count || 0,
    dropped_iterations: valuesOf(data, 'dropped_iterations').count || 0,
    duration_ms: {
      mean: orNull(duration.avg),
      p50: orNull(duration.med),
      p90: orNull(duration['p(90)']),
      p95: orNull(duration['p(95)']),
      p99: orNull(duration['p(99)']),
      p999: orNull(duration['p(99.9)']),
      max: orNull(duration.max),
    },
  };
}

// Nothing where no file is asked for: then k6 prints its usual summary.
export function handleSummary(data) {
  return settings.summary
    ? { [settings.summary]: `${JSON.stringify({ figures: figures(data), k6: data }, null, 1)}\n` }
    : undefined;
}
