// Who acts in the journeys.

import { settings } from './settings.js';

const PASSWORD = 'correct horse battery staple';

function user(name) {
  return { email: `${name}@load.example`, password: `${PASSWORD} ${settings.seed}` };
}

// A user that every phase and run with this seed shares; `role` is what its journeys do.
export function seededUser(role, number) {
  return user(`${role}-${number}.seed-${settings.seed}`);
}

// A user that no earlier run, phase or iteration has registered.
export function newUser(run, iteration) {
  return user(`new-${iteration}.${settings.phase}.seed-${settings.seed}.run-${run}`);
}
