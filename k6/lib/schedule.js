// From a rate in HTTP requests per second to k6 scenarios: an open model, in which a slow system meets the same arrivals.

import { settings } from './settings.js';

const SCENARIOS = JSON.parse(open('../scenarios.json'));

// k6 takes integers: hundred-thousandths of a journey per second are fine enough for every rate.
const UNIT_S = 100000;
const whole = (perSecond) => Math.round(perSecond * UNIT_S);

const K6_SHORTEST_MS = 1000; // k6 refuses a scenario that lasts less

// How long a journey takes on an unloaded system, and at most: how many requests and analyses it may wait a deadline for.
const EXPECTED_S = { auth_dashboard: 0.1, upload_analyze: 0.5, explain_heavy: 0.8, report_retrieval: 0.1 };
const PATIENCE = { auth_dashboard: 2, upload_analyze: 3, explain_heavy: 4, report_retrieval: 2 };

// VUs that stand ready for a system that hangs: k6 drops an iteration for each VU that it must add while it runs.
const STALL_S = 5;

let driven = null; // the scenario that a script asked for options of
let planned = {}; // and what k6 was told of its parts

function mixOf(name) {
  return SCENARIOS[name].mix || { [name]: 1 };
}

// The nominal HTTP requests of one journey; of a mix, the weighted mean.
export function requestsPerJourney(name) {
  return Object.entries(mixOf(name)).reduce((sum, [part, w]) => sum + w * SCENARIOS[part].requests_per_journey, 0);
}

// The journeys that a scenario is made of.
export function partsOf(name) {
  return Object.keys(mixOf(name));
}

function arrivals(name, perSecond) {
  const share = mixOf(name);
  const journeys = perSecond / requestsPerJourney(name);
  return Object.keys(share).map((part) => ({ part, perSecond: journeys * share[part] }));
}

// At a constant rate k6 starts a journey at once: every scenario of a mix would start one together, and a short phase one
// too many. Half an interval later their number is the planned one, to the nearest whole, and they do not march in step.
function constant(perSecond) {
  const durationMs = Math.round(settings.durationS * 1000);
  const halfMs = Math.round(500 / perSecond);
  if (halfMs >= durationMs) {
    return null; // less than half a journey
  }
  const offset = Math.min(halfMs, durationMs - K6_SHORTEST_MS);
  return {
    executor: 'constant-arrival-rate',
    rate: Math.max(1, whole(perSecond)),
    startTime: `${offset}ms`,
    env: { OFFSET_MS: String(offset) },
    duration: `${durationMs - offset}ms`,
  };
}

// How the rate moves: through STAGES where they are given, else from START_RATE (where it is given) to RATE.
function stages() {
  const { stages: given, startRate, rate, durationS } = settings;
  return given.length > 0 ? given : [{ durationS, from: startRate === null ? rate : startRate, to: rate }];
}

const isConstant = (parts) => parts.every(({ from, to }) => from === to && to === parts[0].to);

// A stage of no length is a jump.
function moving(parts, share) {
  return {
    executor: 'ramping-arrival-rate',
    startRate: whole(parts[0].from * share),
    stages: parts.flatMap(({ durationS, from, to }, i) => [
      ...(i > 0 && parts[i - 1].to !== from ? [{ target: whole(from * share), duration: '0s' }] : []),
      { target: whole(to * share), duration: `${Math.round(durationS * 1000)}ms` },
    ]),
  };
}

// When a scenario's n-th journey (from 0) is due, in milliseconds after the scenario's begin. k6 begins the first journey
// of a constant rate at once, and that of a moving one when the rate adds up to one journey. It counts those that began:
// once it has dropped one, the numbers of the others tell nothing any more. Rates are k6's whole ones: over hours, one
// journey in a hundred thousand is a delay that nobody had.
export function dueMs(part, n) {
  if (planned[part].rate) {
    return (n * 1000 * UNIT_S) / planned[part].rate;
  }
  const share = mixOf(driven)[part] / requestsPerJourney(driven);
  let left = (n + 1) * UNIT_S;
  let passedS = 0;
  for (const { durationS, from, to } of stages()) {
    const [first, last] = [whole(from * share), whole(to * share)];
    const area = (durationS * (first + last)) / 2;
    if (left <= area) {
      // the root that loses no digits, whichever way the rate moves, and where it stays
      const root = Math.sqrt(Math.max(0, first * first + (2 * left * (last - first)) / durationS));
      return (passedS + (2 * left) / (first + root)) * 1000;
    }
    left -= area;
    passedS += durationS;
  }
  return passedS * 1000;
}

// How many VUs a k6 scenario may have at most.
export function ceilingOf(part) {
  return planned[part].maxVUs;
}

function vus(part, perSecond, share) {
  const most = Math.max(1, Math.round(settings.maxVUs * share));
  const worst = EXPECTED_S[part] + PATIENCE[part] * settings.deadlineS;
  const maxVUs = Math.min(most, Math.ceil(perSecond * worst) + 2);
  const ready = Math.ceil(perSecond * (2 * EXPECTED_S[part] + Math.min(STALL_S, settings.deadlineS))) + 2;
  return { maxVUs, preAllocatedVUs: Math.min(maxVUs, ready) };
}

function scenarios(name) {
  const parts = stages();
  const highest = Math.max(...parts.flatMap(({ from, to }) => [from, to]));
  const journeys = 1 / requestsPerJourney(name);
  const result = {};
  arrivals(name, highest).forEach(({ part, perSecond }) => {
    const share = journeys * mixOf(name)[part];
    const pace = isConstant(parts) ? constant(perSecond) : moving(parts, share);
    if (pace !== null) {
      result[part] = {
        ...pace,
        ...vus(part, perSecond, mixOf(name)[part]),
        timeUnit: `${UNIT_S}s`,
        exec: part,
        // longer than any journey can last, so that none is cut
        gracefulStop: `${Math.ceil(PATIENCE[part] * settings.deadlineS) + 5}s`,
        tags: { load: 'journeys' },
      };
    }
  });
  if (Object.keys(result).length === 0) {
    throw new Error(`RATE=${settings.rate} for DURATION=${settings.durationS} s is less than half a journey; raise either`);
  }
  return result;
}

// k6's options for a scenario of scenarios.json.
export function optionsFor(name) {
  driven = name;
  planned = scenarios(name);
  return {
    scenarios: planned,
    setupTimeout: '120s',
    systemTags: ['name', 'method', 'status', 'error_code', 'check', 'scenario', 'group'],
    summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'count'],
    // they hold nothing: they make k6 keep figures without the requests of setup()
    thresholds: {
      'http_req_duration{load:journeys}': ['max>=0'],
      'http_req_failed{load:journeys}': ['rate>=0'],
    },
  };
}
