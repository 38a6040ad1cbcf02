// The tree on the screen: only the rows in sight are drawn, so that ten thousand are as quick as ten.
import React, { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { ContextMenu } from "@radix-ui/themes";
import { FileIcon } from "./icons.jsx";
import { download, droppedFiles } from "./transfers.jsx";
import { fileUrl, folderOf, folderUrl, isUnder, nameOf, relative, ROOT, shown } from "./paths.jsx";
import { useStore } from "./store.jsx";
import { rowsOf } from "./tree.jsx";
import { NameInput, Row } from "./tree_row.jsx";

const isCoarse = matchMedia("(pointer: coarse)").matches;
const ROW_PX = isCoarse ? 40 : 27;
const SPARE_ROWS = 12;
const TYPED_MS = 700;
const OURS = "application/x-pequeroku-paths";

// Which rows are in sight.
function useWindow(host, count) {
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = host.current;
    const look = () => setSeen({ top: element.scrollTop, height: element.clientHeight });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => { sizes.disconnect(); element.removeEventListener("scroll", look); };
  }, [host]);
  const first = Math.max(0, Math.floor(seen.top / ROW_PX) - SPARE_ROWS);
  return [first, Math.min(count, Math.ceil((seen.top + seen.height) / ROW_PX) + SPARE_ROWS)];
}

// What is meant by a deed on a row: all that is selected, if the row is among it.
const meant = (path, selected) => (selected.includes(path) ? selected : [path]);

function useKeys({ tree, rows, state, open }) {
  const typed = useRef({ text: "", at: 0 });
  const paths = useMemo(() => rows.filter((each) => each.kind === "entry"), [rows]);
  const at = () => paths.findIndex((each) => each.path === state.focus);
  const go = (index, isAdding) => {
    const row = paths[Math.max(0, Math.min(index, paths.length - 1))];
    if (row) tree.focus(row.path, isAdding ? [...new Set([...state.selected, row.path])] : [row.path]);
  };
  const find = (letter) => {
    const now = Date.now(), isMore = now - typed.current.at < TYPED_MS;
    typed.current = { text: (isMore ? typed.current.text : "") + letter.toLowerCase(), at: now };
    const from = at() + (isMore ? 0 : 1), order = [...paths.slice(Math.max(0, from)), ...paths.slice(0, Math.max(0, from))];
    const found = order.find((each) => nameOf(each.path).toLowerCase().startsWith(typed.current.text));
    if (found) tree.focus(found.path);
  };
  return (event) => {
    const row = paths[at()], page = Math.floor(event.currentTarget.clientHeight / ROW_PX) - 1;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const deeds = {
      ArrowDown: () => go(at() + 1, event.shiftKey), ArrowUp: () => go(at() < 0 ? 0 : at() - 1, event.shiftKey),
      PageDown: () => go(at() + page), PageUp: () => go(at() - page), Home: () => go(0), End: () => go(paths.length - 1),
      ArrowRight: () => row?.isDir && (row.isOpen ? paths[at() + 1]?.level > row.level && go(at() + 1) : tree.setOpen(row.path, true)),
      ArrowLeft: () => row && (row.isOpen ? tree.setOpen(row.path, false) : folderOf(row.path) !== ROOT && tree.focus(folderOf(row.path))),
      Enter: () => row && open(row), " ": () => row && open(row),
      F2: () => row && tree.draft({ what: "name", path: row.path }),
      Delete: () => row && tree.trash(meant(row.path, state.selected)),
      Escape: () => tree.focus(state.focus, []),
    };
    if (isPlain && deeds[event.key]) deeds[event.key]();
    else if (isPlain && event.key.length === 1) find(event.key);
    else return;
    event.preventDefault();
  };
}

