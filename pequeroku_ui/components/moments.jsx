import React, { useEffect, useState } from "react";

// Time that ticks in the browser: no event has to pass for a second to go by.
function useNow(everyMs, stopped) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (stopped) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, stopped]);
  return now;
}

function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const two = (n) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)} min`;
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)} h`;
}

function ago(ms) {
  const min = Math.floor(ms / 60000);
  if (min < 1) return "just now";
  if (min < 60) return `${min} min ago`;
  const h = Math.floor(min / 60);
  if (h < 24) return `${h} h ago`;
  const d = Math.floor(h / 24);
  return d === 1 ? "yesterday" : `${d} days ago`;
}

export function Elapsed({ at, until, className }) {
  const now = useNow(500, !at || !!until);
  if (!at) return null;
  const from = Date.parse(at);
  const to = until ? Date.parse(until) : now;
  const text = until && to - from < 10000 ? `${(Math.max(0, to - from) / 1000).toFixed(1)} s` : clock(to - from);
  return <span className={className}>{text}</span>;
}

export function Ago({ at, className }) {
  const now = useNow(20000, !at);
  if (!at) return null;
  const when = new Date(at);
  return (
    <time className={className} dateTime={at} title={when.toLocaleString()}>
      {ago(now - when.getTime())}
    </time>
  );
}

function ahead(ms) {
  const min = Math.ceil(ms / 60000);
  if (min < 1) return "any moment now";
  if (min < 120) return `in ${min} min`;
  const h = Math.round(min / 60);
  return h < 48 ? `in ${h} h` : `in ${Math.round(h / 24)} days`;
}

export function Until({ at, className }) {
  const now = useNow(20000, !at);
  if (!at) return null;
  const when = new Date(at);
  return (
    <time className={className} dateTime={at} title={when.toLocaleString()}>
      {ahead(when.getTime() - now)}
    </time>
  );
}
