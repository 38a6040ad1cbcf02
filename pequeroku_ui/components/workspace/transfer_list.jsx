// What is on its way up: all of it in one line, and those under way with a bar and a way to stop each.
import React from "react";
import { X } from "lucide-react";
import { count, nameOf, shown } from "./paths.jsx";
import { useStore } from "./store.jsx";

const DRAWN = 8;

export function TransferList({ transfers }) {
  const { jobs } = useStore(transfers.store);
  if (!jobs.length) return null;
  const total = jobs.reduce((sum, each) => sum + each.size, 0), done = jobs.reduce((sum, each) => sum + each.done, 0);
  const left = jobs.filter((each) => ["queued", "going", "waiting"].includes(each.state)).length;
  const lively = jobs.filter((each) => ["going", "waiting", "failed"].includes(each.state));
  return (
    <section className="pq-transfers" aria-label="Uploads">
      <div className="pq-transfers-head">
        <span role="status">{left ? `Uploading ${count(left, "file")}` : `${count(lively.length, "upload")} failed`}</span>
        <span className="pq-figure">{left ? `${total ? Math.floor((done / total) * 100) : 100} %` : ""}</span>
        <button type="button" className="pq-small-button" onClick={() => transfers.cancelAll()}>{left ? "Stop all" : "Clear"}</button>
      </div>
      <ul role="list">{lively.slice(0, DRAWN).map((each) => (
        <li key={each.id} data-state={each.state}>
          <span className="pq-transfer-name" title={shown(each.path)}>{shown(nameOf(each.path))}</span>
          <button type="button" className="pq-small-button" aria-label={`Stop ${shown(nameOf(each.path))}`} onClick={() => transfers.cancel(each.id)}><X size={14} aria-hidden="true" /></button>
          {each.state === "failed" ? <p>{each.message}</p>
            : <progress className="pq-meter" aria-label={shown(nameOf(each.path))} max={each.size || 1} value={each.size ? each.done : 1} />}
          {each.state === "waiting" && <p>{each.message}</p>}
        </li>))}
        {lively.length > DRAWN && <li>and {lively.length - DRAWN} more</li>}
      </ul>
    </section>
  );
}
