// What a container's programs serve: the ports that open, one of them in a frame, who else may see it, and Run.
import React, { useCallback, useEffect, useRef, useState } from "react";
import { Button, IconButton, Popover } from "@radix-ui/themes";
import { Copy, ExternalLink, Globe, Play, RefreshCw, RotateCw, Share2, Square, X } from "lucide-react";
import { makeStore, useStore } from "../workspace/store.jsx";
import { Processes } from "./processes.jsx";

const WAITS_MS = [500, 1000, 2000, 5000, 10000];
const FINAL_FROM = 4400; // the server says why, and asking again would not help
const ENDED = 4408;
// No top navigation: what is shown must not be able to take the place of our own page.
const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals allow-downloads";
const FRESH = { ports: null, message: "", shown: [], problem: "", isOpen: false, port: null, path: "/", turn: 0, awaited: null, isRunning: false, isBusy: false };

const stores = new Map();
function storeOf(containerId) {
  if (!stores.has(containerId)) stores.set(containerId, makeStore(FRESH));
  return stores.get(containerId);
}

async function ask(method, url, body) {
  const answer = await fetch(url, { method, headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body) });
  const said = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw Object.assign(new Error(said?.error?.message ?? "That did not work. Try again in a moment."), { status: answer.status });
  return said;
}
const base = (containerId) => `/api/containers/${containerId}`;

async function readShown(containerId) {
  const store = storeOf(containerId);
  try { store.set({ shown: (await ask("GET", `${base(containerId)}/previews/`)).items }); } catch { store.set({ shown: [] }); }
}

