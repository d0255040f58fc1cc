// setup(): users that journeys share, with what they need. What exists already is used again.

import http from 'k6/http';
import { sleep } from 'k6';
import { RequestIds, params, reportList, urlOf } from './requests.js';
import { tokenOf } from './session.js';
import { settings } from './settings.js';
import { largeTable } from './tables.js';
import { seededUser } from './users.js';

const USERS = 4;
const REPORTS = 3;
const PATIENCE_S = 60;
// A known user and a full queue are no failures here, and would look like some in k6's own summary.
const ANSWERS = http.expectedStatuses({ min: 200, max: 299 }, 409, 503);
const NEEDS = {
  auth_dashboard: ['reader'],
  upload_analyze: ['uploader'],
  explain_heavy: ['analyst'],
  report_retrieval: ['reader'],
};

let ids = null;

function request(route, values, body, token, type = 'application/json') {
  const options = params(`${route} (setup)`, ids.next(), token);
  options.headers['Content-Type'] = type;
  options.timeout = `${PATIENCE_S}s`;
  options.responseCallback = ANSWERS;
  return { method: route.split(' ')[0], url: urlOf(route, values), body, params: options };
}

function send(requests, statuses) {
  const responses = http.batch(requests);
  responses.forEach((response, i) => {
    if (!statuses.includes(response.status)) {
      const what = `${requests[i].method} ${requests[i].url}`;
      throw new Error(`setup: ${what} answered ${response.status} ${response.error || String(response.body).slice(0, 300)}`);
    }
  });
  return responses;
}

// [{role, number, userId, token}] of a role, registered now or earlier.
function sessions(role) {
  const bodies = Array.from({ length: USERS }, (_, i) => JSON.stringify(seededUser(role, i)));
  const registered = send(bodies.map((body) => request('POST /register', {}, body)), [201, 409]);
  const known = bodies.filter((_, i) => registered[i].status === 409);
  const logins = send(known.map((body) => request('POST /login', {}, body)), [200]);
  return registered.map((r, number) => {
    const answer = r.status === 201 ? r : logins.shift();
    return { role, number, userId: answer.json('userId'), token: answer.json('token') };
  });
}

function uploads(users) {
  const requests = users.map((user, i) => request('POST /datasets', {}, largeTable(i), user.token, 'text/csv'));
  return send(requests, [200, 201]).map((r, i) => ({ ...users[i], datasetId: r.json('datasetId') }));
}

function finishedReports(users) {
  const lists = users.map((user) => request('GET /reports/{userId}', { userId: user.userId }, null, user.token));
  return send(lists, [200]).map((response) =>
    reportList(response).filter((r) => r.status === 'done').map((r) => r.reportId).slice(0, REPORTS),
  );
}

function before(deadline, what) {
  if (Date.now() > deadline) {
    throw new Error(`setup: ${what} took more than ${PATIENCE_S} s`);
  }
  sleep(0.05);
}

// A full queue is no reason to give up: what is refused is asked for again.
function startAnalyses(wanted) {
  const deadline = Date.now() + PATIENCE_S * 1000;
  for (let open = wanted; open.length > 0; before(deadline, 'starting analyses')) {
    const requests = open.map((user) =>
      request('POST /analyze', {}, JSON.stringify({ datasetId: user.datasetId, explainer: 'tree' }), user.token),
    );
    const responses = send(requests, [202, 503]);
    open = open.filter((_, i) => responses[i].status === 503);
  }
}

// Each user with the ids of its finished reports, made where there are too few.
function withReports(users) {
  const have = finishedReports(users);
  const lacking = users.filter((_, i) => have[i].length < REPORTS);
  if (lacking.length > 0) {
    startAnalyses(uploads(lacking).flatMap((user) => Array(REPORTS).fill(user)));
  }
  const deadline = Date.now() + PATIENCE_S * 1000;
  for (let reportIds = have; ; before(deadline, 'finishing analyses')) {
    if (reportIds.every((some) => some.length >= REPORTS)) {
      return users.map((user, i) => ({ ...user, reportIds: reportIds[i] }));
    }
    reportIds = finishedReports(users);
  }
}

// {run, reader, uploader, analyst}: the users of each role that the journeys in `parts` need.
export function seed(parts) {
  const run = settings.run || Date.now().toString(36);
  ids = new RequestIds(run, 'setup', 0);
  const roles = new Set(parts.flatMap((part) => NEEDS[part]));
  const data = { run };
  if (roles.has('reader')) {
    data.reader = withReports(sessions('reader'));
  }
  if (roles.has('uploader')) {
    data.uploader = sessions('uploader');
  }
  if (roles.has('analyst')) {
    data.analyst = uploads(sessions('analyst'));
  }
  return data;
}

// The user whose turn it is, with a token that is still good.
export function pick(users, iteration) {
  const user = users[iteration % users.length];
  return { ...user, token: tokenOf(user) };
}
