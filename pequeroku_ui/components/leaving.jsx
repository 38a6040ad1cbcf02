import React, { useEffect, useRef } from "react";
import { useBlocker } from "react-router";

// Inside a form: once something was typed there, nobody leaves the page by mistake. A form that was saved is drawn
// anew, and this with it, so that it begins clean.
export function LeaveGuard() {
  const mark = useRef(null);
  const dialog = useRef(null);
  const isDirty = useRef(false);
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => isDirty.current && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    const form = mark.current?.closest("form");
    const note = () => {
      isDirty.current = true;
    };
    const ask = (event) => {
      if (isDirty.current) event.preventDefault();
    };
    form?.addEventListener("input", note);
    window.addEventListener("beforeunload", ask);
    return () => {
      form?.removeEventListener("input", note);
      window.removeEventListener("beforeunload", ask);
    };
  }, []);
  useEffect(() => {
    if (blocker.state === "blocked" && !dialog.current?.open) dialog.current?.showModal();
  }, [blocker.state]);
  const stay = () => {
    dialog.current?.close();
    blocker.reset?.();
  };
  const leave = () => {
    dialog.current?.close();
    blocker.proceed?.();
  };
  return (
    <span ref={mark} className="pq-guard">
      <dialog ref={dialog} className="pq-panel pq-leaving" aria-labelledby="leaving" onCancel={stay}>
        <h2 id="leaving">Leave without saving?</h2>
        <p className="pq-quiet">What you typed here is not saved.</p>
        <div className="pq-dialog-end">
          <button type="button" className="pq-plain" onClick={leave}>
            Leave
          </button>
          <button type="button" className="pq-plain pq-plain-main" onClick={stay} autoFocus>
            Stay here
          </button>
        </div>
      </dialog>
    </span>
  );
}
