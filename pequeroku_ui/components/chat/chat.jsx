// The assistant of one container: a dock beside its workspace, or a page of its own. Both draw from the same talk.
import React, { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Popover } from "@radix-ui/themes";
import { ArrowDown, History, Maximize2, Plus, Sparkles, SquareTerminal, X } from "lucide-react";
import { Asks } from "../workspace/asks.jsx";
import { Divider } from "../workspace/panes.jsx";
import { makeStore, useStore } from "../workspace/store.jsx";
import { Composer } from "./composer.jsx";
import { apiOf, Conversations, request } from "./conversations.jsx";
import { isMac } from "./step.jsx";
import { talkOf } from "./talk.jsx";
import { asked, goingOn } from "./timeline.jsx";
import { Turn } from "./turn.jsx";

const KEPT = "chat-dock";
const NEAR_PX = 60;
const PROVIDER = "/admin/internal_config/config/openai_api_key/";
const IDEAS = ["What is in /app, and how do I start it?", "Write a small web service and show that it answers", "Run the tests, and mend what fails", "What uses memory and disk here?"];

const dock = makeStore({ isOpen: false, width: 420, isTerminalShown: false, ...readDock() });
function readDock() {
  try { return JSON.parse(localStorage.getItem(KEPT) ?? "{}"); } catch { return {}; }
}
function setDock(change) {
  dock.set(change);
  localStorage.setItem(KEPT, JSON.stringify(dock.get()));
}

const useTalk = (containerId, isWanted = true) => {
  const talk = talkOf(containerId);
  useEffect(() => (isWanted ? talk.use() : undefined), [talk, isWanted]);
  return talk;
};

function Empty({ talk, isAdmin, onChoose }) {
  const { isSetUp, link, isLoaded, linkMessage } = useStore(talk.store);
  if (link === "final") return <div className="pq-chat-empty"><p>{linkMessage}</p></div>;
  if (!isLoaded) return <div className="pq-chat-empty" role="status"><p className="pq-quiet">Looking for what was said…</p></div>;
  if (!isSetUp) {
    return (
      <div className="pq-chat-empty">
        <Sparkles size={28} aria-hidden="true" /><h3>No provider is set up</h3>
        <p>The assistant needs a provider of language models.{isAdmin ? "" : " An administrator can set one up."}</p>
        {isAdmin && <a className="pq-button-link" href={PROVIDER}>Set one up</a>}
      </div>
    );
  }
  return (
    <div className="pq-chat-empty">
      <Sparkles size={28} aria-hidden="true" /><h3>What is to be done?</h3>
      <p>It works in this machine with your rights: it reads and edits files, runs commands, and shows you what it did.</p>
      <ul role="list">{IDEAS.map((each) => <li key={each}><button type="button" onClick={() => onChoose(each)}>{each}</button></li>)}</ul>
    </div>
  );
}

// Stays at the end while somebody is there; who has scrolled up is left where they are.
function useEnd(host, inner, id) {
  const isAtEnd = useRef(true);
  const [isAway, setAway] = useState(false);
  const toEnd = useCallback(() => { isAtEnd.current = true; setAway(false); if (host.current) host.current.scrollTop = host.current.scrollHeight; }, [host]);
  useLayoutEffect(toEnd, [id, toEnd]);
  useEffect(() => {
    const box = host.current;
    const look = () => {
      isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
      setAway(!isAtEnd.current);
    };
    const sizes = new ResizeObserver(() => { if (isAtEnd.current) box.scrollTop = box.scrollHeight; });
    sizes.observe(inner.current);
    sizes.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    return () => { sizes.disconnect(); box.removeEventListener("scroll", look); };
  }, [host, inner]);
  return { isAway, toEnd };
}

function useFork(talk, focus) {
  return useCallback(async (seq, draft) => {
    const { id } = talk.store.get();
    try {
      const made = seq > 0 ? await request("POST", apiOf(talk.containerId, `${id}/fork/`), { seq }) : { id: null };
      talk.open(made.id);
      if (draft) talk.setDraft(draft);
      focus();
    } catch (fault) { talk.store.set({ problem: { code: "fork", message: fault.message } }); }
  }, [talk, focus]);
}

