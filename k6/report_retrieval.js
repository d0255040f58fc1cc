// S4: read a seeded user's list of reports and three of the reports at once.

import http from 'k6/http';
import { begin, end } from './lib/journey.js';
import { carry, isReport, params, reportList, urlOf, verify } from './lib/requests.js';
import { optionsFor } from './lib/schedule.js';
import { pick, seed } from './lib/seeding.js';

export { handleSummary } from './lib/summary.js';
export const options = optionsFor('report_retrieval');
export const setup = () => seed(['report_retrieval']);

const isList = (response) => reportList(response).length > 0;
const isFinished = (response) => isReport(response) && response.json('status') === 'done';

// Sent without waiting: k6 takes the metadata at the call, so each request carries its own id.
async function read(ids, route, values, token, hasContent) {
  const id = ids.next();
  carry(id);
  const response = await http.asyncRequest('GET', urlOf(route, values), null, params(route, id, token));
  carry(id);
  return verify(response, route, 200, hasContent);
}

export async function report_retrieval(data) {
  const { iteration, ids } = begin(data);
  const { userId, token, reportIds } = pick(data.reader, iteration);
  const verified = await Promise.all([
    read(ids, 'GET /reports/{userId}', { userId }, token, isList),
    ...reportIds.map((id) => read(ids, 'GET /report/{id}', { id }, token, isFinished)),
  ]);
  end(verified.every(Boolean));
}