// Dragging within the tree moves; dragging files in from the desktop uploads.
function useDrops(session, state) {
  const { tree, transfers } = session;
  const [target, setTarget] = useState(null);
  const isOurs = (event) => event.dataTransfer.types.includes(OURS);
  const folderAt = (row) => (!row || row.kind !== "entry" ? ROOT : row.isDir ? row.path : folderOf(row.path));
  return {
    target,
    start: (event, path) => {
      event.dataTransfer.setData(OURS, JSON.stringify(meant(path, state.selected)));
      event.dataTransfer.effectAllowed = "move";
    },
    over: (event, row) => {
      if (!isOurs(event) && !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = isOurs(event) ? "move" : "copy";
      setTarget(folderAt(row));
    },
    leave: () => setTarget(null),
    drop: async (event, row) => {
      event.preventDefault();
      setTarget(null);
      const folder = folderAt(row);
      if (isOurs(event)) { await tree.moveInto(JSON.parse(event.dataTransfer.getData(OURS)), folder); return; }
      const { files, folders } = await droppedFiles(event.dataTransfer);
      transfers.upload(folder, files, folders);
    },
  };
}

function Menu({ session, row, selected, onDraft, onUpload }) {
  const { tree, containerId } = session;
  const folder = !row ? ROOT : row.isDir ? row.path : folderOf(row.path);
  const item = (words, act, more = {}) => <ContextMenu.Item onSelect={act} {...more}>{words}</ContextMenu.Item>;
  return (
    <>
      {item("New file", () => onDraft({ what: "file", folder }))}
      {item("New folder", () => onDraft({ what: "folder", folder }))}
      {item("Upload files here", () => onUpload(folder, false))}
      {item("Upload a folder here", () => onUpload(folder, true))}
      <ContextMenu.Separator />
      {row && item("Rename", () => onDraft({ what: "name", path: row.path }), { shortcut: "F2" })}
      {row && item("Duplicate", () => tree.duplicate(row.path))}
      {item("Copy the path", () => navigator.clipboard?.writeText(row?.path ?? ROOT))}
      {row?.entry.kind === "file" && item("Download", () => download(fileUrl(containerId, row.path)))}
      {(!row || row.isDir) && item("Download as an archive", () => download(folderUrl(containerId, folder)))}
      {row && <ContextMenu.Separator />}
      {row && item(meant(row.path, selected).length > 1 ? `Delete ${selected.length} items` : "Delete",
        () => tree.trash(meant(row.path, selected)), { color: "red", shortcut: "Del" })}
    </>
  );
}

function Draft({ row, tree, onOpen, onEnd }) {
  const keep = async (name) => {
    const path = await tree.create(row.folder, name, row.what);
    if (path && row.what === "file") onOpen(path);
    return Boolean(path);
  };
  return (
    <>
      <span className="pq-row-arrow" /><FileIcon path={row.what} isDir={row.what === "folder"} />
      <NameInput name="" label={`Name of the new ${row.what} in ${shown(relative(row.folder))}`} onKeep={keep} onEnd={onEnd} />
    </>
  );
}

export function TreePanel({ session, onOpen, onUpload }) {
  const { tree } = session;
  const state = useStore(tree.store), { focus, selected, draft } = state;
  const rows = useMemo(() => rowsOf(state), [state.folders, state.open, state.draft]);
  const host = useRef(null);
  const afterMenu = useRef(null);
  const [menuRow, setMenuRow] = useState(null);
  const [first, last] = useWindow(host, rows.length);
  const drops = useDrops(session, state);
  const open = (row) => (row.isDir ? tree.setOpen(row.path, !row.isOpen) : onOpen(row.path));
  const keys = useKeys({ tree, rows, state, open });
  const focusIndex = rows.findIndex((each) => each.kind === "entry" && each.path === focus);
  const wantedIndex = draft?.folder ? rows.findIndex((each) => each.kind === "draft") : focusIndex;

  useEffect(() => {
    const element = host.current, top = wantedIndex * ROW_PX;
    if (wantedIndex < 0) return;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW_PX > element.scrollTop + element.clientHeight) element.scrollTop = top + ROW_PX - element.clientHeight;
  }, [wantedIndex, focus]);

  const endDraft = () => { tree.draft(null); host.current?.focus(); };
  const click = (event, row) => {
    if (event.shiftKey && focusIndex >= 0) {
      const [from, to] = [focusIndex, rows.indexOf(row)].sort((one, other) => one - other);
      tree.focus(row.path, rows.slice(from, to + 1).filter((each) => each.kind === "entry").map((each) => each.path));
    } else if (event.ctrlKey || event.metaKey) {
      tree.focus(row.path, selected.includes(row.path) ? selected.filter((each) => each !== row.path) : [...selected, row.path]);
    } else { tree.focus(row.path); open(row); }
  };
  const rowAt = (event) => rows[event.target.closest?.("[data-index]")?.dataset.index];
  const pick = (event) => {
    const pointed = event.target === host.current && event.detail === 0 ? rows[focusIndex] : rowAt(event);
    const row = pointed?.kind === "entry" ? pointed : null;
    if (row && !selected.includes(row.path)) tree.focus(row.path);
    setMenuRow(row);
  };
  const draw = (row, index) => {
    const isRenamed = draft?.what === "name" && draft.path === row.path;
    const rename = isRenamed ? <NameInput name={nameOf(row.path)} label={`New name of ${shown(nameOf(row.path))}`}
      onKeep={(name) => tree.rename(row.path, name)} onEnd={endDraft} /> : undefined;
    return (
      <Row key={row.key} row={row} index={index} top={index * ROW_PX} isFocus={index === focusIndex} isSelected={selected.includes(row.path)}
        isTarget={drops.target !== null && row.kind === "entry" && drops.target !== ROOT && isUnder(row.path, drops.target)} rename={rename}
        onClick={(event) => click(event, row)} onDragStart={(event) => drops.start(event, row.path)}>
        {row.kind === "draft" && <Draft row={row} tree={tree} onOpen={onOpen} onEnd={endDraft} />}
      </Row>
    );
  };
  return (
    <ContextMenu.Root modal={false}>
      <ContextMenu.Trigger>
        <div className="pq-tree" ref={host} role="tree" aria-label="Files of the machine" aria-multiselectable="true" tabIndex={0}
          aria-activedescendant={focusIndex >= first && focusIndex < last ? `pq-row-${focusIndex}` : undefined}
          style={{ "--pq-row": `${ROW_PX}px` }} data-target={drops.target === ROOT || undefined}
          onKeyDown={keys} onContextMenu={pick} onDragOver={(event) => drops.over(event, rowAt(event))} onDragLeave={drops.leave}
          onDrop={(event) => drops.drop(event, rowAt(event))}>
          <div role="presentation" className="pq-tree-rows" style={{ height: rows.length * ROW_PX }}>
            {rows.slice(first, last).map((row, index) => draw(row, first + index))}
          </div>
        </div>
      </ContextMenu.Trigger>
      <ContextMenu.Content onCloseAutoFocus={(event) => {
        event.preventDefault();
        const act = afterMenu.current;
        afterMenu.current = null;
        if (act) act(); else host.current?.focus();
      }}>
        <Menu session={session} row={menuRow} selected={selected} onUpload={onUpload}
          onDraft={(wanted) => { afterMenu.current = () => tree.draft(wanted); }} />
      </ContextMenu.Content>
    </ContextMenu.Root>
  );
}
