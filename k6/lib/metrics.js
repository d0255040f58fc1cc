// What the scripts measure beside single requests.

import { Counter, Gauge, Trend } from 'k6/metrics';

export const analysisDuration = new Trend('analysis_duration', true); // POST /analyze to the finished report
export const uploadToReport = new Trend('upload_to_report', true); // POST /datasets to the finished report
export const aiCoreAnalyze = new Trend('ai_core_analyze', true); // what ai_core says of itself, per part
export const analyses = new Counter('analyses'); // outcome: done, failed, rejected or timeout
export const journeys = new Counter('journeys'); // outcome: completed or failed
export const startDelay = new Trend('start_delay', true); // when a journey was due to when it began
export const maxVUs = new Gauge('max_vus'); // how many VUs a k6 scenario may have, once per k6 scenario
export const scenarioStarted = new Gauge('scenario_started'); // epoch milliseconds, once per k6 scenario