// What a screen reader is told: not each word that is written, but what has become of the turn.
function Said({ turn, last }) {
  const waiting = asked(turn)[0];
  const words = waiting ? `It waits for you: ${waiting.title}` : turn ? "The assistant is at work." : last ? { done: "The assistant is done.", stopped: "It was stopped.", failed: "It did not work." }[last.status] ?? "" : "";
  return <p className="pq-hidden-words" role="status">{words}</p>;
}

function Log({ talk, isAdmin, area }) {
  const { timeline, id, sent, link, linkMessage } = useStore(talk.store);
  const host = useRef(null), inner = useRef(null);
  const { isAway, toEnd } = useEnd(host, inner, id);
  const focus = useCallback(() => area.current?.focus(), [area]);
  const fork = useFork(talk, focus);
  const { turns } = timeline, last = turns.at(-1);
  useEffect(() => { if (sent) toEnd(); }, [sent, toEnd]);
  return (
    <div className="pq-chat-log-frame">
      <div className="pq-chat-log" ref={host} role="log" aria-live="off" aria-label="Conversation" tabIndex={0}>
        <div ref={inner}>
          {!turns.length && !sent && <Empty talk={talk} isAdmin={isAdmin} onChoose={(words) => { talk.setDraft(words); focus(); }} />}
          {turns.map((each) => <Turn key={each.id ?? "none"} turn={each} talk={talk} isLast={each === last} onFork={fork} />)}
          {sent && <div className="pq-turn" data-last="true"><div className="pq-asked"><p>{sent}</p></div></div>}
        </div>
      </div>
      {isAway && <button type="button" className="pq-to-end" onClick={toEnd}><ArrowDown size={15} aria-hidden="true" />To the end</button>}
      {link === "lost" && <p className="pq-chat-lost" role="status">The connection was lost. It is tried again by itself; the assistant works on.</p>}
      {link === "final" && turns.length > 0 && <p className="pq-chat-lost" role="status">{linkMessage}</p>}
      <Said turn={goingOn(timeline)} last={last} />
    </div>
  );
}

// Keys that answer what waits for a click, wherever in the chat one is.
function useAnswers(root, talk) {
  useEffect(() => {
    const box = root.current;
    const hear = (event) => {
      if (!event.altKey || event.ctrlKey || event.metaKey) return;
      const key = isMac ? event.code.replace("Key", "").toLowerCase() : event.key.toLowerCase();
      const [waiting] = asked(goingOn(talk.store.get().timeline));
      if (!waiting || !["y", "n"].includes(key)) return;
      event.preventDefault();
      talk.answer(waiting.call, key === "y");
    };
    box.addEventListener("keydown", hear);
    return () => box.removeEventListener("keydown", hear);
  }, [root, talk]);
}

function Chat({ talk, isAdmin, area, children }) {
  const root = useRef(null);
  useAnswers(root, talk);
  return (
    <div className="pq-chat" ref={root}>
      {children}
      <Log talk={talk} isAdmin={isAdmin} area={area} />
      <Composer talk={talk} area={area} />
      <Asks asks={talk.asks} />
    </div>
  );
}

function Others({ talk }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger><button type="button" className="pq-small-button" aria-label="Conversations" title="Conversations"><History size={16} aria-hidden="true" /></button></Popover.Trigger>
      <Popover.Content className="pq-talks-popover" align="end" width="20rem" maxWidth="calc(100vw - 2rem)"><Conversations talk={talk} onDone={() => setOpen(false)} /></Popover.Content>
    </Popover.Root>
  );
}

