// Panes beside and below each other, with dividers between them that remember where they were put.
import React, { useRef } from "react";
import { makeStore } from "./store.jsx";

const KEPT = "workspace-panes";
const STEP = 24;
export const HIDDEN = { files: "isSideHidden", editor: "isEditorHidden", terminal: "isBelowHidden" };
const BOUNDS = { side: [160, 560, 260], below: [90, 900, 300], chat: [300, 900, 420] };

function read() {
  const standard = { side: BOUNDS.side[2], below: null, isSideHidden: false, isEditorHidden: false, isBelowHidden: false };
  try {
    return { ...standard, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") };
  } catch {
    return standard;
  }
}

// Sizes in pixels; `below` is null until it was chosen. One of editor and terminal is always there.
export function makePanes() {
  const store = makeStore({ ...read(), front: "terminal" });
  const set = (change) => {
    store.set(change);
    const { front, ...kept } = store.get();
    localStorage.setItem(KEPT, JSON.stringify(kept));
  };
  return {
    store, set,
    toggle: (name) => {
      const now = store.get(), key = HIDDEN[name];
      const other = { isEditorHidden: "isBelowHidden", isBelowHidden: "isEditorHidden" }[key];
      set({ [key]: !now[key], ...(other && !now[key] && { [other]: false }) });
    },
    // Make sure one can be seen; on a phone, where one is seen at a time, bring it to the front.
    show: (name) => set({ front: name, [HIDDEN[name]]: false }),
  };
}

// `size` of the pane before it (a column) or after it (a row; or a column that `isAfter`).
export function Divider({ label, isColumn, isAfter = !isColumn, name, size, onSize }) {
  const from = useRef(null);
  const [least, most, standard] = BOUNDS[name];
  const put = (wanted) => onSize(Math.round(Math.min(most, Math.max(least, wanted))));
  const sign = isAfter ? -1 : 1;
  const keys = isColumn ? { ArrowLeft: -STEP * sign, ArrowRight: STEP * sign } : { ArrowUp: STEP, ArrowDown: -STEP };
  return (
    <div className="pq-divider" role="separator" tabIndex={0} aria-label={label} aria-orientation={isColumn ? "vertical" : "horizontal"}
      aria-valuenow={Math.round(size)} aria-valuemin={least} aria-valuemax={most} onDoubleClick={() => put(standard)}
      onKeyDown={(event) => {
        const wanted = event.key in keys ? size + keys[event.key] : { Home: least, End: most }[event.key];
        if (wanted !== undefined) { event.preventDefault(); put(wanted); }
      }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { at: isColumn ? event.clientX : event.clientY, size };
      }}
      onPointerMove={(event) => {
        if (from.current) put(from.current.size + sign * ((isColumn ? event.clientX : event.clientY) - from.current.at));
      }}
      onPointerUp={() => { from.current = null; }} onPointerCancel={() => { from.current = null; }} />
  );
}
