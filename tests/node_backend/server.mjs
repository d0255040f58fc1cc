// A small backend in plain Node that keeps the contract (docs/contract.md) under routes and names of its own, with
// everything in memory: what the lab meets where it did not write the services.
//
//   node server.mjs PORT_FILE [REDIRECT_TO]
//
// serves 127.0.0.1 on a free port and writes its number to the file. With REDIRECT_TO, a URL, every request of the API is
// answered with a redirect to there once `POST /control/redirect` was asked for.

import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const ANALYSIS_MS = 30;
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const SECONDS = { parse: 0.001, fit: 0.02, explain: 0.01, total: 0.031 };
const startedAt = Math.floor(Date.now() / 1000);
const [portFile, redirectTo] = process.argv.slice(2);

const users = new Map(); // e-mail -> {userId, password}
const tokens = new Map(); // token -> userId
const datasets = new Map(); // id -> {userId}
const reports = new Map(); // id -> {userId, status, result, createdAt}
const answered = new Map(); // method, route and status -> count
let waiting = 0;
let isRedirecting = false;

class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const hash = (text) => createHash('sha256').update(text).digest('hex');

function session(user) {
  const token = randomUUID();
  tokens.set(token, user.userId);
  return { userId: user.userId, token };
}

function signUp({ body }) {
  const { email, password } = JSON.parse(body);
  if (users.has(email)) throw new Refusal(409, 'taken');
  users.set(email, { userId: randomUUID(), password: hash(password) });
  return [201, session(users.get(email))];
}

function logIn({ body }) {
  const { email, password } = JSON.parse(body);
  const user = users.get(email);
  if (!user || user.password !== hash(password)) throw new Refusal(401, 'no such user or password');
  return [200, session(user)];
}

function addDataset({ body, userId }) {
  const lines = body.trim().split('\n');
  const sha256 = hash(`${userId} ${body}`);
  datasets.set(sha256, { userId });
  return [201, { datasetId: sha256, rows: lines.length - 1, columns: lines[0].split(',').length, sha256 }];
}

function startAnalysis({ body, userId }) {
  const { datasetId, explainer = 'tree' } = JSON.parse(body);
  if (datasets.get(datasetId)?.userId !== userId) throw new Refusal(404, 'no such dataset');
  const reportId = randomUUID();
  reports.set(reportId, { userId, status: 'queued' });
  waiting += 1;
  setTimeout(() => {
    waiting -= 1;
    reports.set(reportId, { userId, status: 'done', result: { explainer, seconds: SECONDS } });
  }, ANALYSIS_MS);
  return [202, { analysisId: randomUUID(), reportId, status: 'queued' }];
}

function oneReport({ values, userId }) {
  const report = reports.get(values.id);
  if (report?.userId !== userId) throw new Refusal(404, 'no such report');
  return [200, { reportId: values.id, status: report.status, result: report.result }];
}

function listReports({ values, userId }) {
  if (values.userId !== userId) throw new Refusal(403, 'not yours');
  const own = [...reports].filter(([, report]) => report.userId === userId).reverse();
  return [200, { reports: own.slice(0, 20).map(([reportId, { status }]) => ({ reportId, status })), nextCursor: null }];
}

const ROUTES = [
  ['POST /api/v1/auth/signup', signUp],
  ['POST /api/v1/auth/login', logIn],
  ['POST /api/v1/datasets', addDataset],
  ['POST /api/v1/analyses', startAnalysis],
  ['GET /api/v1/reports/{id}', oneReport],
  ['GET /api/v1/users/{userId}/reports', listReports],
].map(([route, handle]) => {
  const [method, path] = route.split(' ');
  return { route, method, pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`), handle };
});

function metrics() {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const requests = [...answered].map(([labels, count]) => `app_requests_total{${labels}} ${count}`);
  return [
    ...requests,
    `jobs_waiting ${waiting}`,
    `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
    `process_resident_memory_bytes ${memory.rss}`,
    `process_open_fds ${readdirSync('/proc/self/fd').length}`,
    `process_start_time_seconds ${startedAt}`,
    `nodejs_heap_size_used_bytes ${memory.heapUsed}`,
    '',
  ].join('\n');
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BODY_BYTES) throw new Refusal(413, 'too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

async function answer(request, body) {
  const { pathname } = new URL(request.url, 'http://127.0.0.1');
  if (pathname === '/status') return [200, { version: '2.7.1' }];
  if (pathname === '/control/redirect') {
    isRedirecting = true;
    return [200, {}];
  }
  const found = ROUTES.find((each) => each.method === request.method && each.pattern.test(pathname));
  if (!found) throw new Refusal(404, 'no such route');
  request.route = found.route;
  if (isRedirecting && redirectTo) return [307, {}, { Location: redirectTo + pathname }];
  const userId = tokens.get((request.headers.authorization || '').replace('Bearer ', ''));
  if (!found.route.includes('/auth/') && !userId) throw new Refusal(401, 'log in');
  return found.handle({ body, userId, values: pathname.match(found.pattern).groups || {} });
}

const server = createServer(async (request, response) => {
  if (request.url === '/internal/metrics') {
    response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' }).end(metrics());
    return;
  }
  let told;
  try {
    told = await answer(request, await read(request));
  } catch (error) {
    told = [error.status || (error instanceof SyntaxError ? 422 : 500), { detail: error.message }];
  }
  const [status, content, headers = {}] = told;
  const labels = `method="${request.method}",route="${request.route || 'other'}",status="${status}"`;
  answered.set(labels, (answered.get(labels) || 0) + 1);
  const id = request.headers['x-request-id'] || randomUUID();
  response.writeHead(status, { 'Content-Type': 'application/json', 'X-Request-Id': id, ...headers });
  response.end(JSON.stringify(content));
});

server.listen(0, '127.0.0.1', () => {
  writeFileSync(`${portFile}.part`, String(server.address().port));
  renameSync(`${portFile}.part`, portFile);
});
