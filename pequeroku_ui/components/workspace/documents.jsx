// The open files: what was read, what was typed since, and what became of the file in the machine meanwhile.
// Nothing is overwritten unseen: each save says which revision it is based on.
import { isImage, isUnder, moved, nameOf, previewOf, shown } from "./paths.jsx";
import { makeStore } from "./store.jsx";

// The editor is large, and loaded when the first file is opened, or the browser has nothing else to do.
export const loadCode = () => import("./code.jsx");

const FRESH = { kind: "text", state: "loading", revision: null, isDirty: false, isSaving: false, isGone: false, isPreview: false,
  conflict: null, problem: "", size: 0 };

// `conflict`: what is in the machine now while something else was typed here, { revision, content }; no content: no text.
export function makeDocuments(link, { ask }) {
  const kept = `workspace-${link.containerId}`;
  const store = makeStore({ open: [], active: null });
  const texts = new Map(); // path -> { state, saved, scroll }: CodeMirror's, and too lively to be drawn from
  const lines = new Map(); // path -> the last work on it: saves and looks go one after another
  const cursor = makeStore({ line: 0, column: 0, selected: 0 });
  let code, host, view, drawn = null, wantsFocus = null; // the one view, the path it draws, and whose turn to type it is

  const { get, set } = store;
  const find = (path) => get().open.find((each) => each.path === path);
  const patch = (path, change) => set(({ open }) => ({ open: open.map((each) => (each.path === path ? { ...each, ...change } : each)) }));
  const keep = () => {
    const { open, active } = get();
    sessionStorage.setItem(kept, JSON.stringify({ open: open.map((each) => each.path), active }));
  };
  const inTurn = (path, work) => {
    const turn = (lines.get(path) ?? Promise.resolve()).then(work);
    lines.set(path, turn.catch(() => undefined));
    return turn;
  };
  const mark = (path) => {
    const text = texts.get(path), isDirty = Boolean(text) && !text.state.doc.eq(text.saved);
    if (find(path) && find(path).isDirty !== isDirty) patch(path, { isDirty });
  };
  const note = (made) => {
    const { state } = made, { main } = state.selection, line = state.doc.lineAt(main.head);
    cursor.set({ line: line.number, column: main.head - line.from + 1, selected: main.to - main.from });
  };
  const change = (path, spec) => {
    if (drawn === path) view.dispatch(spec);
    else texts.get(path).state = texts.get(path).state.update(spec).state;
  };

  // The file has this text now: take it over, with the cursor where it was.
  function accept(path, { content, revision }) {
    const text = texts.get(path);
    if (code.lineEnd(content) !== text.state.lineBreak) {
      place(path, { content, revision, size: content.length });
      patch(path, { conflict: null, isDirty: false });
      return;
    }
    change(path, code.replacing(text.state, content));
    text.saved = text.state.doc;
    patch(path, { revision, conflict: null, isGone: false, problem: "", isDirty: false });
  }
  function place(path, { content, revision, size }) {
    const state = code.makeState(content, path);
    texts.set(path, { state, saved: state.doc });
    if (drawn === path) view.setState(state);
    patch(path, { state: "ready", kind: "text", revision, size, isGone: false, problem: "" });
    code.languageOf(path).then((language) => { if (language && texts.has(path)) change(path, code.speaking(language)); }, () => undefined);
  }
  async function load(path) {
    patch(path, { state: "loading", problem: "" });
    try {
      if (isImage(path)) {
        const { revision, size } = await link.call("stat", { path });
        patch(path, { state: "ready", kind: "image", revision, size, isGone: false });
        return;
      }
      const [module, read] = await Promise.all([loadCode(), link.call("read", { path })]);
      code = module;
      if (find(path)) place(path, read);
    } catch (fault) {
      const { size = 0, revision = null } = fault.facts ?? {};
      if (fault.code === "binary" || fault.code === "too_large") patch(path, { state: "ready", kind: fault.code, size, revision });
      else patch(path, { state: "failed", problem: fault.code ? fault.message : "The editor could not be loaded. Reload the page." });
    }
  }

  // Another revision was seen in the machine (null: it is gone).
  const hear = ({ path, revision }) => inTurn(path, async () => {
    const doc = find(path);
    if (!doc || doc.state === "loading") return;
    if (revision === null) { patch(path, { isGone: true, conflict: null }); return; }
    if (revision === doc.revision) { patch(path, { isGone: false }); return; }
    if (doc.state === "failed" || doc.kind !== "text") { await load(path); return; }
    let read = { content: null, revision };
    try {
      read = await link.call("read", { path });
    } catch (fault) {
      if (fault.code !== "binary" && fault.code !== "too_large") return; // another word of it will come
    }
    if (!find(path)) return;
    const { isDirty } = find(path), mine = texts.get(path).state;
    if (read.content !== null && (!isDirty || mine.sliceDoc() === read.content)) accept(path, read);
    else if (!isDirty) await load(path);
    else patch(path, { conflict: { revision: read.revision, content: read.content }, isGone: false });
  });

  const refused = (path, fault, sent) => {
    const { revision = null, content = null } = fault.facts ?? {};
    if (fault.code !== "conflict") patch(path, { problem: fault.message });
    else if (revision === null) patch(path, { isGone: true });
    else if (content === sent) accept(path, { content, revision });
    else patch(path, { conflict: { revision, content }, isGone: false });
  };
  // True: what is in the machine is what stood here when it was asked for.
  const save = (path) => inTurn(path, async () => {
    const doc = find(path), text = texts.get(path);
    if (!doc || !text || doc.conflict || (!doc.isDirty && !doc.isGone)) return Boolean(doc && !doc.conflict);
    const sent = text.state.doc, content = text.state.sliceDoc();
    patch(path, { isSaving: true, problem: "" });
    try {
      const { revision } = await link.call("write", { path, content, base: doc.isGone ? null : doc.revision });
      text.saved = sent;
      patch(path, { revision, isGone: false });
      mark(path);
    } catch (fault) {
      refused(path, fault, content);
    } finally {
      patch(path, { isSaving: false });
    }
    const now = find(path);
    return Boolean(now && !now.conflict && !now.isGone && !now.problem);
  });

  // Bring a text to the screen; where there is none, what was there is put away.
  function draw(path) {
    const text = texts.get(path);
    if (drawn === path || !host) return;
    if (drawn && texts.has(drawn)) texts.get(drawn).scroll = view.scrollSnapshot();
    drawn = text ? path : null;
    if (!text) return;
    view ??= code.makeView(host, (made, isTyped) => {
      if (texts.has(drawn)) texts.get(drawn).state = made.state;
      if (isTyped) mark(drawn);
      note(made);
    });
    view.setState(text.state);
    if (text.scroll) view.dispatch({ effects: text.scroll });
    if (text.place) view.dispatch(text.place);
    text.place = undefined;
    note(view);
    if (wantsFocus === path) view.focus();
    wantsFocus = null;
  }
  async function open(path, { line, column } = {}) {
    wantsFocus = path;
    if (!find(path)) {
      const isPreview = previewOf(path) !== "" && !line;
      set((now) => ({ open: [...now.open, { ...FRESH, path, isPreview }], active: path }));
      keep();
      await load(path);
    } else { set({ active: path }); keep(); }
    const text = texts.get(path);
    if (line && text) {
      patch(path, { isPreview: false });
      const place = code.at(text.state, line, column);
      if (drawn === path) view.dispatch(place); else Object.assign(text, { scroll: undefined, place });
    }
    if (drawn === path) { view.focus(); wantsFocus = null; }
  }
  function drop(path) {
    const { open: all, active } = get(), at = all.findIndex((each) => each.path === path);
    const rest = all.filter((each) => each.path !== path);
    texts.delete(path);
    lines.delete(path);
    if (drawn === path) drawn = null;
    set({ open: rest, active: active === path ? rest[Math.min(at, rest.length - 1)]?.path ?? null : active });
    keep();
  }
  async function close(path) {
    const doc = find(path);
    if (doc?.isDirty) {
      const answer = await ask({ title: `Save “${shown(nameOf(path))}”?`, text: "It has changes that are not saved.",
        answers: [["cancel", "Cancel"], ["drop", "Don’t save"], ["save", "Save"]] });
      if (answer === "save" ? !(await save(path)) : answer !== "drop") return;
    }
    drop(path);
  }
  const follow = (from, to) => {
    const renamed = (path) => (path && isUnder(path, from) ? moved(path, from, to) : path);
    for (const path of [...texts.keys()].filter((each) => isUnder(each, from))) {
      texts.set(renamed(path), texts.get(path));
      texts.delete(path);
    }
    drawn = renamed(drawn);
    set((now) => ({ open: now.open.map((each) => ({ ...each, path: renamed(each.path) })), active: renamed(now.active) }));
    keep();
  };

  return {
    store, cursor, open, close, save, hear, follow, load,
    // Close what is open of these and loses nothing by it.
    forget: (paths) => get().open.filter((each) => !each.isDirty && paths.some((path) => isUnder(each.path, path))).forEach((each) => drop(each.path)),
    show: (path) => { set({ active: path }); keep(); },
    preview: (path, isPreview) => patch(path, { isPreview }),
    textOf: (path) => texts.get(path),
    contentOf: (path) => texts.get(path)?.state.sliceDoc() ?? "",
    // What was changed in the comparison; once that is decided, there is nothing to change any more.
    retype: (path, content) => {
      if (!find(path)?.conflict || !texts.has(path)) return;
      change(path, code.replacing(texts.get(path).state, content));
      mark(path);
    },
    // Write mine over what is in the machine now, as the conflict showed it; if it changed again, that is another conflict.
    keepMine: (path) => {
      patch(path, { revision: find(path).conflict.revision, conflict: null, isDirty: true });
      return save(path);
    },
    takeTheirs: (path) => accept(path, find(path).conflict),
    draw,
    // Where the texts are drawn.
    attach: (element) => {
      host = element;
      return () => { if (drawn) draw(null); view?.destroy(); view = host = undefined; drawn = null; };
    },
    dirty: () => get().open.filter((each) => each.isDirty),
    // After a time without a connection: look at each again.
    refresh: () => Promise.all(get().open.map(({ path, state }) => (state !== "ready" ? load(path)
      : link.call("stat", { path }).then((found) => hear({ path, revision: found.revision }),
        (fault) => (fault.code === "not_found" ? hear({ path, revision: null }) : undefined))))),
    // The tabs that were open before the page was loaded anew; they are read when there is a connection.
    restore: () => {
      if (get().open.length) return;
      try {
        const { open: paths = [], active = null } = JSON.parse(sessionStorage.getItem(kept) ?? "{}");
        set({ open: paths.map((path) => ({ ...FRESH, path, isPreview: previewOf(path) !== "" })), active });
      } catch {
        sessionStorage.removeItem(kept);
      }
    },
  };
}
