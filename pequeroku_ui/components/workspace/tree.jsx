// The tree of files: what is known of each folder, which are open, and what is done to what is in them.
import { count, folderOf, isUnder, join, moved, nameOf, parentsOf, ROOT, shown } from "./paths.jsx";
import { makeStore } from "./store.jsx";

const AT_ONCE = 8;
const FIRST = 200;
const PAGE = 10000;

export const isFolder = (entry) => entry.kind === "folder" || (entry.kind === "link" && entry.target_kind === "folder");

// `draft` is a name being typed: { what: "file" | "folder", folder } for something new, { what: "name", path } for a rename.
export function makeTree(link, { onMoved, onTrashed, tell }) {
  const store = makeStore({ folders: {}, open: { [ROOT]: true }, focus: null, selected: [], draft: null });
  const loading = new Map();
  const again = new Set();
  const { get, set } = store;

  const put = (path, folder) => set(({ folders }) => ({ folders: { ...folders, [path]: folder } }));
  const forget = (path) => set(({ folders, open }) => {
    const kept = (record) => Object.fromEntries(Object.entries(record).filter(([each]) => !isUnder(each, path)));
    return { folders: kept(folders), open: kept(open) };
  });

  const page = async (path, offset, limit) => {
    const { entries, total, truncated } = await link.call("list", { path, offset, limit });
    return { entries, total, isCut: Boolean(truncated), problem: "" };
  };
  // A folder that was not seen yet shows its first entries at once; the rest of a large one takes a moment.
  async function read(folder) {
    const first = get().folders[folder] ? null : await page(folder, 0, FIRST);
    if (first && first.entries.length >= first.total) return first;
    if (first) put(folder, { ...first, isPart: true });
    const found = await page(folder, 0, PAGE);
    while (found.entries.length < found.total) {
      const more = await page(folder, found.entries.length, PAGE);
      if (!more.entries.length) break;
      found.entries = found.entries.concat(more.entries);
    }
    return found;
  }
  async function readIt(folder) {
    try {
      do {
        again.delete(folder);
        put(folder, await read(folder));
      } while (again.has(folder));
    } catch (fault) {
      if (fault.code === "not_found" && folder !== ROOT) forget(folder);
      else if (fault.code !== "unavailable" || !get().folders[folder]) put(folder, { entries: get().folders[folder]?.entries ?? [], problem: fault.message });
    } finally {
      again.delete(folder);
      loading.delete(folder);
    }
  }
  // Read a folder, or if it is being read, once more after that.
  function load(folder) {
    if (loading.has(folder)) again.add(folder);
    else loading.set(folder, readIt(folder));
    return loading.get(folder);
  }
  async function refresh() {
    const folders = Object.keys(get().open).filter((each) => get().open[each]);
    for (let at = 0; at < folders.length; at += AT_ONCE) await Promise.all(folders.slice(at, at + AT_ONCE).map(load));
  }
  function setOpen(folder, isOpen) {
    set(({ open }) => ({ open: { ...open, [folder]: isOpen } }));
    if (isOpen) void load(folder);
  }
  const focus = (path, selected = path ? [path] : []) => set({ focus: path, selected });

  // Open every folder on the way to a path, and put the mark on it.
  async function reveal(path) {
    for (const folder of parentsOf(path)) {
      if (!get().open[folder]) set(({ open }) => ({ open: { ...open, [folder]: true } }));
      if (!get().folders[folder]?.entries.some((each) => isUnder(path, join(folder, each.name)))) await load(folder);
    }
    focus(path);
  }

  const attempt = async (work) => {
    try {
      await work();
      return true;
    } catch (fault) {
      tell.problem(fault.message);
      return false;
    }
  };
  const reload = (paths) => Promise.all([...new Set(paths.map(folderOf))].filter((each) => get().folders[each]).map(load));

  async function create(folder, name, kind) {
    const path = join(folder, name.replace(/\/+$/, ""));
    const isDone = await attempt(() => link.call("create", { path, kind }));
    if (isDone) set({ draft: null }); // it gives way to the row itself
    if (isDone) { await load(folder); await reveal(path); }
    return isDone ? path : "";
  }
  async function moveOne(from, to, overwrite = false) {
    await link.call("move", { path: from, to, overwrite });
    set(({ open }) => ({
      open: Object.fromEntries(Object.entries(open).map(([each, is]) => [isUnder(each, from) ? moved(each, from, to) : each, is])),
    }));
    onMoved(from, to);
  }
  async function rename(path, name) {
    const to = join(folderOf(path), name);
    const isDone = to === path || (await attempt(() => moveOne(path, to)));
    if (isDone) { await reload([path, to]); focus(to); }
    return isDone;
  }
  async function moveInto(paths, folder) {
    const inside = paths.filter((each) => folderOf(each) !== folder && !isUnder(folder, each));
    for (const path of inside) {
      if (!(await attempt(() => moveOne(path, join(folder, nameOf(path)))))) break;
    }
    await reload([...inside, join(folder, "")]);
  }
  async function duplicate(path) {
    const taken = new Set((get().folders[folderOf(path)]?.entries ?? []).map((each) => each.name));
    const [, stem, end] = /^(.+?)(\.[^.]+)?$/s.exec(nameOf(path));
    let to, number = 1;
    do { to = `${stem} copy${number > 1 ? ` ${number}` : ""}${end ?? ""}`; number += 1; } while (taken.has(to));
    const target = join(folderOf(path), to);
    if (await attempt(() => link.call("copy", { path, to: target }))) { await reload([path]); focus(target); }
  }
  async function restore(undo) {
    await attempt(async () => {
      const { paths } = await link.call("restore", { undo });
      await reload(paths);
      if (paths[0]) await reveal(paths[0]);
    });
  }
  async function trash(paths) {
    const outermost = paths.filter((each) => !paths.some((other) => other !== each && isUnder(each, other)));
    await attempt(async () => {
      const { undo } = await link.call("trash", { paths: outermost });
      const what = outermost.length === 1 ? `“${shown(nameOf(outermost[0]))}” is` : `${count(outermost.length, "item")} are`;
      tell.undo(`${what} deleted.`, () => restore(undo));
      onTrashed(outermost);
      focus(null);
      await reload(outermost);
    });
  }

  return { store, load, refresh, setOpen, focus, reveal, create, rename, moveInto, duplicate, trash,
    draft: (draft) => { if (draft?.folder && !get().open[draft.folder]) setOpen(draft.folder, true); set({ draft }); },
    hear: ({ folder, gone }) => {
      if (gone) forget(folder);
      else if (get().open[folder]) void load(folder);
    } };
}