// One socket while the page is looked at; the server says when a port opens or closes.
function useWatch(containerId) {
  useEffect(() => {
    const store = storeOf(containerId);
    let socket, timer, tries = 0, isOver = false;
    const hear = (message) => {
      if (message.type === "ports") {
        const { awaited } = store.get();
        const isThere = awaited !== null && message.ports.some((each) => each.port === awaited);
        store.set({ ports: message.ports, message: "", ...(isThere && { port: awaited, path: "/", isOpen: true, awaited: null, turn: store.get().turn + 1 }) });
      } else if (message.type === "state") store.set({ ports: [], message: message.message });
      else if (message.type === "shared") void readShown(containerId);
    };
    const open = () => {
      socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/ports/${containerId}`);
      socket.onmessage = ({ data }) => { tries = 0; hear(JSON.parse(data)); };
      socket.onclose = ({ code }) => {
        if (isOver || (code >= FINAL_FROM && code !== ENDED)) return;
        timer = setTimeout(open, WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)]);
      };
    };
    open();
    void readShown(containerId);
    ask("GET", `${base(containerId)}/run/`).then((run) => store.set({ isRunning: run.is_running }), () => undefined);
    return () => { isOver = true; clearTimeout(timer); socket.close(); };
  }, [containerId]);
}

async function run(containerId) {
  const store = storeOf(containerId);
  store.set({ isBusy: true, problem: "" });
  try {
    const { port, terminal } = await ask("POST", `${base(containerId)}/run/`);
    // Where it listens already, it is looked at now; if that was the one before, the page in the frame looks again by itself.
    const isThere = port !== null && store.get().ports?.some((each) => each.port === port);
    store.set({ isRunning: true, awaited: isThere ? null : port, ...(isThere && { port, path: "/", isOpen: true, turn: store.get().turn + 1 }) });
    document.dispatchEvent(new CustomEvent("pq-open-terminal", { detail: { id: terminal } }));
  } catch (fault) {
    store.set({ problem: fault.message, isOpen: true });
  }
  store.set({ isBusy: false });
}

async function stop(containerId) {
  const store = storeOf(containerId);
  store.set({ isBusy: true, problem: "", awaited: null });
  try {
    await ask("DELETE", `${base(containerId)}/run/`);
    store.set({ isRunning: false });
  } catch (fault) {
    store.set({ problem: fault.message, isOpen: true });
  }
  store.set({ isBusy: false });
}

function Tool({ Icon, words, label = words, children, ...rest }) {
  return (
    <button type="button" className="pq-icon-button" aria-label={label} title={label} {...rest}>
      <Icon size={16} aria-hidden="true" /><span className="pq-wide-only">{words}</span>{children}
    </button>
  );
}

// In the page's head: Run and Stop, and the preview's own switch.
export function PreviewTools({ containerId }) {
  const store = storeOf(containerId);
  const { ports, isOpen, isRunning, isBusy } = useStore(store);
  useWatch(containerId);
  useEffect(() => {
    const press = (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      if (event.target.closest?.(".pq-screen, [role=dialog], [role=alertdialog], form")) return;
      event.preventDefault();
      event.stopPropagation();
      void run(containerId);
    };
    const hear = ({ detail }) => { if (detail.id === "run") store.set({ isRunning: detail.state !== "exited" }); };
    addEventListener("keydown", press, true);
    document.addEventListener("pq-terminal-state", hear);
    return () => { removeEventListener("keydown", press, true); document.removeEventListener("pq-terminal-state", hear); };
  }, [containerId, store]);
  return (
    <>
      <Tool Icon={isRunning ? RotateCw : Play} words={isRunning ? "Run again" : "Run"} title="Run what /app/config.json says (Ctrl+Enter)" disabled={isBusy} onClick={() => void run(containerId)} />
      {isRunning && <Tool Icon={Square} words="Stop" label="Stop what runs" disabled={isBusy} onClick={() => void stop(containerId)} />}
      <Tool Icon={Globe} words="Preview" label={ports?.length ? `Preview, ports that are open: ${ports.length}` : "Preview"} aria-pressed={isOpen} onClick={() => store.set({ isOpen: !isOpen })}>
        {ports?.length ? <span className="pq-tag" data-ports={ports.length}>{ports.length}</span> : null}
      </Tool>
    </>
  );
}

// Beside the workspace: the ports, or one of them in a frame.
export function PreviewDock({ containerId, canShare }) {
  const store = storeOf(containerId);
  const { isOpen, problem, port } = useStore(store);
  if (!isOpen) return null;
  return (
    <aside className="pq-preview" aria-label="Preview">
      {problem && <p className="pq-note" data-tone="bad" role="alert"><span>{problem}</span></p>}
      {port === null ? <Ports containerId={containerId} /> : <Frame containerId={containerId} canShare={canShare} />}
    </aside>
  );
}

const named = (each) => (each.process ? `${each.port} · ${each.process}` : String(each.port));
const addressOf = (containerId, port, path) => `${base(containerId)}/previews/${port}/${path === "/" ? "" : `?path=${encodeURIComponent(path)}`}`;

function Ports({ containerId }) {
  const store = storeOf(containerId);
  const { ports, message, awaited } = useStore(store);
  const look = (port) => store.set({ port, path: "/", turn: store.get().turn + 1 });
  return (
    <>
      <div className="pq-preview-bar"><h2>Preview</h2><Close store={store} /></div>
      <div className="pq-preview-blank" role="status">
        {ports === null && <p className="pq-quiet">Looking what listens…</p>}
        {message && <p className="pq-quiet">{message}</p>}
        {ports?.length === 0 && !message && <p className="pq-quiet">{awaited ? `Waiting for port ${awaited} to open…` : "Nothing listens on a port yet. What you start shows here by itself."}</p>}
        {ports?.length > 0 && (
          <ul className="pq-ports" role="list">{ports.map((each) => (
            <li key={each.port}><button type="button" data-port={each.port} onClick={() => look(each.port)}><b>{each.port}</b><span>{each.process || "a program"}</span></button></li>))}
          </ul>)}
      </div>
      <Processes containerId={containerId} ask={ask} />
    </>
  );
}

function Close({ store }) {
  return <IconButton size="2" variant="ghost" color="gray" aria-label="Close the preview" onClick={() => store.set({ isOpen: false })}><X size={16} aria-hidden="true" /></IconButton>;
}

function Frame({ containerId, canShare }) {
  const store = storeOf(containerId);
  const { ports, port, path, turn } = useStore(store);
  const [typed, setTyped] = useState(path);
  useEffect(() => setTyped(path), [path, turn]);
  const go = (change) => store.set({ ...change, turn: store.get().turn + 1 });
  const choices = ports?.some((each) => each.port === port) ? ports : [{ port, process: "" }, ...(ports ?? [])];
  const address = addressOf(containerId, port, path);
  return (
    <>
      <form className="pq-preview-bar" onSubmit={(event) => { event.preventDefault(); go({ path: typed.startsWith("/") ? typed : `/${typed}` }); }}>
        <select className="pq-input" aria-label="Port" value={port} onChange={(event) => go({ port: event.target.value === "" ? null : Number(event.target.value), path: "/" })}>
          <option value="">All ports</option>
          {choices.map((each) => <option key={each.port} value={each.port}>{named(each)}</option>)}
        </select>
        <input className="pq-input" aria-label="Path" value={typed} spellCheck={false} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
        <IconButton type="button" size="2" variant="ghost" color="gray" aria-label="Reload the preview" title="Reload" onClick={() => go({})}><RefreshCw size={16} aria-hidden="true" /></IconButton>
        <IconButton asChild size="2" variant="ghost" color="gray"><a href={address} target="_blank" rel="noopener noreferrer" aria-label="Open in a new tab" title="Open in a new tab"><ExternalLink size={16} aria-hidden="true" /></a></IconButton>
        <CopyButton text={`${location.origin}${address}`} label="Copy the address" />
        {canShare && <Sharing containerId={containerId} port={port} />}
        <Close store={store} />
      </form>
      <iframe key={`${port}-${turn}`} className="pq-preview-frame" title={`Preview of port ${port}`} src={address} sandbox={SANDBOX} allow="clipboard-write; fullscreen" />
    </>
  );
}

function CopyButton({ text, label }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return <IconButton type="button" size="2" variant="ghost" color={isDone ? undefined : "gray"} aria-label={isDone ? "Copied" : label} title={label} onClick={() => void copy()}><Copy size={16} aria-hidden="true" /></IconButton>;
}

const HOURS = [[1, "an hour"], [24, "a day"], [168, "a week"], [720, "a month"]];

function Sharing({ containerId, port }) {
  const { shown } = useStore(storeOf(containerId));
  const now = shown.find((each) => each.port === port) ?? { level: "me", links: [] };
  const [made, setMade] = useState(null);
  const [problem, setProblem] = useState("");
  const hours = useRef(null);
  const act = useCallback(async (work) => {
    setProblem("");
    try { await work(); } catch (fault) { setProblem(fault.message); }
    await readShown(containerId);
  }, [containerId]);
  const show = (level) => act(() => ask("PUT", `${base(containerId)}/previews/${port}/`, { level }));
  const link = () => act(async () => setMade(await ask("POST", `${base(containerId)}/previews/${port}/links/`, { hours: Number(hours.current.value) })));
  const end = (id) => act(async () => { await ask("DELETE", `${base(containerId)}/preview-links/${id}/`); if (made?.id === id) setMade(null); });
  return (
    <Popover.Root onOpenChange={() => { setMade(null); setProblem(""); }}>
      <Popover.Trigger><IconButton type="button" size="2" variant="ghost" color="gray" aria-label={`Share port ${port}`} title="Share"><Share2 size={16} aria-hidden="true" /></IconButton></Popover.Trigger>
      <Popover.Content maxWidth="22rem" className="pq-preview-share">
        <h2 className="pq-popover-title">Who may open port {port}</h2>
        <label><input type="radio" name="level" checked={now.level === "me"} onChange={() => void show("me")} /> <span><b>Me</b>, and who may use the terminals</span></label>
        <label><input type="radio" name="level" checked={now.level === "team"} onChange={() => void show("team")} /> <span><b>Team</b>: everybody whom the container is shared with</span></label>
        <h3>Anyone with a link</h3>
        <div className="pq-preview-bar">
          <select className="pq-input" aria-label="How long the link holds" ref={hours} defaultValue={24}>{HOURS.map(([value, words]) => <option key={value} value={value}>for {words}</option>)}</select>
          <Button type="button" size="2" variant="soft" onClick={() => void link()}>Make a link</Button>
        </div>
        {made && <div className="pq-preview-bar"><input className="pq-input" aria-label="The link" readOnly value={made.url} onFocus={(event) => event.target.select()} /><CopyButton text={made.url} label="Copy the link" /></div>}
        {made && <p className="pq-quiet">It is shown this once.</p>}
        <ul role="list">{now.links.map((each) => (
          <li key={each.id}><span>By {each.made_by}, until {new Date(each.expires_at).toLocaleString()}</span>
            <Button type="button" size="1" variant="soft" color="gray" onClick={() => void end(each.id)}>End</Button></li>))}
        </ul>
        {problem && <p className="pq-note" data-tone="bad" role="alert"><span>{problem}</span></p>}
      </Popover.Content>
    </Popover.Root>
  );
}

// For who may look at the container and not go inside: what is shown to them.
export function ShownPreviews({ containerId }) {
  const { shown } = useStore(storeOf(containerId));
  useEffect(() => { void readShown(containerId); }, [containerId]);
  if (!shown.length) return null;
  return (
    <ul className="pq-ports" role="list" aria-label="Previews">{shown.filter((each) => each.level === "team").map((each) => (
      <li key={each.port}><a href={addressOf(containerId, each.port, "/")} target="_blank" rel="noopener noreferrer"><b>{each.port}</b><span>Open the preview</span></a></li>))}
    </ul>
  );
}
