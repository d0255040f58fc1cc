// The backend's requests: each under its route template, with a request id that its samples carry, and checked.

import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
import { settings } from './settings.js';

// The ids of one journey's requests: run-phase-scenario-iteration-n.
export class RequestIds {
  constructor(run, scenario, iteration) {
    this.prefix = `${run}-${settings.phase}-${scenario}-${iteration}`;
    this.count = 0;
  }

  first() {
    return `${this.prefix}-1`;
  }

  next() {
    this.count += 1;
    return `${this.prefix}-${this.count}`;
  }
}

// Metadata goes with every sample that follows and, unlike a tag, makes no time series of its own.
export function carry(id) {
  exec.vu.metrics.metadata.request_id = id;
}

// Where a route of the contract is in this system: its own route, with `values` in the place of its placeholders.
export function urlOf(route, values = {}) {
  const path = settings.routes[route].split(' ')[1];
  return settings.baseUrl + path.replace(/\{([^{}]*)\}/g, (_, name) => encodeURIComponent(values[name]));
}

// A redirect is an answer like any other, and a bad one: followed, it could take the load to a host that nobody has allowed.
const ANSWERS = http.expectedStatuses({ min: 200, max: 299 });

export function params(route, id, token, tags) {
  const headers = { 'X-Request-Id': id };
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  return {
    headers,
    tags: { ...tags, name: route },
    timeout: `${settings.deadlineS}s`,
    redirects: 0,
    responseCallback: ANSWERS,
  };
}

function json(body, options) {
  options.headers['Content-Type'] = 'application/json';
  return [JSON.stringify(body), options];
}

function post(route, body, options) {
  carry(options.headers['X-Request-Id']);
  return http.post(urlOf(route), body, options);
}

// True when the answer has the status and the content that the contract promises.
export function verify(response, route, status, hasContent) {
  return check(response, {
    [`${route} answers ${status}`]: (r) => r.status === status,
    [`${route} says what it should`]: (r) => r.status === status && isContent(r, hasContent),
  });
}

function isContent(response, hasContent) {
  try {
    return hasContent(response);
  } catch (error) {
    return false; // no JSON at all
  }
}

const isSession = (r) => typeof r.json('token') === 'string' && typeof r.json('userId') === 'string';

function session(response) {
  return { userId: response.json('userId'), token: response.json('token') };
}

// {userId, token}, or null.
export function register(ids, user) {
  const route = 'POST /register';
  const response = post(route, ...json(user, params(route, ids.next())));
  return verify(response, route, 201, isSession) ? session(response) : null;
}

// {userId, token}, or null.
export function login(ids, user) {
  const route = 'POST /login';
  const response = post(route, ...json(user, params(route, ids.next())));
  return verify(response, route, 200, isSession) ? session(response) : null;
}

// The dataset's id, or null.
export function upload(ids, token, table) {
  const route = 'POST /datasets';
  const options = params(route, ids.next(), token);
  options.headers['Content-Type'] = 'text/csv';
  const response = post(route, table, options);
  const fits = (r) => typeof r.json('datasetId') === 'string' && r.json('rows') > 0 && r.json('columns') > 0;
  return verify(response, route, 201, fits) ? response.json('datasetId') : null;
}

// The id of the report to come, or null.
export function analyze(ids, token, datasetId) {
  const route = 'POST /analyze';
  const body = { datasetId, explainer: settings.explainer };
  const response = post(route, ...json(body, params(route, ids.next(), token)));
  return verify(response, route, 202, (r) => typeof r.json('reportId') === 'string')
    ? response.json('reportId')
    : null;
}

const STATES = ['queued', 'running', 'done', 'failed'];

export function isReport(response) {
  const state = response.json('status');
  return STATES.includes(state) && (state !== 'done' || response.json('result.seconds.total') >= 0);
}

// The response, or null when it is no report.
export function report(ids, token, reportId, tags) {
  const route = 'GET /report/{id}';
  const options = params(route, ids.next(), token, tags);
  carry(options.headers['X-Request-Id']);
  const response = http.get(urlOf(route, { id: reportId }), options);
  return verify(response, route, 200, isReport) ? response : null;
}

export function reportList(response) {
  const body = response.json();
  return Array.isArray(body) ? body : body.reports;
}

// The user's list of reports, or null.
export function reports(ids, user) {
  const route = 'GET /reports/{userId}';
  const options = params(route, ids.next(), user.token);
  carry(options.headers['X-Request-Id']);
  const response = http.get(urlOf(route, { userId: user.userId }), options);
  return verify(response, route, 200, (r) => Array.isArray(reportList(r))) ? reportList(response) : null;
}
