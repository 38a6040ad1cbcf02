// Terminals of one container: tabs, each with an xterm.js and a socket of its own (backend/api/ws/terminals.py).
import React, { useCallback, useEffect, useRef, useState } from "react";
import { useHasRun, WATCHED, Watching } from "./watching.jsx";
import { followTheme, makeTerminal } from "./xterm.jsx";

const WAITS_MS = [300, 600, 1200, 2500, 5000, 8000];
const FINAL = { 4400: "The server did not understand this page. Reload it.", 4403: "Reload the page to go on.",
  4404: "This container does not exist any more." };
const KEYS = [["Esc", "\x1b"], ["Tab", "\t"]];
const ARROWS = [["↑", "A", "Up"], ["↓", "B", "Down"], ["←", "D", "Left"], ["→", "C", "Right"]];

const HELP = "Ctrl+Shift+F searches · Ctrl+Shift+Enter opens another · Ctrl+Shift+E leaves the terminal";

// Who is at work somewhere else keeps the focus, whenever a terminal comes up.
const isElsewhere = (host) => document.activeElement !== document.body && !host.closest(".pq-terminals").contains(document.activeElement);

const encoder = new TextEncoder();
const MAX_TITLE = 100;
const PIECE_BYTES = 64 * 1024; // a paste may be longer than one message may be

// Keeps one socket open for one terminal, whatever the network does.
function connect(path, term, drawn, onState) {
  let socket, timer, tries = 0, ended = false, awaitsReplay = false;
  const send = (data) => socket?.readyState === WebSocket.OPEN && socket.send(data);
  const type = (text) => {
    const keys = encoder.encode(text);
    for (let at = 0; at < keys.length; at += PIECE_BYTES) send(keys.subarray(at, at + PIECE_BYTES));
  };
  const tell = (message) => send(JSON.stringify(message));
  const draw = (bytes) => {
    const isReplay = awaitsReplay;
    awaitsReplay = false;
    if (isReplay) { drawn.replays += 1; term.reset(); }
    term.write(bytes, () => { if (isReplay) drawn.replays -= 1; tell({ type: "ack", bytes: bytes.length }); });
  };
  const hear = (message) => {
    if (message.type === "replay") awaitsReplay = true;
    else { if (message.state === "exited") ended = true; onState(message.state, message.message, message.code); }
  };
  const open = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}${path}?cols=${term.cols}&rows=${term.rows}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { tries = 0; tell({ type: "resize", cols: term.cols, rows: term.rows }); };
    socket.onmessage = ({ data }) => (typeof data === "string" ? hear(JSON.parse(data)) : draw(new Uint8Array(data)));
    socket.onclose = ({ code }) => {
      if (ended) return;
      if (code === 4401) { location.assign(`/login?next=${encodeURIComponent(location.pathname)}`); return; }
      if (FINAL[code]) { onState("final", FINAL[code]); return; }
      onState("reconnecting");
      timer = setTimeout(open, WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)]);
    };
  };
  const retryNow = () => { if (socket?.readyState === WebSocket.CLOSED && !ended) { clearTimeout(timer); open(); } };
  addEventListener("online", retryNow);
  const listeners = [
    term.onData((text) => { if (!drawn.replays) type(text); }),
    term.onBinary((text) => send(Uint8Array.from(text, (each) => each.charCodeAt(0)))),
    term.onResize(({ cols, rows }) => tell({ type: "resize", cols, rows })),
  ];
  open();
  return {
    type,
    stop: () => {
      ended = true;
      clearTimeout(timer);
      removeEventListener("online", retryNow);
      listeners.forEach((each) => each.dispose());
      socket.close();
    },
  };
}

function notice({ state, message, code }) {
  if (state === "connecting") return "Opening the terminal…"; // shown when it takes long (terminal.css)
  if (state === "reconnecting") return "Reconnecting… The shell goes on.";
  if (state === "lost") return message || "The machine can't be reached now. Trying again…";
  if (state === "waiting") return message || "The machine is not running. The terminal opens when it is.";
  if (state === "exited") return code ? `The shell has ended (exit code ${code}).` : "The shell has ended.";
  return state === "closed" ? message || "Opening again…" : state === "final" ? message : "";
}

