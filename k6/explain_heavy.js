// S3: analyze a larger dataset twice through the SHAP path, polling each report until it is done.

import { analyzed } from './lib/analysis.js';
import { begin, end } from './lib/journey.js';
import { optionsFor } from './lib/schedule.js';
import { pick, seed } from './lib/seeding.js';

export { handleSummary } from './lib/summary.js';
export const options = optionsFor('explain_heavy');
export const setup = () => seed(['explain_heavy']);

export function explain_heavy(data) {
  const { iteration, ids } = begin(data);
  const { token, datasetId } = pick(data.analyst, iteration);
  const first = analyzed(ids, token, datasetId);
  const second = analyzed(ids, token, datasetId);
  end(first && second);
}
