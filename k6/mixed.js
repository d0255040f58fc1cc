// S5: the journeys of S1 to S4 in the shares that scenarios.json gives, each at an arrival rate of its own.

import { optionsFor, partsOf } from './lib/schedule.js';
import { seed } from './lib/seeding.js';

export { auth_dashboard } from './auth_dashboard.js';
export { explain_heavy } from './explain_heavy.js';
export { report_retrieval } from './report_retrieval.js';
export { upload_analyze } from './upload_analyze.js';
export { handleSummary } from './lib/summary.js';

export const options = optionsFor('mixed');
export const setup = () => seed(partsOf('mixed'));
