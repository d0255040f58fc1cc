// One analysis as a user sees it: ask for it, poll its report until it is done.

import { sleep } from 'k6';
import { aiCoreAnalyze, analyses, analysisDuration } from './metrics.js';
import { analyze, report } from './requests.js';
import { settings } from './settings.js';

const PARTS = ['parse', 'fit', 'explain', 'total'];
const explainer = settings.explainer;

// True when the report was done before the deadline.
export function analyzed(ids, token, datasetId) {
  const asked = Date.now();
  const reportId = analyze(ids, token, datasetId);
  const outcome = reportId === null ? 'rejected' : poll(ids, token, reportId, asked);
  analyses.add(1, { explainer, outcome });
  return outcome === 'done';
}

// The first poll is one interval after the answer, so an analysis of an unloaded system takes one poll; those beyond it
// are load that the system draws by being slow, and are told apart by a tag.
function poll(ids, token, reportId, asked) {
  let tags = {};
  while (Date.now() + settings.pollIntervalS * 1000 - asked <= settings.deadlineS * 1000) {
    sleep(settings.pollIntervalS);
    const response = report(ids, token, reportId, tags);
    const status = response === null ? 'unknown' : response.json('status');
    if (status === 'done') {
      measure(response, Date.now() - asked);
    }
    if (status === 'done' || status === 'failed') {
      return status;
    }
    tags = { poll: 'extra' };
  }
  return 'timeout';
}

function measure(response, elapsedMs) {
  analysisDuration.add(elapsedMs, { explainer });
  const seconds = response.json('result.seconds');
  for (const part of PARTS) {
    if (seconds[part] >= 0) {
      aiCoreAnalyze.add(seconds[part] * 1000, { explainer, part });
    }
  }
}
