// All that one container's workspace knows. It outlives the page: what was typed is there again when one comes back.
import { toast } from "sonner";
import { makeAsks } from "./asks.jsx";
import { makeDocuments } from "./documents.jsx";
import { makeLink } from "./link.jsx";
import { makeTransfers } from "./transfers.jsx";
import { makeTree } from "./tree.jsx";

const UNDO_MS = 15000;
const MOST_WATCHED = 500;
const sessions = new Map();

const tell = {
  problem: (words) => toast.error(words),
  done: (words) => toast.success(words),
  undo: (words, act) => toast.success(words, { action: { label: "Undo", onClick: act }, duration: UNDO_MS }),
};

// Events are wanted of every open folder and file; asked for before they are read, so that nothing falls in between.
function keepWatching(link, tree, documents) {
  let last = "";
  const watch = () => {
    const files = documents.store.get().open.map((each) => each.path).slice(0, MOST_WATCHED / 2);
    const { open } = tree.store.get();
    const wanted = { folders: Object.keys(open).filter((each) => open[each]).slice(0, MOST_WATCHED / 2), files };
    const said = JSON.stringify(wanted);
    if (said !== last) link.watch(wanted);
    last = said;
  };
  tree.store.subscribe(watch);
  documents.store.subscribe(watch);
  watch();
}

function makeSession(containerId) {
  const link = makeLink(containerId), asks = makeAsks();
  const documents = makeDocuments(link, { ask: asks.ask });
  const tree = makeTree(link, { tell, onMoved: documents.follow, onTrashed: documents.forget });
  const transfers = makeTransfers(link, { ask: asks.ask, tell });
  link.onEvent((message) => {
    if (message.event === "changed") tree.hear(message);
    if (message.event === "file") void documents.hear(message);
  });
  link.status.subscribe(({ state }) => {
    if (state === "ready") { void tree.refresh(); void documents.refresh(); }
  });
  documents.restore();
  keepWatching(link, tree, documents);
  return { containerId, link, asks, documents, tree, transfers, tell };
}

export function sessionOf(containerId) {
  if (!sessions.has(containerId)) sessions.set(containerId, makeSession(containerId));
  return sessions.get(containerId);
}

addEventListener("beforeunload", (event) => {
  const isBusy = [...sessions.values()].some((each) => each.documents.dirty().length || each.transfers.isBusy());
  if (isBusy) event.preventDefault();
});