// In the page's head: the switch of the dock, with a mark while something waits for a click.
export function ChatTool({ containerId }) {
  const { isOpen } = useStore(dock);
  const [wasOpen, setWasOpen] = useState(isOpen);
  const talk = useTalk(containerId, wasOpen);
  const { timeline } = useStore(talk.store);
  const turn = goingOn(timeline), isWaiting = asked(turn).length > 0;
  const toggle = useCallback((isOn) => { setWasOpen(true); setDock({ isOpen: isOn }); }, []);
  useEffect(() => {
    const press = (event) => {
      const isOurs = isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
      if (!isOurs || event.shiftKey || event.altKey || event.code !== "KeyI") return;
      if (event.target.closest?.(".pq-screen, [role=dialog], [role=alertdialog]")) return;
      event.preventDefault();
      event.stopPropagation();
      toggle(!dock.get().isOpen);
    };
    const show = () => toggle(true);
    addEventListener("keydown", press, true);
    document.addEventListener("pq-open-assistant", show);
    return () => { removeEventListener("keydown", press, true); document.removeEventListener("pq-open-assistant", show); };
  }, [toggle]);
  const state = isWaiting ? "waiting" : turn ? "running" : undefined;
  const label = isWaiting ? "Assistant, it waits for you" : turn ? "Assistant, at work" : "Assistant";
  return (
    <button type="button" className="pq-icon-button" aria-label={label} title={`${label} (${isMac ? "⌘I" : "Ctrl+I"})`} aria-pressed={isOpen} onClick={() => toggle(!isOpen)}>
      <Sparkles size={16} aria-hidden="true" /><span className="pq-wide-only">Assistant</span>{state && <i className="pq-chat-dot" data-state={state} aria-hidden="true" />}
    </button>
  );
}

function DockOpen({ containerId, isAdmin, width }) {
  const talk = useTalk(containerId);
  const area = useRef(null);
  const { title } = useStore(talk.store);
  useEffect(() => { area.current?.focus(); }, []);
  return (
    <>
      <Divider label="Width of the assistant" isColumn isAfter name="chat" size={width} onSize={(size) => setDock({ width: size })} />
      <aside className="pq-chat-dock" aria-label="Assistant" style={{ "--pq-chat": `${width}px` }}>
        <Chat talk={talk} isAdmin={isAdmin} area={area}>
          <header className="pq-chat-head">
            <h2 title={title}>{title || "Assistant"}</h2>
            <button type="button" className="pq-small-button" aria-label="New conversation" title="New conversation" onClick={() => { talk.open(null); area.current?.focus(); }}><Plus size={16} aria-hidden="true" /></button>
            <Others talk={talk} />
            <a className="pq-small-button" href={`/containers/${containerId}/ai`} aria-label="Open on a page of its own" title="Open on a page of its own"><Maximize2 size={15} aria-hidden="true" /></a>
            <button type="button" className="pq-small-button" aria-label="Close the assistant" title="Close" onClick={() => setDock({ isOpen: false })}><X size={16} aria-hidden="true" /></button>
          </header>
        </Chat>
      </aside>
    </>
  );
}

export function ChatDock({ containerId, isAdmin }) {
  const { isOpen, width } = useStore(dock);
  return isOpen ? <DockOpen key={containerId} containerId={containerId} isAdmin={isAdmin} width={width} /> : null;
}

// The whole page: conversations at the left, and, if wanted, the terminals (`children`) at the right.
export function ChatPage({ containerId, isAdmin, hasTerminal, children }) {
  const talk = useTalk(containerId);
  const area = useRef(null);
  const { title } = useStore(talk.store);
  const { isTerminalShown } = useStore(dock);
  useEffect(() => { area.current?.focus(); }, []);
  const isBeside = hasTerminal && isTerminalShown;
  return (
    <div className="pq-chat-page" data-beside={isBeside || undefined}>
      <nav className="pq-chat-side" aria-label="Conversations"><Conversations talk={talk} onDone={() => area.current?.focus()} /></nav>
      <Chat talk={talk} isAdmin={isAdmin} area={area}>
        <header className="pq-chat-head">
          <h2 title={title}>{title || "New conversation"}</h2>
          <span className="pq-chat-narrow">
            <button type="button" className="pq-small-button" aria-label="New conversation" title="New conversation" onClick={() => { talk.open(null); area.current?.focus(); }}><Plus size={16} aria-hidden="true" /></button>
            <Others talk={talk} />
          </span>
          {hasTerminal && <button type="button" className="pq-small-button" aria-label="Terminal" title="Watch the terminal beside" aria-pressed={isTerminalShown} onClick={() => setDock({ isTerminalShown: !isTerminalShown })}><SquareTerminal size={16} aria-hidden="true" /></button>}
        </header>
      </Chat>
      {isBeside && <section className="pq-chat-beside" aria-label="Terminal">{children}</section>}
    </div>
  );
}
