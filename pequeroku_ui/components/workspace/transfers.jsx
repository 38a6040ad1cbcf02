// Files on their way up: a few at once, each in one request that is gone on with after a drop (docs/files.md).
// Downloads are the browser's own: it shows them, stops them, and goes on with them.
import { count, join, shown, uploadUrl } from "./paths.jsx";
import { Fault } from "./link.jsx";
import { makeStore } from "./store.jsx";

const AT_ONCE = 3;
const WAITS_MS = [500, 1000, 2000, 4000, 8000];
const DRAWN_MS = 100;

const randomName = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join("");
const within = (delay) => new Promise((resolve) => {
  const timer = setTimeout(done, delay);
  function done() { clearTimeout(timer); removeEventListener("online", done); resolve(); }
  addEventListener("online", done);
});

// A machine that is off, or out of reach, may come back. What it could not do it can't do the next time.
const isPassing = (status, code, reason) => reason !== "failed" && (status >= 500 || status === 429 || code === "machine_not_running");

// One request, from `offset` on. Answers {done} or {received}; a Fault "dropped" is worth another try.
function send(containerId, job, offset, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const more = `&size=${job.size}&upload=${job.name}&offset=${offset}&overwrite=${job.overwrite}`;
    request.open("POST", uploadUrl(containerId, job.path, more));
    request.responseType = "json";
    request.upload.onprogress = ({ loaded }) => onProgress(offset + loaded);
    request.onload = () => {
      const said = request.response ?? {};
      const { code = "", reason = code, message = "It could not be uploaded.", ...facts } = said.error ?? {};
      if (request.status < 300) resolve(said);
      else reject(isPassing(request.status, code, reason) ? new Fault({ code: "dropped", message: "" }) : new Fault({ ...facts, code: reason, message }));
    };
    request.onerror = () => reject(new Fault({ code: "dropped", message: "" }));
    request.onabort = () => reject(new Fault({ code: "cancelled", message: "" }));
    job.stop = () => request.abort();
    request.send(offset ? job.file.slice(offset) : job.file);
  });
}

async function received(containerId, job) {
  const answer = await fetch(`/api/containers/${containerId}/upload_file/?upload=${job.name}`);
  if (!answer.ok) throw new Fault({ code: "dropped", message: "" });
  return (await answer.json()).received ?? 0;
}

