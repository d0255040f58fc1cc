// What a run of a script is asked for, from the environment of `k6 run -e NAME=value`; see k6/README.md.

const SCENARIOS = JSON.parse(open('../scenarios.json'));
const problems = [];

function number(name, fallback, lowest) {
  const text = __ENV[name];
  const value = text === undefined || text === '' ? fallback : Number(text);
  if (!(value >= lowest && value < Infinity)) {
    problems.push(`${name}=${text}: must be a number of at least ${lowest}`);
  }
  return value;
}

// [{durationS, from, to}] of `seconds:from:to,...`: rates that move linearly within a stage and jump between two.
function stagesOf(name) {
  const texts = __ENV[name] ? __ENV[name].split(',') : [];
  const stages = texts.map((text) => text.split(':').map(Number));
  if (stages.some((parts) => parts.length !== 3 || !parts.every((part) => part >= 0 && part < Infinity) || parts[0] === 0)) {
    problems.push(`${name}=${__ENV[name]}: write seconds:from:to for each stage, such as 20:50:50,10:200:200`);
    return [];
  }
  return stages.map(([durationS, from, to]) => ({ durationS, from, to }));
}

function oneOf(name, choices) {
  const value = __ENV[name] || choices[0];
  if (!choices.includes(value)) {
    problems.push(`${name}=${value}: must be one of ${choices.join(', ')}`);
  }
  return value;
}

function word(name, fallback) {
  const value = __ENV[name] || fallback;
  if (!/^[A-Za-z0-9._-]{1,40}$/.test(value)) {
    problems.push(`${name}=${value}: must be 1 to 40 letters, digits, dots, dashes or underscores`);
  }
  return value;
}

// The contract's routes, each with the service's own: itself, unless ROUTES (JSON) maps it to another one.
function routesOf(name) {
  const known = [...new Set(Object.values(SCENARIOS).flatMap((scenario) => scenario.routes || []))];
  const routes = Object.fromEntries(known.map((route) => [route, route]));
  let given = {};
  try {
    given = __ENV[name] ? JSON.parse(__ENV[name]) : {};
  } catch (error) {
    problems.push(`${name}: is no JSON: ${error.message}`);
  }
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    problems.push(`${name}: write an object, such as {"POST /login": "POST /api/v1/auth/login"}`);
    return routes;
  }
  Object.entries(given).forEach(([ours, own]) => {
    const problem = routeProblem(ours, own, known);
    if (problem) {
      problems.push(`${name}: ${ours}: ${problem}`);
    }
    routes[ours] = own;
  });
  return routes;
}

function routeProblem(ours, own, known) {
  if (!known.includes(ours)) {
    return `is no route of the contract (there are: ${known.join(', ')})`;
  }
  if (typeof own !== 'string' || !/^[A-Z]+ \/[^\s\\]*$/.test(own)) {
    return `${JSON.stringify(own)} is no route: write a method and a path that begins with /`;
  }
  const [method, placeholders] = [ours.split(' ')[0], placeholdersOf(ours)];
  if (own.split(' ')[0] !== method) {
    return `the method must stay ${method}, and ${own} has another`;
  }
  return placeholdersOf(own) === placeholders ? '' : `${own} must have ${placeholders || 'no placeholder'}`;
}

function placeholdersOf(route) {
  return (route.match(/\{[^{}]*\}/g) || []).sort().join(' ');
}

export const settings = Object.freeze({
  baseUrl: (__ENV.BASE_URL || 'http://127.0.0.1:8810').replace(/\/+$/, ''),
  rate: number('RATE', 5, 0.001),
  startRate: __ENV.START_RATE ? number('START_RATE', 0, 0) : null,
  stages: stagesOf('STAGES'),
  durationS: number('DURATION', 30, 1),
  seed: String(number('SEED', 14, 0)),
  phase: word('PHASE', 'main'),
  // the scripts' own default is the time, which setup() takes once for all VUs
  run: __ENV.RUN ? word('RUN', '') : null,
  summary: __ENV.SUMMARY || null,
  pollIntervalS: number('POLL_INTERVAL', 0.25, 0.01),
  deadlineS: number('DEADLINE', 15, 0.1),
  explainer: oneOf('EXPLAINER', ['tree', 'kernel']),
  maxVUs: number('MAX_VUS', 1000, 1),
  routes: Object.freeze(routesOf('ROUTES')),
});

if (problems.length > 0) {
  throw new Error(`the settings cannot be used:\n  ${problems.join('\n  ')}`);
}
