// What the assistant's commands print, as they print it: a screen to look at, drawn from the conversation that is open.
import React, { useEffect, useRef, useSyncExternalStore } from "react";
import { talkOf } from "../chat/talk.jsx";
import { visible } from "../chat/words.jsx";
import { followTheme, makeTerminal } from "./xterm.jsx";

export const WATCHED = "assistant's"; // no terminal has such an id
const RAN = new Set(["running", "done", "failed", "broken"]);
const MOST_DRAWN = 50; // of what ran before

const isRun = (step) => step.tool === "run" && RAN.has(step.state);
const stepsOf = (talk) => talk.store.get().timeline.turns.flatMap(({ items }) => items.filter(isRun));

export function useHasRun(containerId) {
  const { store } = talkOf(containerId);
  return useSyncExternalStore(store.subscribe, () => store.get().timeline.turns.some(({ items }) => items.some(isRun)));
}

// Draws a talk's commands; returns what ends it.
function drawFrom(talk, term) {
  let printed = new Set(); // the calls that have printed something here
  let isInLine = false;
  const begin = ({ given }) => {
    const where = given?.folder && given.folder !== "/app" ? ` (in ${visible(given.folder)})` : "";
    term.write(`\x1b[0;1m$ ${visible(given?.command ?? "")}\x1b[22m${where}\n`);
  };
  const print = (call, text) => { printed.add(call); isInLine = !text.endsWith("\n"); term.write(text); };
  const end = ({ call, content, ok }) => {
    const lines = content.split("\n"), how = lines.pop();
    if (!printed.has(call) && lines.length) print(call, `${lines.join("\n")}\n`);
    term.write(`\x1b[0m${isInLine ? "\n" : ""}${ok ? "\x1b[2m" : "\x1b[31m"}${how}\x1b[0m\n\n`);
    isInLine = false;
  };
  const drawAll = () => {
    printed = new Set();
    term.reset();
    const { of } = talk.outputs.get();
    for (const step of stepsOf(talk).slice(-MOST_DRAWN)) {
      begin(step);
      if (of[step.call]) print(step.call, of[step.call]);
      if (step.state !== "running") end({ ...step, ok: step.state === "done" });
    }
  };
  const take = (frame) => {
    if (frame.event === "conversation") { drawAll(); return; }
    const step = frame.call && stepsOf(talk).find((each) => each.call === frame.call);
    if (!step) return;
    if (frame.event === "began") begin(step);
    else if (frame.event === "output") print(frame.call, frame.content);
    else if (frame.event === "tool_result") end(frame);
  };
  drawAll();
  return talk.watch(take);
}

export function Watching({ containerId, isActive }) {
  const host = useRef(null);
  const fitted = useRef(null);
  useEffect(() => {
    const { term, fit } = makeTerminal(host.current, { convertEol: true, disableStdin: true, cursorBlink: false });
    term.textarea?.setAttribute("aria-label", "What the assistant runs");
    const refit = () => { if (host.current?.offsetParent) fit.fit(); };
    fitted.current = refit;
    refit();
    const sizes = new ResizeObserver(refit);
    sizes.observe(host.current);
    const leaveTheme = followTheme(term);
    const leave = drawFrom(talkOf(containerId), term);
    return () => { leave(); leaveTheme(); sizes.disconnect(); term.dispose(); };
  }, [containerId]);
  useEffect(() => { if (isActive) fitted.current?.(); }, [isActive]);
  return (
    <div className="pq-screen" hidden={!isActive} role="tabpanel" aria-label="What the assistant runs">
      <div className="pq-screen-host" ref={host} />
    </div>
  );
}