function Screen({ path, label, isActive, isBehindCurtain, onTitle, onNew, onLeave, onClose }) {
  const host = useRef(null);
  const live = useRef(null);
  const [status, setStatus] = useState({ state: "connecting" });
  const [isSearching, setSearching] = useState(false);
  const [ctrl, setCtrl] = useState(false);

  useEffect(() => {
    const made = makeTerminal(host.current);
    const { term, fit, drawn } = made;
    const refit = () => { if (host.current?.offsetParent) fit.fit(); };
    refit();
    term.onTitleChange((title) => onTitle(title.slice(0, MAX_TITLE)));
    term.textarea?.setAttribute("aria-label", label);
    term.attachCustomKeyEventHandler((event) => {
      if (event.type !== "keydown" || !event.ctrlKey || !event.shiftKey) return true;
      if (event.code === "KeyC") {
        if (term.hasSelection()) navigator.clipboard?.writeText(term.getSelection());
      } else if (event.code === "KeyV") return false; // the browser pastes
      else if (event.code === "KeyF") setSearching(true);
      else if (event.code === "Enter") onNew();
      else if (event.code === "KeyE") onLeave();
      else return true;
      event.preventDefault();
      return false;
    });
    let waiting;
    const sizes = new ResizeObserver(() => { clearTimeout(waiting); waiting = setTimeout(refit, 60); });
    sizes.observe(host.current);
    const leaveTheme = followTheme(term);
    const link = connect(path, term, drawn, (state, message, code) => {
      setStatus({ state, message, code });
      document.dispatchEvent(new CustomEvent("pq-terminal-state", { detail: { id: path.split("/").pop(), state } }));
    });
    live.current = { ...made, link, refit };
    return () => {
      clearTimeout(waiting); sizes.disconnect(); leaveTheme(); link.stop(); term.dispose();
      live.current = null;
    };
  }, [path]);

  useEffect(() => {
    if (!isActive || isBehindCurtain || !live.current) return;
    live.current.refit();
    if (!isElsewhere(host.current)) live.current.term.focus();
  }, [isActive, isBehindCurtain]);

  const press = (text) => {
    live.current?.link.type(text);
    live.current?.term.focus();
  };
  const pressArrow = (letter) => press(`\x1b${live.current?.term.modes.applicationCursorKeysMode ? "O" : "["}${letter}`);
  const said = notice(status);
  return (
    <div className="pq-screen" hidden={!isActive} role="tabpanel" aria-label={label} data-state={status.state}>
      {isSearching && <Search live={live} onClose={() => { setSearching(false); live.current?.term.focus(); }} />}
      <div className="pq-screen-host" ref={host} />
      <div className="pq-screen-notice" role="status" hidden={!said}>
        {said}
        {status.state === "exited" && <button type="button" onClick={onClose}>Close tab</button>}
      </div>
      <div className="pq-touch-keys" aria-label="Keys">
        <button type="button" aria-pressed={ctrl} onClick={() => setCtrl(!ctrl)}>Ctrl</button>
        {ctrl
          ? ["C", "D", "Z", "R", "L"].map((key) => (
            <button type="button" key={key} aria-label={`Control ${key}`}
              onClick={() => { press(String.fromCharCode(key.charCodeAt(0) - 64)); setCtrl(false); }}>^{key}</button>))
          : KEYS.map(([name, text]) => (
            <button type="button" key={name} onClick={() => press(text)}>{name}</button>))}
        {!ctrl && ARROWS.map(([sign, letter, name]) => (
          <button type="button" key={name} aria-label={name} onClick={() => pressArrow(letter)}>{sign}</button>))}
      </div>
    </div>
  );
}

function Search({ live, onClose }) {
  const [text, setText] = useState("");
  const find = (back) => back ? live.current?.search.findPrevious(text) : live.current?.search.findNext(text);
  return (
    <form className="pq-search" role="search" onSubmit={(event) => { event.preventDefault(); find(false); }}>
      <input autoFocus aria-label="Search in the terminal" placeholder="Search" value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); find(true); }
        }} />
      <button type="button" aria-label="Previous match" onClick={() => find(true)}>↑</button>
      <button type="submit" aria-label="Next match">↓</button>
      <button type="button" aria-label="Close search" onClick={onClose}>✕</button>
    </form>
  );
}

// The number tells tabs apart; our own machine's name stands at the top of the page already.
function TabLabel({ tab, machine }) {
  const title = tab.title.startsWith(`${machine}: `) ? tab.title.slice(machine.length + 2) : tab.title;
  return <><span className="pq-tab-number">{tab.id}</span>{title || "Terminal"}</>;
}

