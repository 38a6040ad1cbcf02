// What the parts of the workspace share: plain state outside of React, and a hook to draw from it.
import { useSyncExternalStore } from "react";

// `set` takes what changes, or a function from what is to what changes. State itself is never written to.
export function makeStore(initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get: () => state,
    set: (change) => {
      const next = typeof change === "function" ? change(state) : change;
      if (!next || Object.keys(next).every((key) => Object.is(next[key], state[key]))) return;
      state = { ...state, ...next };
      listeners.forEach((each) => each(state));
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const useStore = (store) => useSyncExternalStore(store.subscribe, store.get, store.get);
