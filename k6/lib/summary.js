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
  const stat = (name) => (duration.count === 0 ? null : orNull(duration[name])); // of nothing, k6 says 0
  return {
    requests: duration.count === undefined ? orNull(failed.total) : duration.count,
    failed: orNull(failedRequests(failed)),
    iterations: valuesOf(data, 'iterations').count || 0,
    dropped_iterations: valuesOf(data, 'dropped_iterations').count || 0,
    duration_ms: {
      mean: stat('avg'),
      p50: stat('med'),
      p90: stat('p(90)'),
      p95: stat('p(95)'),
      p99: stat('p(99)'),
      p999: stat('p(99.9)'),
      max: stat('max'),
    },
  };
}

// Nothing where no file is asked for: then k6 prints its usual summary. What setup() gave holds tokens, and is left out.
export function handleSummary(data) {
  const k6 = { ...data, setup_data: undefined };
  return settings.summary
    ? { [settings.summary]: `${JSON.stringify({ figures: figures(data), k6 }, null, 1)}\n` }
    : undefined;
}
