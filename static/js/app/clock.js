// Relative times and durations that advance, toasts that expire, and the time zone for the server.

import { each, meta } from "./dom.js";

// Ages are measured by the server's clock, because the browser's may be wrong.
const skew = Date.now() - (Date.parse(meta("now")) || Date.now());
const age = (moment) => (Date.now() - skew - Date.parse(moment)) / 1000;
const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

// The same words as the filters in queries/templatetags/querydeck.py.
function relative(seconds) {
  const size = Math.abs(seconds);
  if (size < 45) return "just now";
  const [unit, word] = UNITS.find(([least]) => size >= least) ?? UNITS[2];
  const amount = `${Math.max(Math.round(size / unit), 1)} ${word}`;
  return seconds < 0 ? `in ${amount}` : `${amount} ago`;
}

function duration(seconds) {
  if (seconds < 10) return `${Math.max(seconds, 0).toFixed(1)} s`;
  const row = UNITS.find(([least]) => seconds >= least);
  if (!row) return `${Math.floor(seconds)} s`;
  const [unit, word, below, part] = row;
  const rest = Math.floor((seconds % unit) / below);
  return `${Math.floor(seconds / unit)} ${word}${rest ? ` ${rest} ${part}` : ""}`;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function tick() {
  if (document.hidden) return;
  each("[data-elapsed-since]", (node) => setText(node, duration(age(node.dataset.elapsedSince))));
  each("time[data-relative]", (node) => setText(node, relative(age(node.dateTime))));
  each("[data-autohide]:not(:hover, :focus-within)", (toast) => {
    toast.dataset.autohide = Number(toast.dataset.autohide) + 1;
    if (toast.dataset.autohide > 6) toast.remove();
  });
}

function sendTimeZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (timeZone) document.cookie = `tz=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

sendTimeZone();
setInterval(tick, 1000);
