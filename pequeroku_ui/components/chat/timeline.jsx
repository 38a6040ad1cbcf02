// A conversation as it is drawn, made from its events (docs/ai.md). Pure: the same events make the same timeline,
// whether they come live or all at once after a reload. What did not change stays the same object, so it is not redrawn.

export const EMPTY = { turns: [], todos: [], lastSeq: 0 };
export const GOING_ON = new Set(["running", "waiting"]);

const FRESH_TURN = { number: 0, status: "done", items: [], checkpoint: null, changes: null, usage: null, undone: [] };
const FRESH_STEP = { kind: "step", state: "wanted", why: "", content: "", diff: "", path: "", ms: 0, isCut: false };

const replace = (list, at, item) => [...list.slice(0, at), item, ...list.slice(at + 1)];

// `change` gets the turn, made if it is new, and returns what differs in it.
function withTurn(timeline, id, change) {
  const at = timeline.turns.findLastIndex((each) => each.id === id);
  const turn = at < 0 ? { ...FRESH_TURN, id } : timeline.turns[at];
  const next = { ...turn, ...change(turn) };
  return { ...timeline, turns: at < 0 ? [...timeline.turns, next] : replace(timeline.turns, at, next) };
}
const adding = (item) => ({ items }) => ({ items: [...items, item] });
function inStep(call, change) {
  return ({ items }) => {
    const at = items.findLastIndex((each) => each.call === call);
    return at < 0 ? {} : { items: replace(items, at, { ...items[at], ...change(items[at]) }) };
  };
}

function resultOf({ ok, content, diff, path, duration_ms: ms, is_cut: isCut }) {
  return (step) => ({
    state: step.state === "refused" ? "refused" : ok ? "done" : "failed", content, ms,
    diff: diff ?? (ok ? step.diff : ""), path: path ?? step.path, isCut: Boolean(isCut),
  });
}

const KINDS = {
  user: ({ seq, text, at }) => adding({ kind: "user", key: seq, seq, text, at }),
  said: ({ seq, text, parent, is_cut: isCut }) => adding({ kind: "said", key: seq, seq, text, parent, isCut: Boolean(isCut) }),
  tool_call: ({ seq, call, tool, title, parent, arguments: given }) => adding({ ...FRESH_STEP, key: call, seq, call, tool, title, parent, given }),
  approval: ({ call, why, diff = "" }) => inStep(call, () => ({ state: "asked", why, diff })),
  answered: ({ call, allow }) => inStep(call, () => ({ state: allow ? "wanted" : "refused" })),
  began: ({ call }) => inStep(call, () => ({ state: "running" })),
  tool_result: (event) => inStep(event.call, resultOf(event)),
  error: ({ seq, code, message }) => adding({ kind: "error", key: seq, seq, code, message }),
  summary: ({ seq, text }) => adding({ kind: "summary", key: seq, seq, text }),
  usage: (event) => () => ({ usage: event }),
  checkpoint: (event) => () => ({ checkpoint: event }),
  changes: ({ files = [], more = 0, processes = [], ports = [] }) => () => ({ changes: { files, more, processes, ports } }),
  undone: ({ what, paths = null }) => ({ undone }) => ({ undone: [...undone, { what, paths }] }),
};

// The timeline with one more event that is kept. One that is there already changes nothing.
export function fold(timeline, event) {
  if (event.seq <= timeline.lastSeq) return timeline;
  const known = { ...timeline, lastSeq: event.seq };
  if (event.event === "todos") return { ...known, todos: event.items };
  const change = KINDS[event.event];
  return change ? withTurn(known, event.turn ?? null, change(event)) : known;
}

// How far a turn has come.
export const withStatus = (timeline, { turn, number, status }) => withTurn(timeline, turn, () => ({ number, status }));

// What a conversation was when it was opened: its events, and its turns' numbers and statuses.
export function timelineOf(events, turns = []) {
  const known = new Map(turns.map(({ turn, number, status }) => [turn, { number, status }]));
  const made = events.reduce(fold, EMPTY);
  return { ...made, turns: made.turns.map((each) => ({ ...each, ...known.get(each.id) })) };
}

export const goingOn = ({ turns }) => turns.findLast((each) => GOING_ON.has(each.status)) ?? null;
export const asked = (turn) => (turn?.items ?? []).filter((each) => each.state === "asked");

// What sub-agents said and did, by the call that sent them; under "" what the assistant itself did.
export const byParent = (items) => Map.groupBy(items, (each) => each.parent ?? "");

// Whether a file of a turn was put back: with all of them, or alone.
export function putBack(turn) {
  const all = turn.undone.some((each) => !each.paths);
  const some = new Set(turn.undone.flatMap((each) => each.paths ?? []));
  return (path) => all || some.has(path);
}
