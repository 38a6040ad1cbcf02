// One question, and all that followed from it.
import React, { memo } from "react";
import { Button } from "@radix-ui/themes";
import { CircleAlert, GitFork, Pencil } from "lucide-react";
import { useStore } from "../workspace/store.jsx";
import { Changes } from "./changes.jsx";
import { CopyButton, Growing, Rich } from "./rich.jsx";
import { Step } from "./step.jsx";
import { byParent, GOING_ON } from "./timeline.jsx";
import { costWords, tokenWords, tookWords } from "./words.jsx";

function Deed({ Icon, label, act }) {
  return <button type="button" className="pq-small-button" aria-label={label} title={label} onClick={act}><Icon size={14} aria-hidden="true" /></button>;
}

const Asked = memo(function Asked({ item, onFork }) {
  return (
    <div className="pq-asked">
      <p>{item.text}</p>
      <div className="pq-message-deeds"><CopyButton text={item.text} label="Copy the question" />
        <Deed Icon={Pencil} label="Ask it otherwise, in a new conversation" act={() => onFork(item.seq - 1, item.text)} /></div>
    </div>
  );
});

const Said = memo(function Said({ item, onFork }) {
  return (
    <div className="pq-said">
      <Rich text={item.text} />
      {item.isCut && <p className="pq-quiet">It broke off here.</p>}
      <div className="pq-message-deeds"><CopyButton text={item.text} label="Copy the answer" />
        <Deed Icon={GitFork} label="Go on from here in a new conversation" act={() => onFork(item.seq, "")} /></div>
    </div>
  );
});

function Failed({ item }) {
  return <p className="pq-note" data-tone="bad" role="alert"><CircleAlert size={18} aria-hidden="true" /><span>{item.message}</span></p>;
}

function Summary({ item }) {
  return <details className="pq-summary"><summary>What stands above is given to the model in short form</summary><Rich text={item.text} /></details>;
}

// The text that is being written, and what is waited for.
export function Writing({ talk, turn }) {
  const { text } = useStore(talk.live);
  const { progress } = useStore(talk.store);
  const last = turn.items.at(-1), isIdle = !text && turn.status === "running" && !["running", "asked"].includes(last?.state);
  if (text) return <div className="pq-said"><Growing text={text} /></div>;
  return isIdle ? <p className="pq-thinking"><span className="pq-dots" aria-hidden="true"><i /><i /><i /></span>{progress || "Thinking…"}</p> : null;
}

function Foot({ turn, talk, isLast }) {
  const { usage, status } = turn;
  const words = usage && [usage.cost > 0 && costWords(usage.cost), tokenWords(usage.prompt_tokens + usage.completion_tokens), tookWords(usage.duration_ms), usage.model].filter(Boolean).join(" · ");
  const again = isLast && { failed: "Try again", stopped: "Go on" }[status];
  if (!words && !again && status !== "stopped") return null;
  return (
    <div className="pq-turn-foot">
      {status === "stopped" && <span className="pq-tag">Stopped</span>}
      {again && <Button size="1" onClick={talk.retry}>{again}</Button>}
      {words && <span className="pq-figure" title={`${usage.prompt_tokens.toLocaleString("en")} tokens read, ${usage.completion_tokens.toLocaleString("en")} written`}>{words}</span>}
    </div>
  );
}

function Item({ item, talk, isOver, onFork }) {
  if (item.kind === "user") return <Asked item={item} onFork={onFork} />;
  if (item.kind === "said") return <Said item={item} onFork={onFork} />;
  if (item.kind === "step") return <Step step={item} talk={talk} isOver={isOver} />;
  return item.kind === "error" ? <Failed item={item} /> : <Summary item={item} />;
}

// What a sub-agent did, under the step that sent it: folded, unless it waits for a click.
function Inner({ items, talk, isOver, onFork }) {
  const waits = items.some((each) => each.state === "asked");
  const steps = items.filter((each) => each.kind === "step").length;
  return (
    <details className="pq-inner" open={waits || undefined}>
      <summary>{steps === 1 ? "1 step of its own" : `${steps} steps of its own`}</summary>
      {items.map((each) => <Item key={each.key} item={each} talk={talk} isOver={isOver} onFork={onFork} />)}
    </details>
  );
}

export const Turn = memo(function Turn({ turn, talk, isLast, onFork }) {
  const isOver = !GOING_ON.has(turn.status), items = byParent(turn.items);
  return (
    <section className="pq-turn" data-turn={turn.id} data-status={turn.status} data-last={isLast || undefined}>
      {(items.get("") ?? []).map((each) => (
        <React.Fragment key={each.key}>
          <Item item={each} talk={talk} isOver={isOver} onFork={onFork} />
          {items.has(each.call) && <Inner items={items.get(each.call)} talk={talk} isOver={isOver} onFork={onFork} />}
        </React.Fragment>
      ))}
      {!isOver && <Writing talk={talk} turn={turn} />}
      {isOver && <><Changes turn={turn} talk={talk} /><Foot turn={turn} talk={talk} isLast={isLast} /></>}
    </section>
  );
});
