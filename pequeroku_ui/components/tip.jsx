import React, { useEffect, useRef, useState } from "react";

const ANSWERS = [["done", "Done", "D"], ["later", "Later", "L"], ["not_for_me", "Not for me", "N"]];
const SEEN_AFTER_MS = 1000;
const ASK_EVERY_MS = 10 * 60 * 1000;
const SAID_FOR_MS = 6000;

// A name for one request. randomUUID is there only where the page is secure; this is everywhere.
const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16)).join("-");

// The API's answer, or an error that has its sentence.
async function call(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": fresh() },
      body: JSON.stringify(body || {}),
    });
  } catch {
    throw new Error("You are offline. Try again in a moment.");
  }
  if (answer.status === 401) window.location.assign("/login?next=/tip");
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said?.error?.message || "That did not work. Try again in a moment.");
  return said;
}

// `channel`: where the answer is shown at once, so that no push tells of it.
async function ask(channel) {
  const here = {
    channel,
    device: window.innerWidth < 700 ? "narrow" : "wide",
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "",
  };
  return (await call("/api/recommend", here)).tip;
}

const saw = (tip, channel) => call(`/api/tips/${tip.decision_id}/activation`, { channel });

function h(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const time = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function drawn(share, among, policy) {
  if (among === 1) return "Nothing else fitted.";
  const percent = Math.round(share * 100);
  return `Among ${among} that fitted, the policy “${policy}” drew it with a probability of ${percent} %.`;
}

function why(tip) {
  const { signal, probability, among, policy, phrased_by: by } = tip.why;
  const words = by === "template" ? "The words are ours." : "A model chose the words; the numbers are ours.";
  return `This comes from ${signal}. ${drawn(probability, among, policy)} ${words}`;
}

// Takes over the face that the server drew. Returns what ends that.
function adopt(root) {
  let tip = window.ooTip || null;
  let saidSeen = 0; // the tip that was said to have been seen here
  let seenTimer = 0;
  let saidTimer = 0;
  let busy = false;

  const say = h("div", { class: "oo-say", role: "status" });
  const below = h("div", { class: "oo-below" });

  function draw(said, undoOf) {
    clearTimeout(saidTimer);
    const shown = said || (tip && tip.sentence);
    const as = { class: said ? "oo-sentence oo-said" : "oo-sentence" };
    say.replaceChildren(...(shown ? [h("h1", as, shown)] : []));
    if (said) {
      const back = undoOf ? [h("button", { type: "button", class: "oo-act", "data-undo": undoOf }, "Undo")] : [];
      below.replaceChildren(h("div", { class: "oo-press" }, ...back));
    } else if (tip) {
      below.replaceChildren(...standing(tip));
    } else {
      below.replaceChildren(h("h1", { class: "oo-clock" }, h("time", {}, time())));
    }
    look();
  }

  function standing(shown) {
    const press = shown.action ? [h("button", { type: "button", class: "oo-act" }, shown.action.label)] : [];
    const answers = ANSWERS.map(([kind, label, key]) =>
      h("button", { type: "button", "data-answer": kind, "aria-keyshortcuts": key }, `${label} `, h("kbd", {}, key)),
    );
    return [
      h("div", { class: "oo-press" }, ...press),
      h("div", { class: "oo-answers", role: "group", "aria-label": "Your answer" }, ...answers),
      h("details", { class: "oo-why" },
        h("summary", { "aria-label": "Why this tip" }, h("span", {})), h("p", {}, why(shown))),
    ];
  }

  function passing(said) {
    draw(said);
    saidTimer = setTimeout(() => draw(), SAID_FOR_MS);
  }

  // It counts once it was visible for a second on end.
  function look() {
    clearTimeout(seenTimer);
    if (!tip || tip.decision_id === saidSeen || document.visibilityState !== "visible") return;
    const shown = tip;
    seenTimer = setTimeout(() => {
      saw(shown, "page").then(() => { saidSeen = shown.decision_id; }, () => {});
    }, SEEN_AFTER_MS);
  }

  async function renew() {
    if (busy || document.visibilityState !== "visible" || say.querySelector(".oo-said")) return;
    try {
      const found = await ask("page");
      const same = found && tip && found.decision_id === tip.decision_id;
      if (same && root.querySelector(".oo-why[open]")) return;
      const changed = !same && (found || tip);
      tip = found;
      if (changed) draw();
    } catch {
      look(); // offline: what was shown last stays
    }
  }

  async function once(act) {
    if (busy) return;
    busy = true;
    try {
      await act();
    } catch (fault) {
      passing(fault.message);
    } finally {
      busy = false;
    }
  }

  const answer = (kind) => once(async () => {
    if (!tip) return;
    await call(`/api/tips/${tip.decision_id}/reactions`, { kind });
    tip = null;
    draw();
  });

  const press = () => once(async () => {
    if (!tip || !tip.action) return;
    const done = await call(`/api/tips/${tip.decision_id}/actions`, { token: tip.action.token });
    if (done.opens) {
      window.location.assign(done.opens);
      return;
    }
    tip = null;
    draw(done.message, done.undo_until ? String(done.decision_id) : "");
    root.querySelector("[data-undo]")?.focus();
    if (!done.undo_until) saidTimer = setTimeout(() => draw(), SAID_FOR_MS);
    else saidTimer = setTimeout(() => draw(), Date.parse(done.undo_until) - Date.now());
  });

  const undo = (id) => once(async () => passing((await call(`/api/tips/${id}/actions/undo`)).message));

  function onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.answer) answer(button.dataset.answer);
    else if (button.dataset.undo) undo(button.dataset.undo);
    else press();
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const found = ANSWERS.find(([, , key]) => key === event.key.toUpperCase());
    if (found) answer(found[0]);
  }

  function onVisible() {
    look();
    renew();
  }

  root.replaceChildren(say, below);
  draw();
  root.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", onVisible);
  window.addEventListener("online", onVisible);
  const clock = setInterval(() => {
    const shown = root.querySelector(".oo-clock time");
    if (shown && shown.textContent !== time()) shown.textContent = time();
  }, 1000);
  const asking = setInterval(renew, ASK_EVERY_MS);
  renew();
  return () => {
    [clock, asking].forEach(clearInterval);
    [seenTimer, saidTimer].forEach(clearTimeout);
    root.removeEventListener("click", onClick);
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("visibilitychange", onVisible);
    window.removeEventListener("online", onVisible);
    window.ooTip = null;
  };
}