// The rows from top to bottom, as the state has them. Each: { key, level, kind: "entry" | "draft" | "note", … }.
export function rowsOf({ folders, open, draft }) {
  const rows = [];
  const walk = (folder, level) => {
    const found = folders[folder];
    if (draft?.folder === folder) rows.push({ kind: "draft", key: "draft", level, what: draft.what, folder });
    if (!found) rows.push({ kind: "note", key: `${folder}\0`, level, text: "Reading…" });
    else {
      found.entries.forEach((entry, index) => {
        const path = join(folder, entry.name), isDir = isFolder(entry), isOpen = isDir && Boolean(open[path]);
        rows.push({ kind: "entry", key: path, path, level, entry, isDir, isOpen, at: index + 1, of: found.total ?? found.entries.length });
        if (isOpen) walk(path, level + 1);
      });
      if (found.problem) rows.push({ kind: "note", key: `${folder}\0`, level, text: found.problem, isBad: true });
      else if (found.isPart) rows.push({ kind: "note", key: `${folder}\0`, level, text: "Reading the rest…" });
      else if (found.isCut) rows.push({ kind: "note", key: `${folder}\0`, level, text: "There are more, too many to show." });
      else if (!found.entries.length && level > 1) rows.push({ kind: "note", key: `${folder}\0`, level, text: "Empty" });
    }
  };
  walk(ROOT, 1);
  return rows;
}
