// Search in files: asked as one types, given up when one types on; a click opens the file at the line.
import React, { useEffect, useMemo, useRef, useState } from "react";
import { CaseSensitive, Regex, X } from "lucide-react";
import { FileIcon } from "./icons.jsx";
import { count, folderOf, nameOf, relative, ROOT, shown } from "./paths.jsx";

const PAUSE_MS = 250;
const globs = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);

function useSearch(link, wanted) {
  const [found, setFound] = useState({ state: "idle", matches: [] });
  useEffect(() => {
    if (!wanted.query) { setFound({ state: "idle", matches: [] }); return undefined; }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      setFound((now) => ({ ...now, state: "searching" }));
      const { query, regex, matchCase, include, exclude } = wanted;
      try {
        const asked = { query, regex, match_case: matchCase, include: globs(include), exclude: globs(exclude) };
        const result = await link.call("search", asked, { signal: stop.signal });
        if (!stop.signal.aborted) setFound({ state: "done", ...result });
      } catch (fault) {
        if (!stop.signal.aborted) setFound({ state: "failed", matches: [], problem: fault.message });
      }
    }, PAUSE_MS);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [link, wanted]);
  return found;
}

const said = ({ state, matches, files, truncated, problem }) => {
  if (state === "searching") return "Searching…";
  if (state === "failed") return problem;
  if (state !== "done") return "";
  if (!matches.length) return "Nothing was found.";
  return `${count(matches.length, "match").replace("matchs", "matches")} in ${count(files, "file")}${truncated ? ": the first ones" : ""}`;
};

function Marked({ text, column, query, isPlain }) {
  const shownText = shown(text), lead = shownText.length - shownText.trimStart().length;
  const at = isPlain ? shownText.toLowerCase().indexOf(query.toLowerCase(), Math.max(0, Math.min(column - 1, shownText.length - query.length))) : -1;
  const from = at >= 0 ? at : isPlain ? shownText.toLowerCase().indexOf(query.toLowerCase()) : -1;
  if (from < 0) return <span>{shownText.trimStart()}</span>;
  return <span>{shownText.slice(Math.min(lead, from), from)}<mark>{shownText.slice(from, from + query.length)}</mark>{shownText.slice(from + query.length)}</span>;
}

function Group({ path, matches, query, isPlain, onOpen }) {
  const [isOpen, setOpen] = useState(true);
  return (
    <li>
      <button type="button" className="pq-found-file" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)} title={shown(path)}>
        <FileIcon path={path} />
        <b>{shown(nameOf(path))}</b>
        <span>{folderOf(path) === ROOT ? "" : shown(relative(folderOf(path)))}</span>
        <span className="pq-found-count">{matches.length}</span>
      </button>
      {isOpen && <ul>{matches.map((each, index) => (
        <li key={index}>
          <button type="button" className="pq-found-line" onClick={() => onOpen(path, { line: each.line, column: each.column })}>
            <span className="pq-found-number">{each.line}</span>
            <Marked text={each.text} column={each.column} query={query} isPlain={isPlain} />
          </button>
        </li>))}</ul>}
    </li>
  );
}

function Choice({ label, isOn, onChange, children }) {
  return <button type="button" className="pq-small-button" aria-label={label} title={label} aria-pressed={isOn} onClick={() => onChange(!isOn)}>{children}</button>;
}

export function SearchPanel({ session, onOpen, onClose }) {
  const [wanted, setWanted] = useState({ query: "", regex: false, matchCase: false, include: "", exclude: "" });
  const input = useRef(null);
  const found = useSearch(session.link, wanted);
  const set = (change) => setWanted((now) => ({ ...now, ...change }));
  const groups = useMemo(() => {
    const byPath = new Map();
    found.matches.forEach((each) => byPath.set(each.path, [...(byPath.get(each.path) ?? []), each]));
    return [...byPath];
  }, [found.matches]);
  useEffect(() => input.current.focus(), []);
  const field = (name, label, placeholder) => (
    <input className="pq-small-input" aria-label={label} placeholder={placeholder} value={wanted[name]} spellCheck={false} autoComplete="off"
      onChange={(event) => set({ [name]: event.target.value })} />
  );
  return (
    <div className="pq-seeking" role="search" onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <div className="pq-side-head">
        <h2>Search</h2>
        <button type="button" className="pq-small-button" aria-label="Back to the files" title="Back to the files" onClick={onClose}><X size={16} aria-hidden="true" /></button>
      </div>
      <div className="pq-find-form">
        <div className="pq-find-query">
          <input ref={input} className="pq-small-input" aria-label="Search in files" placeholder="Search in files" value={wanted.query} spellCheck={false}
            autoComplete="off" onChange={(event) => set({ query: event.target.value })} />
          <Choice label="Match case" isOn={wanted.matchCase} onChange={(matchCase) => set({ matchCase })}><CaseSensitive size={16} aria-hidden="true" /></Choice>
          <Choice label="Regular expression" isOn={wanted.regex} onChange={(regex) => set({ regex })}><Regex size={16} aria-hidden="true" /></Choice>
        </div>
        {field("include", "Only in files like", "Only in: *.py, src/**")}
        {field("exclude", "Not in files like", "Not in: *.log, dist")}
      </div>
      <p className="pq-find-said" role="status" data-bad={found.state === "failed" || undefined}>{said(found)}</p>
      <ul className="pq-found" role="list">{groups.map(([path, matches]) => (
        <Group key={path} path={path} matches={matches} query={wanted.query} isPlain={!wanted.regex} onOpen={onOpen} />))}</ul>
    </div>
  );
}
