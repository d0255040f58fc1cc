// S2: upload a dataset, analyze it, poll the report until it is done.

import { analyzed } from './lib/analysis.js';
import { begin, end } from './lib/journey.js';
import { uploadToReport } from './lib/metrics.js';
import { upload } from './lib/requests.js';
import { optionsFor } from './lib/schedule.js';
import { pick, seed } from './lib/seeding.js';
import { settings } from './lib/settings.js';
import { smallTable } from './lib/tables.js';

export { handleSummary } from './lib/summary.js';
export const options = optionsFor('upload_analyze');
export const setup = () => seed(['upload_analyze']);

export function upload_analyze(data) {
  const { name, iteration, ids } = begin(data);
  const { token } = pick(data.uploader, iteration);
  const table = smallTable(name, iteration);
  const began = Date.now();
  const datasetId = upload(ids, token, table);
  const completed = datasetId !== null && analyzed(ids, token, datasetId);
  if (completed) {
    uploadToReport.add(Date.now() - began, { explainer: settings.explainer });
  }
  end(completed);
}