export function TerminalPanel({ containerId, containerName, isBehindCurtain }) {
  const api = `/api/containers/${containerId}/terminals/`;
  const kept = `terminal-${containerId}`;
  const [tabs, setTabs] = useState(null);
  const [active, setActive] = useState(() => sessionStorage.getItem(kept) || "1");
  const bar = useRef(null);

  useEffect(() => {
    let gone = false;
    const begin = (found) => {
      if (gone) return;
      const list = found.length ? found : [{ id: "1", title: "" }];
      setTabs(list);
      setActive((now) => (list.some((tab) => tab.id === now) ? now : list[0].id));
    };
    fetch(api).then((answer) => (answer.ok ? answer.json() : [])).then(begin, () => begin([]));
    return () => { gone = true; };
  }, [api]);
  useEffect(() => sessionStorage.setItem(kept, active), [kept, active]);

  const add = useCallback(() => setTabs((now) => {
    let number = 1;
    while (now.some((tab) => tab.id === String(number))) number += 1;
    setActive(String(number));
    return [...now, { id: String(number), title: "" }];
  }), []);
  useEffect(() => {
    // What runs in this terminal was begun elsewhere: look at it, anew if it was looked at before.
    const show = ({ detail: { id } }) => {
      setTabs((now) => [...(now ?? []).filter((tab) => tab.id !== id), { id, title: "", turn: Date.now() }]);
      setActive(id);
    };
    document.addEventListener("pq-open-terminal", show);
    return () => document.removeEventListener("pq-open-terminal", show);
  }, []);
  useEffect(() => {
    document.addEventListener("pq-new-terminal", add); // from the workspace's palette
    return () => document.removeEventListener("pq-new-terminal", add);
  }, [add]);
  const close = (id) => {
    fetch(`${api}${id}/`, { method: "DELETE" }).catch(() => undefined);
    const rest = tabs.filter((tab) => tab.id !== id);
    const next = rest.length ? rest : [{ id: String((Number(id) || 0) + 1), title: "" }];
    setTabs(next);
    if (active === id) setActive(next[next.length - 1].id);
  };
  const rename = (id, title) => setTabs((now) => now.map((tab) => (tab.id === id ? { ...tab, title } : tab)));
  const hasRun = useHasRun(containerId);
  useEffect(() => { if (!hasRun && active === WATCHED && tabs) setActive(tabs[0].id); }, [hasRun, active, tabs]);
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const ids = [...tabs.map(({ id }) => id), ...(hasRun ? [WATCHED] : [])];
    setActive(ids[(ids.indexOf(active) + by + ids.length) % ids.length]);
  };

  if (tabs === null) return <div className="pq-terminals" aria-busy="true" />;
  return (
    <div className="pq-terminals" inert={isBehindCurtain}>
      <div className="pq-tabs">
        <div role="tablist" aria-label="Terminals" ref={bar} onKeyDown={step}>
          {tabs.map((tab) => (
            <button type="button" role="tab" key={tab.id} aria-selected={tab.id === active} className="pq-tab"
              tabIndex={tab.id === active ? 0 : -1} onClick={() => setActive(tab.id)}
              title={`${tab.title || `Terminal ${tab.id}`}\n${HELP}`}>
              <TabLabel tab={tab} machine={containerName} />
            </button>
          ))}
          {hasRun && (
            <button type="button" role="tab" aria-selected={active === WATCHED} className="pq-tab"
              tabIndex={active === WATCHED ? 0 : -1} onClick={() => setActive(WATCHED)}
              title="What the assistant's commands print, as they do">Assistant</button>)}
        </div>
        <button type="button" className="pq-tab-icon" aria-label="Close this terminal" title="Close this terminal"
          disabled={active === WATCHED} onClick={() => close(active)}>✕</button>
        <button type="button" className="pq-tab-icon" aria-label="New terminal" title="New terminal (Ctrl+Shift+Enter)"
          disabled={tabs.length >= 20} onClick={add}>+</button>
      </div>
      <div className="pq-screens">{tabs.map((tab) => (
        <Screen key={`${tab.id} ${tab.turn ?? ""}`} path={`/ws/terminals/${containerId}/${tab.id}`} label={`Terminal ${tab.id}`}
          isActive={tab.id === active} isBehindCurtain={isBehindCurtain} onTitle={(title) => rename(tab.id, title)} onNew={add}
          onLeave={() => bar.current?.querySelector("[aria-selected=true]")?.focus()} onClose={() => close(tab.id)} />
      ))}
        {hasRun && <Watching containerId={containerId} isActive={active === WATCHED} />}
      </div>
    </div>
  );
}
