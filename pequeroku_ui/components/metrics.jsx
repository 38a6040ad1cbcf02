import React, { useEffect, useMemo, useRef, useState } from "react";
import { Area, AreaChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

// What a container used. Rows are [Unix time, …figures] in the order of rules/downsampling.py; gaps stay gaps.
const CPU = 1, MEM = 2, MEM_ALL = 3, READ = 4, WRITE = 5, DISK = 6, RECEIVED = 7, SENT = 8;
const HOUR = 3600, DAY = 24 * HOUR;
const MOST_TABLE_ROWS = 48;

const percent = (value) => `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)}\u00a0%`;
const mib = (value) => bytes(value * 2 ** 20);
const rate = (value) => `${bytes(value)}/s`;

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)}\u00a0${units[at]}`;
}

// Four even steps up to a known top; else whole steps that cover the highest value.
function scale(rows, lines, top) {
  if (top) return [0, 0.25, 0.5, 0.75, 1].map((share) => share * top);
  const most = rows.reduce((a, row) => lines.reduce((b, [column]) => Math.max(b, row[column] ?? 0), a), 0);
  let step = 1;
  while (step * 4 < most) step *= 2;
  return [0, 1, 2, 3, 4].map((count) => count * step).filter((at) => at < most + step);
}

const CHARTS = [
  { title: "CPU", say: percent, top: () => 100, lines: [[CPU, "CPU", "--pq-busy"]] },
  { title: "Memory", say: mib, top: (row) => row[MEM_ALL], saysTop: true, lines: [[MEM, "In use", "--pq-good"]] },
  { title: "Disk", say: rate, lines: [[READ, "Read", "--pq-busy"], [WRITE, "Written", "--pq-warn"]], beside: DISK },
  { title: "Network", say: rate, lines: [[RECEIVED, "Received", "--pq-busy"], [SENT, "Sent", "--pq-warn"]] },
];

function clock(at, span) {
  const day = span > DAY ? { weekday: "short" } : {};
  return new Date(at * 1000).toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
}

function moment(at, span) {
  const seconds = span <= HOUR ? { second: "2-digit" } : {};
  const day = span > HOUR ? { weekday: "short", day: "numeric", month: "short" } : {};
  return new Date(at * 1000).toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit", ...seconds });
}

// Whole hours and days of the person's own clock.
function ticks(since, until, span) {
  const every = span <= HOUR ? 600 : span <= DAY ? 4 * HOUR : DAY;
  const offset = new Date(until * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((since - offset) / every) * every + offset; at <= until; at += every) found.push(at);
  return found;
}

// A row of nothing where nothing was measured, so that no line is drawn across.
function withGaps(rows, step) {
  const found = [];
  rows.forEach((row, index) => {
    const before = rows[index - 1];
    if (before && row[0] - before[0] > 2.5 * step) found.push([before[0] + step]);
    found.push(row);
  });
  return found;
}

// The history, and what was told since; the server sends a sample every two seconds.
function useRows(history, latest, span) {
  const [told, setTold] = useState([]);
  const last = useRef(0);
  useEffect(() => setTold([]), [history]);
  useEffect(() => {
    if (!latest.length || latest[0] <= last.current) return;
    last.current = latest[0];
    setTold((before) => [...before.filter((row) => row[0] > latest[0] - span), latest]);
  }, [latest, span]);
  return useMemo(() => {
    const known = history.rows ?? [];
    const from = known.length ? known[known.length - 1][0] + (history.step ?? 10) : 0;
    return [...known, ...told.filter((row) => row[0] >= from)];
  }, [history, told]);
}

function summary(chart, rows) {
  const said = chart.lines.map(([column, name]) => {
    const values = rows.map((row) => row[column]).filter((value) => value != null);
    if (!values.length) return `${name}: not known`;
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const most = values.reduce((a, b) => Math.max(a, b), 0);
    return `${name}: ${chart.say(values[values.length - 1])} at last, ${chart.say(mean)} on average, ${chart.say(most)} at most`;
  });
  return `${chart.title}. ${said.join(". ")}.`;
}

function Plot({ chart, rows, now, since, until, span, step }) {
  const drawn = useMemo(() => withGaps(rows, step), [rows, step]);
  const last = rows[rows.length - 1];
  const top = chart.top && last ? chart.top(last) : undefined;
  const steps = scale(rows, chart.lines, top);
  return (
    <section className="pq-panel pq-section" aria-label={chart.title}>
      <div className="pq-metric-head">
        <h2>{chart.title}</h2>
        {chart.lines.map(([column, name, ink]) => (
          <p key={name} className="pq-figure" style={{ "--ink": `var(${ink})` }}>
            <span className="pq-metric-key" aria-hidden="true" />
            {chart.lines.length > 1 && <span className="pq-quiet">{name} </span>}
            <b>{now && now[column] != null ? chart.say(now[column]) : "–"}</b>
          </p>
        ))}
        {now && chart.saysTop && top && <p className="pq-quiet">of {chart.say(top)}</p>}
        {last && chart.beside && last[chart.beside] != null && <p className="pq-quiet">{bytes(last[chart.beside])} used</p>}
      </div>
      <div className="pq-plot" role="img" aria-label={summary(chart, rows)}>
        <ResponsiveContainer width="100%" height={180}>
          <AreaChart data={drawn} margin={{ top: 8, right: 8, bottom: 0, left: 0 }} accessibilityLayer={false}
            role="presentation">
            <CartesianGrid vertical={false} stroke="var(--pq-line)" />
            <XAxis dataKey={0} type="number" domain={[since, until]} allowDataOverflow ticks={ticks(since, until, span)}
              tickFormatter={(at) => clock(at, span)} stroke="var(--pq-ink-soft)" tickLine={false} minTickGap={24} />
            <YAxis domain={[0, steps[steps.length - 1]]} ticks={steps} tickFormatter={chart.say} stroke="var(--pq-ink-soft)" tickLine={false}
              axisLine={false} width={74} />
            <Tooltip isAnimationActive={false} labelFormatter={(at) => moment(at, span)}
              formatter={(value, name) => [chart.say(value), name]} />
            {chart.lines.map(([column, name, ink]) => (
              <Area key={name} dataKey={(row) => row[column]} name={name} stroke={`var(${ink})`} fill={`var(${ink})`}
                fillOpacity={0.12} strokeWidth={1.5} isAnimationActive={false} connectNulls={false} dot={false} />
            ))}
          </AreaChart>
        </ResponsiveContainer>
      </div>
    </section>
  );
}

function AsTable({ rows, span }) {
  const [isOpen, setOpen] = useState(false);
  const every = Math.ceil(rows.length / MOST_TABLE_ROWS);
  const shown = isOpen ? rows.filter((_, index) => (rows.length - 1 - index) % every === 0).reverse() : [];
  const cell = (value, say) => (value == null ? "–" : say(value));
  return (
    <details className="pq-metrics-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The same as a table</summary>
      <div className="pq-scrolls" tabIndex={0} role="region" aria-label="Figures as a table">
        <table>
          <thead>
            <tr>
              {["Time", "CPU", "Memory", "Read", "Written", "Disk used", "Received", "Sent"].map((name) => (
                <th key={name} scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row[0]}>
                <th scope="row">{moment(row[0], span)}</th>
                <td>{cell(row[CPU], percent)}</td>
                <td>{cell(row[MEM], mib)}</td>
                <td>{cell(row[READ], rate)}</td>
                <td>{cell(row[WRITE], rate)}</td>
                <td>{cell(row[DISK], bytes)}</td>
                <td>{cell(row[RECEIVED], rate)}</td>
                <td>{cell(row[SENT], rate)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

export function MetricsCharts({ history, latest, span }) {
  const rows = useRows(history, latest ?? [], span);
  if (history.until == null) return <div className="pq-busy" role="status" aria-label="Loading the figures" />;
  const until = Math.max(history.until, latest?.[0] ?? 0);
  const since = until - span;
  const seen = rows.filter((row) => row[0] >= since - (history.step ?? 10));
  if (!seen.length) {
    return (
      <div className="pq-panel pq-metrics-none" role="status">
        <h2>No figures of this time</h2>
        <p className="pq-quiet">They appear a few seconds after the machine has started, and are kept for a week.</p>
      </div>
    );
  }
  const step = history.step ?? 10;
  const now = latest?.length && until - latest[0] < 10 ? latest : null; // a coarse point says nothing of this moment
  return (
    <>
      <div className="pq-plots">
        {CHARTS.map((chart) => (
          <Plot key={chart.title} {...{ chart, rows: seen, now, since, until, span, step }} />
        ))}
      </div>
      <AsTable rows={seen} span={span} />
    </>
  );
}
