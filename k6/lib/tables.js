// The datasets: numeric CSV whose last column follows from the others, plus noise, so that a model has something to learn.

import { random } from './random.js';
import { settings } from './settings.js';

const SMALL = { rows: 200, features: 8 };
const LARGE = { rows: 1000, features: 12 };
const BLOCK_ROWS = 24;
const BLOCKS = 16;
const FRESH_ROWS = SMALL.rows % BLOCK_ROWS; // 8: what 8 blocks leave of 200 rows

function header(features) {
  const names = Array.from({ length: features }, (_, i) => `x${i}`);
  return `${names.join(',')},y\n`;
}

// Two decimals, by integers: formatting floats would cost more than the numbers themselves.
function row(next, features) {
  let text = '';
  let y = 0;
  for (let i = 0; i < features; i++) {
    const x = Math.floor(next() * 2000) - 1000;
    y += i % 3 === 2 ? (x * x) / 1000 : x * (features - i);
    text += `${x / 100},`;
  }
  return `${text}${Math.round(y / 10 + next() * 60) / 10}\n`;
}

function rows(next, count, features) {
  let text = '';
  for (let i = 0; i < count; i++) {
    text += row(next, features);
  }
  return text;
}

// A table is put together from blocks of rows, since making its numbers anew would cost 4 ms of k6's CPU per journey; this
// way it is 0.2 ms. Each VU makes a block when it first needs it (0.5 ms): reading one from a SharedArray costs 0.2 ms
// every time, because k6 parses it as JSON.
const blocks = [];

function block(i) {
  if (blocks[i] === undefined) {
    blocks[i] = rows(random(settings.seed, settings.phase, 'block', i), BLOCK_ROWS, SMALL.features);
  }
  return blocks[i];
}

// 200 rows of 8 features, about 10 KB. New in its bytes for every iteration: it ends with rows of its own.
export function smallTable(scenario, iteration) {
  const next = random(settings.seed, settings.phase, scenario, iteration);
  const first = Math.floor(next() * BLOCKS);
  const stride = 1 + 2 * Math.floor((next() * BLOCKS) / 2); // odd, so that no block comes twice
  let text = header(SMALL.features);
  for (let i = 0; i < Math.floor(SMALL.rows / BLOCK_ROWS); i++) {
    text += block((first + i * stride) % BLOCKS);
  }
  return text + rows(next, FRESH_ROWS, SMALL.features);
}

// 1000 rows of 12 features, about 70 KB; the same in every phase, so that its owner uploads it once.
export function largeTable(owner) {
  const next = random(settings.seed, 'large', owner);
  return header(LARGE.features) + rows(next, LARGE.rows, LARGE.features);
}
