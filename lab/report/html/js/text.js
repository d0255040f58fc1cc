// How figures are written: three digits that matter, the unit that suits them.
"use strict";
const lab = {};

lab.digits = (value) => {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 || size === 0 ? 0 : size >= 9.995 ? 1 : 2).replace(/\.?0+$/, (end) => (end.includes(".") ? "" : end));
};
lab.seconds = (value) =>
  value >= 1 ? `${lab.digits(value)} s` : value >= 1e-3 ? `${lab.digits(value * 1e3)} ms` : `${lab.digits(value * 1e6)} µs`;
lab.percent = (share) => {
  const size = Math.abs(share * 100);
  return `${size && size < 0.01 ? (share * 100).toPrecision(1) : lab.digits(share * 100)} %`;
};
lab.megabytes = (bytes) => (Math.abs(bytes) >= 1e9 ? `${lab.digits(bytes / 1e9)} GB` : `${lab.digits(bytes / 1e6)} MB`);
lab.clock = (epoch_s) => new Date(epoch_s * 1000).toISOString().slice(11, 19);
lab.length = (s) => (s >= 7200 ? `${lab.digits(s / 3600)} h` : s >= 120 ? `${lab.digits(s / 60)} min` : `${lab.digits(s)} s`);
// names of services and thresholds come from elsewhere, and tooltips are HTML
lab.escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
