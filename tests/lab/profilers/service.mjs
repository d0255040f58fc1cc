// A service in plain Node that does one thing that a profiler must find:
//
//   node service.mjs READY_FILE burn | leak | rest | deaf | tight | threads | cluster | launcher
//
// writes its pid to the file once it does it.

import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { renameSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const [readyFile, mode] = process.argv.slice(2);
const kept = [];

class LeakedSession {
  constructor(at) {
    this.at = at;
    this.values = Array.from({ length: 500 }, (_, i) => at + i + 0.5);
  }
}

function burnTheCpu(ms) {
  const until = performance.now() + ms;
  let sum = 0;
  while (performance.now() < until) for (let i = 0; i < 10_000; i++) sum += Math.sqrt(i);
  return sum;
}

function leakASession() {
  for (let i = 0; i < 20; i++) kept.push(new LeakedSession(kept.length));
}

const MODES = {
  burn: () => setInterval(() => burnTheCpu(40), 50),
  leak: () => setInterval(leakASession, 10),
  rest: () => setInterval(() => {}, 1000),
  deaf: () => process.on('SIGUSR1', () => {}) && MODES.rest(),
  tight: () => setTimeout(() => burnTheCpu(600_000), 300),
  threads: () => new Worker('setInterval(() => {}, 1000)', { eval: true }),
  launcher: () => {
    fork(process.argv[1], [`${readyFile}-below`, 'rest'], { execArgv: [] });
    process.title = 'npm run start';
  },
  cluster: () => (cluster.isPrimary ? [cluster.fork(), cluster.fork()] && MODES.rest() : MODES.burn()),
};

MODES[mode]();
if (cluster.isPrimary) {
  writeFileSync(`${readyFile}.part`, String(process.pid));
  renameSync(`${readyFile}.part`, readyFile);
}
