// A seeded user's token, renewed before it expires: a soak lasts longer than a session does.

import encoding from 'k6/encoding';
import exec from 'k6/execution';
import http from 'k6/http';
import { group } from 'k6';
import { carry, params, urlOf } from './requests.js';
import { settings } from './settings.js';
import { seededUser } from './users.js';

// Of a token that does not say when it expires.
const UNKNOWN_LIFETIME_S = 1800;

// What this VU has renewed or looked at, by the user's name: VUs share nothing.
const sessions = {};

// {token, renewAtMs}. VUs renew at different times of a token's life, between its half and nine tenths, so that they do
// not all log in at once.
function session(token, fallbackIssuedMs) {
  let [issuedMs, lifetimeMs] = [fallbackIssuedMs, UNKNOWN_LIFETIME_S * 1000];
  try {
    const claims = JSON.parse(encoding.b64decode(token.split('.')[1], 'rawurl', 's'));
    if (claims.exp > claims.iat) {
      [issuedMs, lifetimeMs] = [claims.iat * 1000, (claims.exp - claims.iat) * 1000];
    }
  } catch (error) {
    // no JSON web token
  }
  const part = 0.5 + 0.4 * ((exec.vu.idInTest * 0.618034) % 1);
  return { token, renewAtMs: issuedMs + part * lifetimeMs };
}

// Like what setup() sends, these requests are no part of a journey: they stand in its group, and in none of its figures.
function logIn(user, name) {
  const id = `${settings.run || 'run'}-${settings.phase}-session-${exec.vu.idInTest}-${name}`;
  const options = params('POST /login (setup)', id, null, { load: 'setup' });
  options.headers['Content-Type'] = 'application/json';
  carry(id);
  let response = null;
  group('setup', () => {
    response = http.post(urlOf('POST /login'), JSON.stringify(user), options);
  });
  return response.status === 200 ? response.json('token') : null;
}

// The token to act with now, for a user of setup(). One that cannot be renewed is used as long as it lasts.
export function tokenOf(user) {
  const name = `${user.role}-${user.number}`;
  const now = Date.now();
  sessions[name] = sessions[name] || session(user.token, now);
  if (now >= sessions[name].renewAtMs) {
    const token = logIn(seededUser(user.role, user.number), name);
    sessions[name] = token ? session(token, now) : { ...sessions[name], renewAtMs: now + 1000 };
  }
  return sessions[name].token;
}
