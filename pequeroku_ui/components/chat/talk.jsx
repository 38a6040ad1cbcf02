// One socket to the assistant of a container (docs/ai.md), and all that its page draws from. It outlives the page within
// a browser tab. What comes is taken in once per drawn frame, however fast it comes.
import { makeAsks } from "../workspace/asks.jsx";
import { makeStore } from "../workspace/store.jsx";
import { EMPTY, fold, GOING_ON, goingOn, timelineOf, withStatus } from "./timeline.jsx";

const WAITS_MS = [300, 600, 1200, 2500, 5000, 8000];
const FINAL = { 4400: "The server did not understand this page. Reload it.", 4403: "You may not use the assistant here any more.",
  4404: "This container does not exist any more." };
const HIDDEN_MS = 250; // a page that nobody sees draws no frames
const MOST_OUTPUT = 20000;

export const LONGEST = 3000;
const NOTHING = { timeline: EMPTY, id: null, title: "", mode: "ask", progress: "", isOpening: false };

const talks = new Map();

function kept(containerId) {
  const name = `chat-${containerId}`;
  const read = () => { try { return JSON.parse(sessionStorage.getItem(name) ?? "{}"); } catch { return {}; } };
  return { read, write: (change) => sessionStorage.setItem(name, JSON.stringify({ ...read(), ...change })) };
}

// Calls `take` with all that was put since, before the next frame is drawn.
function makeQueue(take) {
  let waiting = [], isDue = false;
  const flush = () => { isDue = false; const all = waiting; waiting = []; take(all); };
  return (frame) => {
    waiting.push(frame);
    if (isDue) return;
    isDue = true;
    if (document.hidden) setTimeout(flush, HIDDEN_MS); else requestAnimationFrame(flush);
  };
}

// Takes one frame into what is collected: `next` is the store's state, `text` what is being written, `outputs` by call.
function makeHearing({ send, openNew, keep, diffs, undoing }) {
  let wanted, spare = null; // the conversation this tab had open before its socket came; and what it was given instead
  let isSettled = false; // which conversation this socket is about

  const show = (next, frame) => {
    const { id, title, mode, events, turn, turns = [] } = frame;
    const all = turn && !turns.some((each) => each.turn === turn.turn) ? [...turns, turn] : turns;
    const timeline = timelineOf(events, all);
    Object.assign(next, NOTHING, { timeline: turn ? withStatus(timeline, turn) : timeline, id, title, mode,
      isSetUp: frame.is_set_up, usesLeft: frame.ai_uses_left_today ?? next.usesLeft, budgetLeft: frame.budget_left ?? null });
    const isAsked = events.some((each) => each.event === "user" && each.text === next.sent);
    Object.assign(next, { text: turn?.text ?? "", outputs: turn?.outputs ?? {}, isLoaded: true, sent: "" }, !isAsked && !next.draft && { draft: next.sent });
    if (id !== null) keep.write({ id });
    isSettled = true;
  };
  const opened = (next, frame) => {
    const isOther = wanted !== undefined && wanted !== frame.id;
    if (isOther && spare === null) { spare = frame; send({ type: "open", conversation: wanted }); return; }
    wanted = undefined;
    spare = null;
    show(next, frame);
  };
  const refused = (next, { code, message }) => {
    const undo = undoing.frame;
    undoing.frame = null;
    if (spare) { const frame = spare; wanted = undefined; spare = null; show(next, frame); return; }
    // Files that were changed since are put back when it is said twice.
    next.problem = { code, message, again: code === "conflict" && undo?.what === "files" && !undo.force ? { ...undo, force: true } : null };
    if (next.sent) next.draft = next.draft || next.sent;
    Object.assign(next, { sent: "", isOpening: false });
  };
  const named = (next, { conversation, title }) => {
    if (next.id === null && next.sent) { next.id = conversation; keep.write({ id: conversation }); }
    else if (next.id === null && !next.draft) send({ type: "open", conversation });
    if (next.id === conversation) next.title = title;
  };
  const ended = (next, status) => {
    if (GOING_ON.has(status)) return;
    Object.assign(next, { text: "", outputs: {}, progress: "" });
  };
  const hear = {
    connected: (next, frame) => Object.assign(next, { link: "open", linkMessage: "", usesLeft: frame.ai_uses_left_today }),
    conversation: opened,
    titled: named,
    deleted: (next, { conversation }) => { if (next.id === conversation) openNew(); },
    mode: (next, { mode }) => { next.mode = mode; },
    start_text: (next) => { Object.assign(next, { text: "", progress: "" }); },
    text: (next, { content }) => { next.text += content; },
    output: (next, { call, content }) => {
      next.outputs = { ...next.outputs, [call]: ((next.outputs[call] ?? "") + content).slice(-MOST_OUTPUT) };
    },
    progress: (next, { message }) => { next.progress = message; },
    turn: (next, frame) => { next.timeline = withStatus(next.timeline, frame); ended(next, frame.status); },
    diff: (next, { turn, path, diff }) => diffs.set({ [`${turn} ${path}`]: diff }),
  };
  const take = (next, frame) => {
    if (frame.seq === undefined) {
      if (frame.event === "error") refused(next, frame); else hear[frame.event]?.(next, frame);
      return;
    }
    next.timeline = fold(next.timeline, frame);
    if (frame.event === "user") Object.assign(next, { sent: "", problem: null });
    if (frame.event === "said") next.text = "";
    if (frame.event === "undone") { undoing.frame = null; next.problem = null; }
    if (frame.event === "usage") Object.assign(next, { usesLeft: frame.ai_uses_left_today, budgetLeft: frame.budget_left ?? null });
  };
  return { take, isSettled: () => isSettled, want: (id) => { wanted = id; spare = null; isSettled = false; } };
}

