// Where one asks: the question, what the assistant may do by itself, and the button that stops it.
import React, { useEffect, useId, useRef } from "react";
import { ArrowUp, Square } from "lucide-react";
import { useStore } from "../workspace/store.jsx";
import { LONGEST } from "./talk.jsx";
import { goingOn } from "./timeline.jsx";
import { leftWords } from "./words.jsx";

const MODES = [["ask", "Ask first", "What changes something needs a click."], ["auto-edit", "Edit files", "Files under /app are edited without a click."],
  ["full", "Full", "Only what destroys, or reaches out of the machine, needs a click."]];
const MOST_PX = 240;
const SAID_FROM = LONGEST - 300;

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(MOST_PX, area.scrollHeight)}px`;
}

function Todos({ items }) {
  if (!items.length || items.every((each) => each.status === "done")) return null;
  const done = items.filter((each) => each.status === "done").length, doing = items.find((each) => each.status === "doing");
  const words = { done: "done", doing: "under way", open: "to do" };
  return (
    <details className="pq-todos">
      <summary><b>{done} of {items.length}</b><span>{doing?.text ?? "What is to do"}</span></summary>
      <ol>{items.map((each, index) => (
        <li key={index} data-status={each.status}><span className="pq-todo-mark" role="img" aria-label={words[each.status]} /><span>{each.text}</span></li>))}</ol>
    </details>
  );
}

function Problem({ problem, talk }) {
  return <p className="pq-note" data-tone="bad" role="alert"><span>{problem.message}</span>
    {problem.again && <button type="button" className="pq-small-button" onClick={() => talk.undo(problem.again)}>Put back all the same</button>}<button type="button" className="pq-small-button" onClick={talk.dismiss}>Close</button></p>;
}

export function Composer({ talk, area }) {
  const { draft, mode, problem, link, timeline, usesLeft, budgetLeft, sent, isSetUp } = useStore(talk.store);
  const own = useRef(null), host = area ?? own, helpId = useId();
  const turn = goingOn(timeline), isBusy = Boolean(turn) || Boolean(sent), isOpen = link === "open";
  const isTooLong = draft.trim().length > LONGEST, isEmpty = !draft.trim();
  const noneLeft = usesLeft === 0 || budgetLeft === 0;
  useEffect(() => { if (host.current) grow(host.current); }, [draft, host]);
  const send = () => { if (!isBusy) talk.ask(draft); };
  const keys = (event) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey) { event.preventDefault(); send(); }
    if (event.key === "Escape" && turn) { event.preventDefault(); talk.stop(); }
    if (event.key === "ArrowUp" && !draft) {
      const last = timeline.turns.flatMap((each) => each.items).findLast((each) => each.kind === "user");
      if (last) { event.preventDefault(); talk.setDraft(last.text); }
    }
  };
  const help = draft.startsWith("/clear") ? "Enter: forget the notes about this container, and begin a new conversation" : leftWords(usesLeft, budgetLeft);
  return (
    <div className="pq-composer">
      <Todos items={timeline.todos} />
      {problem && <Problem problem={problem} talk={talk} />}
      <form onSubmit={(event) => { event.preventDefault(); send(); }}>
        <textarea ref={host} rows={1} aria-label="Ask the assistant" placeholder={noneLeft ? "Nothing is left for today" : "Ask, or say what to do"} value={draft}
          aria-invalid={isTooLong} aria-describedby={helpId} onChange={(event) => talk.setDraft(event.target.value)} onKeyDown={keys} />
        <div className="pq-composer-end">
          <select aria-label="What it may do by itself" title={MODES.find(([name]) => name === mode)?.[2]} value={mode} disabled={!isOpen} onChange={(event) => talk.setMode(event.target.value)}>
            {MODES.map(([name, words]) => <option key={name} value={name}>{words}</option>)}
          </select>
          <span id={helpId} className="pq-composer-help" data-bad={isTooLong || undefined}>
            {draft.trim().length > SAID_FROM ? `${draft.trim().length.toLocaleString("en")} of ${LONGEST.toLocaleString("en")} characters` : help}</span>
          {turn ? <button type="button" className="pq-send" data-stop="true" aria-label="Stop" title="Stop (Esc)" onClick={talk.stop}><Square size={15} fill="currentColor" aria-hidden="true" /></button>
            : <button type="submit" className="pq-send" aria-label="Send" title="Send (Enter)" disabled={isEmpty || isTooLong || isBusy || !isOpen || !isSetUp}><ArrowUp size={18} aria-hidden="true" /></button>}
        </div>
      </form>
    </div>
  );
}
