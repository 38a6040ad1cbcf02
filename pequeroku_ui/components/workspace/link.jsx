// One socket to the files of a container (docs/files.md): requests, answers in any order, events. Whatever the network
// does, it comes back by itself; what was under way then is refused, and nothing is sent twice.
import { makeStore } from "./store.jsx";

const WAITS_MS = [300, 600, 1200, 2500, 5000, 8000];
const MAX_UNDER_WAY = 32;
const MAX_FRAME_BYTES = 8 * 1024 * 1024 - 1024;
const FINAL = { 4400: "The server did not understand this page. Reload it.", 4403: "You may not see these files any more.",
  4404: "This container does not exist any more." };
const LOST = { code: "unavailable", message: "The connection was lost. It is tried again by itself." };

// A refusal: its code, a sentence for the person, and what else was said.
export class Fault extends Error {
  constructor({ code, message, ...facts }) {
    super(message);
    Object.assign(this, { code, facts });
  }
}

function frameOf(message) {
  const frame = JSON.stringify(message);
  const isLarge = frame.length > MAX_FRAME_BYTES / 3 && new TextEncoder().encode(frame).length > MAX_FRAME_BYTES;
  if (isLarge) throw new Fault({ code: "too_large", message: "That is more than can be saved here at once. Nothing was changed." });
  return frame;
}

export function makeLink(containerId) {
  const status = makeStore({ state: "connecting", message: "" });
  const underWay = new Map(); // id -> { resolve, reject, onProgress }
  const queue = [];
  const listeners = new Set();
  let socket, timer, watched, users = 0, tries = 0, lastId = 0;

  const send = (message) => socket.send(frameOf(message));
  const isOpen = () => socket?.readyState === WebSocket.OPEN;
  const begin = () => {
    while (queue.length && underWay.size < MAX_UNDER_WAY) queue.shift()();
  };
  const answer = ({ id, result, error }) => {
    const asked = underWay.get(id);
    if (!asked) return;
    underWay.delete(id);
    if (error) asked.reject(new Fault(error)); else asked.resolve(result);
    begin();
  };
  const hear = (message) => {
    if (message.event === undefined) answer(message);
    else if (message.event === "progress") underWay.get(message.id)?.onProgress?.(message);
    else if (message.event === "state") {
      if (message.state === "ready" && watched) void call("watch", watched).catch(() => undefined);
      status.set({ state: message.state, message: message.message ?? "" });
    }
    else listeners.forEach((each) => each(message));
  };
  const drop = () => {
    const lost = [...underWay.values()];
    underWay.clear();
    lost.forEach((each) => each.reject(new Fault(LOST)));
    begin();
  };
  const open = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const mine = new WebSocket(`${scheme}://${location.host}/ws/fs/${containerId}/`);
    socket = mine;
    mine.onopen = () => { tries = 0; };
    mine.onmessage = ({ data }) => hear(JSON.parse(data));
    mine.onclose = ({ code }) => {
      if (socket !== mine) return;
      drop();
      if (!users) return;
      if (code === 4401) { location.assign(`/login?next=${encodeURIComponent(location.pathname)}`); return; }
      if (FINAL[code]) { status.set({ state: "final", message: FINAL[code] }); return; }
      if (status.get().state !== "connecting" || tries > 1) status.set({ state: "lost", message: "" });
      timer = setTimeout(open, WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)]);
    };
  };
  const retryNow = () => { if (socket?.readyState === WebSocket.CLOSED && users) { clearTimeout(timer); open(); } };

  // Ask something. `signal` gives it up, in the guest too.
  function call(method, params = {}, { signal, onProgress } = {}) {
    return new Promise((resolve, reject) => {
      const start = () => {
        if (signal?.aborted) { reject(new Fault({ code: "cancelled", message: "It was given up." })); return; }
        if (!isOpen()) { reject(new Fault(LOST)); return; }
        const id = ++lastId;
        try { send({ id, method, params }); } catch (fault) { reject(fault); return; }
        underWay.set(id, { resolve, reject, onProgress });
        signal?.addEventListener("abort", () => {
          if (underWay.has(id) && isOpen()) send({ id: ++lastId, method: "cancel", params: { id } });
        }, { once: true });
      };
      queue.push(start);
      begin();
    });
  }

  return {
    containerId, status, call,
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    // What events are wanted about; said again after every drop.
    watch: (wanted) => {
      watched = wanted;
      if (isOpen()) void call("watch", wanted).catch(() => undefined);
    },
    // Open while somebody uses it.
    use: () => {
      users += 1;
      if (users === 1) { addEventListener("online", retryNow); status.set({ state: "connecting", message: "" }); open(); }
      return () => {
        users -= 1;
        if (users) return;
        clearTimeout(timer);
        removeEventListener("online", retryNow);
        const mine = socket;
        socket = undefined;
        mine?.close();
        drop();
      };
    },
  };
}
