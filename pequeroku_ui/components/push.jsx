import React, { useCallback, useEffect, useState } from "react";

const isAble = () => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

const bytesOf = (text) => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/").padEnd(Math.ceil(text.length / 4) * 4, "="));
  return Uint8Array.from(plain, (each) => each.charCodeAt(0));
};

const isSame = (one, other) => one.length === other.length && one.every((each, place) => each === other[place]);

async function digestOf(endpoint) {
  const hashed = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint)));
  return [...hashed].map((each) => each.toString(16).padStart(2, "0")).join("");
}

async function registered() {
  await navigator.serviceWorker.register("/sw.js");
  return navigator.serviceWorker.ready;
}

async function send(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (answer.ok) return;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said?.error?.message || "That did not work. Try again in a moment.");
}

// The browser's subscription for our key, if it has one. One for an older key is of no use any more.
async function subscription(publicKey) {
  const worker = await navigator.serviceWorker.getRegistration("/");
  const found = await worker?.pushManager.getSubscription();
  const key = found?.options?.applicationServerKey;
  if (!found || (key && !isSame(new Uint8Array(key), bytesOf(publicKey)))) return null;
  return found;
}

async function subscribe(publicKey) {
  if ((await Notification.requestPermission()) !== "granted") return;
  const worker = await registered();
  const older = await worker.pushManager.getSubscription();
  if (older && !(await subscription(publicKey))) await older.unsubscribe();
  const made = await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytesOf(publicKey),
  });
  const { endpoint, keys } = made.toJSON();
  await send("POST", "/api/push/", { endpoint, p256dh: keys.p256dh, auth: keys.auth });
}

const WORDS = {
  looking: "Looking at this browser…",
  none: "This browser can't get notifications here. It needs an up-to-date browser and an https:// address; on an " +
    "iPhone or iPad, add the page to the home screen first.",
  keyless: "Notifications can't be turned on now: this installation has no key to send them with.",
  denied: "This browser does not let us notify you. To allow it again, press the icon at the left of the address, set " +
    "Notifications to Allow, and load this page again.",
  off: "This browser gets no tips while it is closed.",
  on: "This browser gets tips, open or closed, until you sign out in it.",
};

// `known`: what the server sends to, as {id, digest}. It is told which of them this browser is.
export function PushSwitch({ publicKey, known, onHere, onChange }) {
  const [state, setState] = useState("looking");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");

  const look = useCallback(async () => {
    if (!isAble()) return ["none", ""];
    if (!publicKey) return ["keyless", ""];
    if (Notification.permission === "denied") return ["denied", ""];
    const found = await subscription(publicKey);
    const digest = found ? await digestOf(found.endpoint) : "";
    return known.some((each) => each.digest === digest) ? ["on", digest] : ["off", ""];
  }, [publicKey, known]);

  useEffect(() => {
    let left = false;
    look().then(([now, here]) => {
      if (left) return;
      setState(now);
      onHere?.(here);
    }, () => { if (!left) setState("none"); });
    return () => { left = true; };
  }, [look]);

  const doing = (act) => async () => {
    setBusy(true);
    setFault("");
    try {
      await act();
      setState((await look())[0]);
      onChange?.();
    } catch (caught) {
      setFault(caught.name === "AbortError" ? "The browser's push service did not answer. Try again." : caught.message);
    } finally {
      setBusy(false);
    }
  };

  const turnOn = doing(() => subscribe(publicKey));
  const turnOff = doing(async () => {
    const found = await subscription(publicKey);
    if (!found) return;
    const digest = await digestOf(found.endpoint);
    const mine = known.find((each) => each.digest === digest);
    if (mine) await send("DELETE", `/api/push/${mine.id}/`);
    await found.unsubscribe();
  });

  return (
    <div className="pq-push" data-state={state}>
      <p role="status">{WORDS[state]}</p>
      {state === "off" && (
        <button type="button" className="pq-plain pq-plain-main" disabled={busy} onClick={turnOn}>
          {busy ? "Turning on…" : "Turn on here"}
        </button>
      )}
      {state === "on" && (
        <button type="button" className="pq-plain" disabled={busy} onClick={turnOff}>
          {busy ? "Turning off…" : "Turn off here"}
        </button>
      )}
      {fault && <p role="alert">{fault}</p>}
    </div>
  );
}
