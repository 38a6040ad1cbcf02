// What a turn changed in the machine: its files, each to be kept or put back, and the way back of the whole turn.
import React, { memo, useState } from "react";
import { Button } from "@radix-ui/themes";
import { ChevronRight, Undo2 } from "lucide-react";
import { count, relative, shown } from "../workspace/paths.jsx";
import { makeStore, useStore } from "../workspace/store.jsx";
import { Counts, Diff } from "./diff.jsx";
import { putBack } from "./timeline.jsx";

const STATUS = { added: "new", modified: "" };
const KEPT = "chat-reviewed";
const MOST_KEPT = 500;

// Which files of which turns somebody has looked at, in this browser.
const reviewed = makeStore({ all: read() });
function read() {
  try { return JSON.parse(localStorage.getItem(KEPT) ?? "[]"); } catch { return []; }
}
function review(names, isDone) {
  const rest = reviewed.get().all.filter((each) => !names.includes(each));
  const all = [...rest, ...(isDone ? names : [])].slice(-MOST_KEPT);
  reviewed.set({ all });
  localStorage.setItem(KEPT, JSON.stringify(all));
}

async function undo({ talk, turn, what, paths }) {
  const words = {
    files: { title: "Put the files back?", text: "All files are made as they were before this turn. What runs goes on." },
    disk: { title: "Put the whole disk back?", text: "The machine is started anew with its disk as it was before this turn. All that was written since, by anybody, is lost; what runs ends." },
    one: { title: `Put ${shown(relative(paths?.[0] ?? ""))} back?`, text: "It is made as it was before this turn." },
  }[paths ? "one" : what];
  const answer = await talk.asks.ask({ ...words, answers: [["cancel", "Cancel"], ["undo", "Put back", "red"]] });
  if (answer === "undo") talk.undo({ turn: turn.id, what, ...(paths && { paths }) });
}

function File({ file, turn, talk, isReviewed, isBack, canUndo }) {
  const [isOpen, setOpen] = useState(false);
  const { path, status, added, removed } = file, name = `${turn.id} ${path}`;
  const diff = useStore(talk.diffs)[name];
  const toggle = () => {
    if (!isOpen && diff === undefined) talk.wantDiff(turn.id, path);
    setOpen(!isOpen);
  };
  const word = isBack ? "put back" : isReviewed ? "kept" : STATUS[status] ?? status;
  return (
    <li data-path={path} data-done={isReviewed || isBack || undefined}>
      <div className="pq-changed-row">
        <button type="button" className="pq-step-head" aria-expanded={isOpen} onClick={toggle}>
          <ChevronRight size={14} aria-hidden="true" className="pq-row-arrow" data-open={isOpen || undefined} />
          <span className="pq-step-title" title={shown(path)}>{shown(relative(path))}</span>
          {word && <span className="pq-tag">{word}</span>}<Counts added={added} removed={removed} />
        </button>
        {!isBack && <Button size="1" variant="soft" color="gray" aria-pressed={isReviewed} aria-label={`Keep ${relative(path)}`}
          onClick={() => { review([name], !isReviewed); setOpen(false); }}>{isReviewed ? "Kept" : "Keep"}</Button>}
        {canUndo && !isBack && <Button size="1" variant="soft" color="gray" aria-label={`Put ${relative(path)} back`} onClick={() => undo({ talk, turn, what: "files", paths: [path] })}>Put back</Button>}
      </div>
      {isOpen && (diff === undefined ? <p className="pq-quiet" role="status">Reading what changed…</p>
        : diff ? <Diff diff={diff} path={relative(path)} /> : <p className="pq-quiet">This is no text, or too long to be shown.</p>)}
    </li>
  );
}

// What runs and listens since, and what does not any more.
function Also({ changes }) {
  const said = (things, change, words, name) => {
    const names = things.filter((each) => each.change === change).map(name);
    return names.length ? `${words}: ${names.join(", ")}` : "";
  };
  const { processes, ports, more } = changes, command = (each) => each.command, port = (each) => each.port;
  const words = [more > 0 && `${count(more, "more file")} changed`, said(processes, "began", "Began", command), said(processes, "ended", "Ended", command),
    said(ports, "began", "Opened ports", port), said(ports, "ended", "Closed ports", port)].filter(Boolean);
  return words.length ? <p className="pq-quiet">{words.join(" · ")}</p> : null;
}

const LOOKS = new Set(["read", "list", "search", "find", "log", "processes", "ports", "todo", "remember", "forget"]);
const mayHaveChanged = ({ kind, tool, state }) => kind === "step" && state !== "refused" && !LOOKS.has(tool);

export const Changes = memo(function Changes({ turn, talk }) {
  const { all } = useStore(reviewed);
  const { checkpoint, changes, undone } = turn;
  const isBack = putBack(turn), isAllBack = undone.some((each) => !each.paths);
  const files = changes?.files ?? [], names = files.map((each) => `${turn.id} ${each.path}`);
  const canFiles = Boolean(checkpoint?.files) && !isAllBack, canDisk = Boolean(checkpoint?.disk) && !undone.some((each) => each.what === "disk");
  const isOpenStill = names.some((each) => !all.includes(each)) && !isAllBack;
  if (!files.length && !isAllBack && !(canDisk && turn.items.some(mayHaveChanged))) return null;
  return (
    <section className="pq-changed" aria-label="What changed">
      <div className="pq-changed-head">
        <h3>{files.length ? `${files.length} file${files.length === 1 ? "" : "s"} changed` : isAllBack ? "Put back" : "No file changed"}</h3>
        {isOpenStill && files.length > 1 && <Button size="1" variant="soft" color="gray" onClick={() => review(names, true)}>Keep all</Button>}
        {canFiles && files.length > 0 && <Button size="1" variant="soft" color="gray" onClick={() => undo({ talk, turn, what: "files" })}><Undo2 size={13} aria-hidden="true" />Undo files</Button>}
        {canDisk && <Button size="1" variant="soft" color="gray" onClick={() => undo({ talk, turn, what: "disk" })}><Undo2 size={13} aria-hidden="true" />Undo disk</Button>}
      </div>
      {files.length > 0 && <ul role="list">{files.map((each) => (
        <File key={each.path} file={each} turn={turn} talk={talk} isReviewed={all.includes(`${turn.id} ${each.path}`)} isBack={isBack(each.path)} canUndo={canFiles} />))}</ul>}
      {changes && <Also changes={changes} />}
      {isAllBack && <p className="pq-quiet">{undone.some((each) => each.what === "disk") ? "The disk is as it was before this turn." : "The files are as they were before this turn."}</p>}
      {checkpoint?.message && <p className="pq-quiet">{checkpoint.message}</p>}
    </section>
  );
});
