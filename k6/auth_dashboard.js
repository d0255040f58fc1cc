// S1: register or log in, then list the user's reports.

import { begin, end } from './lib/journey.js';
import { login, register, reports } from './lib/requests.js';
import { optionsFor } from './lib/schedule.js';
import { seed } from './lib/seeding.js';
import { newUser, seededUser } from './lib/users.js';

export { handleSummary } from './lib/summary.js';
export const options = optionsFor('auth_dashboard');
export const setup = () => seed(['auth_dashboard']);

// Hashing a password is costly on purpose: one journey in ten registers, as in life, and the others log in.
const REGISTERS_EVERY = 10;

export function auth_dashboard(data) {
  const { iteration, ids } = begin(data);
  const user =
    iteration % REGISTERS_EVERY === 0
      ? register(ids, newUser(data.run, iteration))
      : login(ids, seededUser('reader', iteration % data.reader.length));
  end(user !== null && reports(ids, user) !== null);
}
