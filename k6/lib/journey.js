// What every journey does at its beginning and its end.

import exec from 'k6/execution';
import { journeys, scenarioStarted } from './metrics.js';
import { RequestIds } from './requests.js';

// The journey's name, number and request ids. The first one says when the load of its k6 scenario began, which is the
// phase's beginning: the scenario itself starts OFFSET_MS later (see schedule.js).
export function begin(data) {
  const name = exec.scenario.name;
  const iteration = exec.scenario.iterationInTest;
  if (iteration === 0) {
    scenarioStarted.add(exec.scenario.startTime - Number(__ENV.OFFSET_MS || 0));
  }
  return { name, iteration, ids: new RequestIds(data.run, name, iteration) };
}

export function end(completed) {
  journeys.add(1, { outcome: completed ? 'completed' : 'failed' });
}
