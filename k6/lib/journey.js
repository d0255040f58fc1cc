// What every journey does at its beginning and its end.

import exec from 'k6/execution';
import { journeys, maxVUs, scenarioStarted, startDelay } from './metrics.js';
import { RequestIds, carry } from './requests.js';
import { ceilingOf, dueMs } from './schedule.js';

// The journey's name, number and request ids. The first one says when the load of its k6 scenario began, which is the
// phase's beginning: the scenario itself starts OFFSET_MS later (see schedule.js).
export function begin(data) {
  const name = exec.scenario.name;
  const iteration = exec.scenario.iterationInTest;
  if (iteration === 0) {
    scenarioStarted.add(exec.scenario.startTime - Number(__ENV.OFFSET_MS || 0));
    maxVUs.add(ceilingOf(name));
  }
  const ids = new RequestIds(data.run, name, iteration);
  carry(ids.first()); // the delay goes with the journey's first request
  startDelay.add(Math.max(0, Date.now() - exec.scenario.startTime - dueMs(name, iteration)));
  return { name, iteration, ids };
}

export function end(completed) {
  journeys.add(1, { outcome: completed ? 'completed' : 'failed' });
}
