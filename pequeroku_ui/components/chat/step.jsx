// What the assistant did, or wants to do: folded to a line, and open while it waits for a click.
import React, { memo, useEffect, useRef, useState } from "react";
import { Button } from "@radix-ui/themes";
import { Check, ChevronRight, CircleDashed, FilePen, FileText, Globe, Hand, ListTodo, Search, SquareTerminal, Wrench, X } from "lucide-react";
import { useStore } from "../workspace/store.jsx";
import { Counts, counts, Diff } from "./diff.jsx";
import { CopyButton } from "./rich.jsx";
import { tookWords, visible } from "./words.jsx";

const ICONS = { read: FileText, list: FileText, write: FilePen, edit: FilePen, search: Search, find: Search, run: SquareTerminal,
  start: SquareTerminal, log: SquareTerminal, stop: SquareTerminal, http: Globe, ports: Globe, todo: ListTodo };
const WORDS = { wanted: "is next", asked: "waits for you", running: "runs", done: "done", failed: "did not work", refused: "refused", broken: "broken off" };
const COMMANDS = new Set(["run", "start"]), FILES = new Set(["write", "edit"]);
const TAIL_LINES = 32;
const AGAIN_MS = 5000;
export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
export const KEYS = isMac ? { allow: "⌥Y", refuse: "⌥N" } : { allow: "Alt+Y", refuse: "Alt+N" };

function Mark({ state }) {
  if (state === "running") return <span className="pq-spinner" aria-hidden="true" />;
  const Icon = { done: Check, failed: X, refused: X, asked: Hand, broken: X }[state] ?? CircleDashed;
  return <Icon size={15} aria-hidden="true" />;
}

const entries = (given) => Object.entries(given).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n");

// What it was given, where the title does not say all of it.
function Given({ step }) {
  const { command, content, old, new: fresh, folder } = step.given ?? {};
  if (COMMANDS.has(step.tool) && command !== undefined) {
    const where = folder !== undefined && folder !== "/app" ? `in ${visible(folder) || "the home folder"}` : "";
    return (
      <div className="pq-step-text">
        {where && <p className="pq-quiet">{where}</p>}
        <pre tabIndex={0} aria-label="Command">{visible(command)}</pre><CopyButton text={command} label="Copy the command" />
      </div>);
  }
  if (step.diff) return null;
  const text = FILES.has(step.tool) ? content ?? `${old}\n→\n${fresh}` : entries(step.given ?? {});
  return text ? <pre className="pq-step-given" tabIndex={0} aria-label="What it was given">{visible(text)}</pre> : null;
}

function Outcome({ step }) {
  if (step.diff) return <Diff diff={step.diff} path={step.path} />;
  if (!step.content) return null;
  return (
    <div className="pq-step-text">
      <pre tabIndex={0} aria-label="Output" data-state={step.state}>{step.content}</pre>
      <CopyButton text={step.content} label="Copy the output" />
    </div>
  );
}

// The last lines of what a program says while it runs.
function Output({ talk, call }) {
  const said = useStore(talk.outputs).of[call];
  const host = useRef(null);
  useEffect(() => { if (host.current) host.current.scrollTop = host.current.scrollHeight; }, [said]);
  return said ? <pre className="pq-step-live" ref={host} tabIndex={0} aria-label="Output so far">{said.split("\n").slice(-TAIL_LINES).join("\n")}</pre> : null;
}

function Approval({ step, talk }) {
  const [answer, setAnswer] = useState(null);
  useEffect(() => {
    if (answer === null) return undefined;
    const timer = setTimeout(() => setAnswer(null), AGAIN_MS); // it may have been lost on the way
    return () => clearTimeout(timer);
  }, [answer]);
  const say = (allow) => { if (talk.answer(step.call, allow)) setAnswer(allow); };
  return (
    <div className="pq-approval" role="group" aria-label={`May it? ${step.title}`}>
      <p><Hand size={16} aria-hidden="true" /><span><b>{step.title}</b>{step.why && <>: {step.why}.</>}</span></p>
      <Given step={step} />
      {step.diff && <Diff diff={step.diff} path={step.path || step.given?.path} />}
      <div className="pq-approval-end">
        <Button size="2" disabled={answer !== null} aria-keyshortcuts="Alt+Y" onClick={() => say(true)}>Allow <kbd>{KEYS.allow}</kbd></Button>
        <Button size="2" variant="soft" color="gray" disabled={answer !== null} aria-keyshortcuts="Alt+N" onClick={() => say(false)}>Refuse <kbd>{KEYS.refuse}</kbd></Button>
      </div>
    </div>
  );
}

export const Step = memo(function Step({ step, talk, isOver }) {
  const [isOpen, setOpen] = useState(false);
  const state = isOver && ["wanted", "running", "asked"].includes(step.state) ? "broken" : step.state;
  const Icon = ICONS[step.tool] ?? Wrench;
  if (state === "asked") return <Approval step={step} talk={talk} />;
  return (
    <div className="pq-step" data-state={state}>
      <button type="button" className="pq-step-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <ChevronRight size={14} aria-hidden="true" className="pq-row-arrow" data-open={isOpen || undefined} />
        <Icon size={15} aria-hidden="true" />
        <span className="pq-step-title">{step.title}</span>
        {step.diff && <Counts {...counts(step.diff)} />}
        <span className="pq-step-end">{step.ms > 0 && <span className="pq-figure">{tookWords(step.ms)}</span>}
          <span className="pq-step-mark" title={WORDS[state]}><Mark state={state} /><span className="pq-hidden-words">{WORDS[state]}</span></span></span>
      </button>
      {state === "running" && <Output talk={talk} call={step.call} />}
      {isOpen && (
        <div className="pq-step-body">
          <Given step={step} /><Outcome step={step} />
          {step.isCut && <p className="pq-quiet">Its beginning and its end: there was more.</p>}
        </div>)}
    </div>
  );
});