function makeTalk(containerId) {
  const keep = kept(containerId);
  const store = makeStore({ ...NOTHING, link: "connecting", linkMessage: "", isSetUp: true, usesLeft: null, budgetLeft: null,
    problem: null, draft: keep.read().draft ?? "", sent: "", isLoaded: false });
  const live = makeStore({ text: "" });
  const outputs = makeStore({ of: {} });
  const diffs = makeStore({});
  const asks = makeAsks();
  const undoing = { frame: null };
  const watchers = new Set();
  let socket, timer, users = 0, tries = 0, eager = ""; // what was asked before it was known in which conversation

  const send = (frame) => {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(frame));
    return true;
  };
  // What one began anew, or cleared, is not what a reload finds again.
  const openNew = () => { keep.write({ id: null }); return send({ type: "open", conversation: null }); };
  const hearing = makeHearing({ send, openNew, keep, diffs, undoing });
  const put = makeQueue((frames) => {
    const next = { ...store.get(), text: live.get().text, outputs: outputs.get().of };
    frames.forEach((frame) => hearing.take(next, frame));
    const { text, outputs: of, ...rest } = next;
    live.set({ text });
    outputs.set({ of });
    store.set(rest);
    frames.forEach((frame) => watchers.forEach((take) => take(frame)));
    if (!eager || !hearing.isSettled()) return;
    const question = eager;
    eager = "";
    if (store.get().draft.trim() === question) ask(question);
  });
  const ask = (text) => {
    const clean = text.trim();
    if (!clean || clean.length > LONGEST || goingOn(store.get().timeline)) return;
    if (!hearing.isSettled()) { eager = socket?.readyState > WebSocket.OPEN ? "" : clean; return; }
    if (!send({ text: clean })) return;
    if (clean === "/clear") keep.write({ id: null });
    store.set({ sent: clean === "/clear" ? "" : clean, problem: null });
    setDraft("");
  };
  const open = () => {
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/ai/${containerId}/`);
    socket = mine;
    const { isLoaded, id, sent } = store.get();
    const isBegun = sent && id === null; // whether it arrived, only the server knows
    hearing.want(isBegun ? undefined : isLoaded ? id : keep.read().id);
    mine.onopen = () => { tries = 0; };
    mine.onmessage = ({ data }) => put(JSON.parse(data));
    mine.onclose = ({ code, reason }) => {
      if (socket !== mine || !users) return;
      eager = "";
      if (code === 4401) { location.assign(`/login?next=${encodeURIComponent(location.pathname)}`); return; }
      if (FINAL[code]) { store.set({ link: "final", linkMessage: reason || FINAL[code] }); return; }
      store.set({ link: "lost", linkMessage: "" });
      timer = setTimeout(open, WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)]);
    };
  };
  const retryNow = () => { if (socket?.readyState === WebSocket.CLOSED && users) { clearTimeout(timer); open(); } };
  const setDraft = (draft) => { store.set({ draft }); keep.write({ draft }); };

  return {
    containerId, store, live, outputs, diffs, asks, setDraft,
    // Open while somebody uses it.
    use: () => {
      users += 1;
      if (users === 1) { addEventListener("online", retryNow); store.set({ link: "connecting" }); open(); }
      return () => {
        users -= 1;
        if (users) return;
        clearTimeout(timer);
        removeEventListener("online", retryNow);
        const mine = socket;
        socket = undefined;
        eager = "";
        mine?.close();
      };
    },
    ask,
    open: (id) => { if (id === null ? openNew() : send({ type: "open", conversation: id })) store.set({ isOpening: true, problem: null }); },
    stop: () => send({ type: "stop" }),
    retry: () => { store.set({ problem: null }); send({ type: "retry" }); },
    answer: (call, allow) => send({ type: "answer", call, allow }),
    setMode: (mode) => send({ type: "mode", mode }),
    undo: (frame) => { undoing.frame = frame; store.set({ problem: null }); send({ type: "undo", ...frame }); },
    wantDiff: (turn, path) => send({ type: "diff", turn, path }),
    dismiss: () => store.set({ problem: null }),
    // Calls `take` with each frame, after it was taken in here; returns what ends that.
    watch: (take) => { watchers.add(take); return () => watchers.delete(take); },
  };
}

export function talkOf(containerId) {
  if (!talks.has(containerId)) talks.set(containerId, makeTalk(containerId));
  return talks.get(containerId);
}