const NOTHING = { __html: "" };

// React leaves what is in it alone: the server filled it, and adopt() goes on from there.
export function Face() {
  const root = useRef(null);
  useEffect(() => {
    if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});
    return adopt(root.current);
  }, []);
  return <main id="tip" className="oo" ref={root} suppressHydrationWarning dangerouslySetInnerHTML={NOTHING} />;
}

// Says once that the line was visible for a second on end.
function useSeen(tip) {
  useEffect(() => {
    if (!tip) return undefined;
    let timer = 0;
    const look = () => {
      clearTimeout(timer);
      if (document.visibilityState !== "visible") return;
      timer = setTimeout(() => {
        document.removeEventListener("visibilitychange", look);
        saw(tip, "dashboard").catch(() => {});
      }, SEEN_AFTER_MS);
    };
    document.addEventListener("visibilitychange", look);
    look();
    return () => { clearTimeout(timer); document.removeEventListener("visibilitychange", look); };
  }, [tip]);
}

// The same tip, in one line. A first machine is offered there by the page itself.
export function TipLine() {
  const [tip, setTip] = useState(null);
  useEffect(() => {
    let left = false;
    ask("dashboard").then((found) => { if (!left && found?.kind !== "first_machine") setTip(found); }, () => {});
    return () => { left = true; };
  }, []);
  useSeen(tip);
  if (!tip) return null;
  return <p className="pq-tip-line"><a href="/tip"><span aria-hidden="true" />{tip.sentence}</a></p>;
}