export function makeTransfers(link, { ask, tell }) {
  const store = makeStore({ jobs: [] });
  const jobs = new Map();
  let lastId = 0, going = 0, timer;

  // Many small steps are drawn a few times a second.
  const draw = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      store.set({ jobs: [...jobs.values()].map(({ id, path, size, done, state, message }) => ({ id, path, size, done, state, message })) });
    }, DRAWN_MS);
  };
  const set = (job, change) => { Object.assign(job, change); draw(); };

  // What is there already is replaced only where somebody said so; once for all of a batch, if they like.
  const mayReplace = (job) => {
    const asked = job.batch.turn.then(async () => {
      if (job.batch.answer) return job.batch.answer;
      const isAlone = job.batch.size === 1;
      const answer = await ask({ title: `Replace “${shown(job.path.slice(job.path.lastIndexOf("/") + 1))}”?`,
        text: "There is something of that name already. What is in it would be lost.",
        answers: [["skip", "Skip"], ...(isAlone ? [] : [["skip-all", "Skip all"], ["replace-all", "Replace all"]]), ["replace", "Replace", "red"]] });
      if (answer.endsWith("-all")) job.batch.answer = answer.replace("-all", "");
      return answer.replace("-all", "");
    });
    job.batch.turn = asked;
    return asked;
  };

  // What to do about a refusal: where to go on, or nothing: the job has come to its end.
  async function after(fault, job) {
    if (job.isCancelled || fault.code === "cancelled") return null;
    if (fault.code === "exists" && !job.overwrite) {
      if ((await mayReplace(job)) !== "replace") { set(job, { state: "skipped" }); return null; }
      job.overwrite = true;
      return 0;
    }
    if (fault.code === "conflict" && fault.facts.received !== undefined) return fault.facts.received;
    if (fault.code !== "dropped") { set(job, { state: "failed", message: fault.message }); return null; }
    set(job, { state: "waiting", message: "The connection was lost. It goes on by itself." });
    await within(WAITS_MS[Math.min(job.tries++, WAITS_MS.length - 1)]);
    return job.isCancelled ? null : received(link.containerId, job).catch(() => job.done);
  }
  async function run(job) {
    let offset = 0;
    while (offset !== null && !job.isCancelled) {
      set(job, { state: "going", message: "" });
      try {
        const said = await send(link.containerId, job, offset, (done) => { job.tries = 0; set(job, { done }); });
        if (said.done ?? true) { set(job, { state: "done", done: job.size }); return; }
        offset = said.received;
      } catch (fault) {
        offset = await after(fault, job);
      }
    }
  }
  function next() {
    for (const job of jobs.values()) {
      if (going >= AT_ONCE) return;
      if (job.state !== "queued") continue;
      going += 1;
      void run(job).finally(() => { going -= 1; settle(job.batch); next(); });
    }
  }
  function settle(batch) {
    const mine = [...jobs.values()].filter((each) => each.batch === batch);
    if (mine.some((each) => ["queued", "going", "waiting"].includes(each.state))) return;
    const done = mine.filter((each) => each.state === "done").length;
    if (done) tell.done(`${count(done, "file")} uploaded.`);
    mine.filter((each) => each.state !== "failed").forEach((each) => jobs.delete(each.id));
    draw();
  }

  return {
    store,
    // `files`: [{ file, path (below the folder) }…]; `folders`: empty ones to be made too.
    upload: (folder, files, folders = []) => {
      const batch = { size: files.length, answer: "", turn: Promise.resolve() };
      folders.forEach((each) => link.call("create", { path: join(folder, each), kind: "folder" }).catch((fault) => fault.code === "exists" || tell.problem(fault.message)));
      for (const { file, path } of files) {
        const id = ++lastId;
        jobs.set(id, { id, file, batch, path: join(folder, path), size: file.size, done: 0, state: "queued", message: "", tries: 0,
          name: randomName(), overwrite: false, isCancelled: false, stop: () => undefined });
      }
      draw();
      next();
    },
    cancel: (id) => {
      const job = jobs.get(id);
      if (!job) return;
      job.isCancelled = true;
      job.stop();
      fetch(`/api/containers/${link.containerId}/upload_file/?upload=${job.name}`, { method: "DELETE" }).catch(() => undefined);
      jobs.delete(id);
      draw();
    },
    cancelAll: function () { [...jobs.keys()].forEach((each) => this.cancel(each)); },
    isBusy: () => [...jobs.values()].some((each) => each.state !== "failed"),
  };
}

const entriesOf = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function walk(entry, path, found) {
  if (entry.isFile) { found.files.push({ file: await fileOf(entry), path }); return; }
  const reader = entry.createReader();
  let isEmpty = true;
  for (let some = await entriesOf(reader); some.length; some = await entriesOf(reader)) {
    isEmpty = false;
    for (const each of some) await walk(each, `${path}/${each.name}`, found);
  }
  if (isEmpty) found.folders.push(path);
}

// What was dropped from the desktop, folders with all that is in them. Entries must be taken before the event is over.
export async function droppedFiles(transfer) {
  const items = [...transfer.items].filter((each) => each.kind === "file");
  const entries = items.map((each) => each.webkitGetAsEntry?.()).filter(Boolean);
  const alone = entries.length ? [] : items.map((each) => each.getAsFile()).filter(Boolean);
  const found = { files: alone.map((file) => ({ file, path: file.name })), folders: [] };
  for (const entry of entries) await walk(entry, entry.name, found);
  return found;
}

// Let the person choose files, or a folder.
export function chooseFiles(isFolder) {
  return new Promise((resolve) => {
    const input = Object.assign(document.createElement("input"), { type: "file", multiple: true, webkitdirectory: isFolder });
    input.onchange = () => resolve([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    input.oncancel = () => resolve([]);
    input.click();
  });
}

export function download(url) {
  const link = Object.assign(document.createElement("a"), { href: url, download: "" });
  link.click();
}
