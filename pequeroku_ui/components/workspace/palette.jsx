// Everything on the page by its name: commands, and the files of the machine.
import React, { useEffect, useMemo, useRef, useState } from "react";
import { Dialog, VisuallyHidden } from "@radix-ui/themes";
import { FileIcon } from "./icons.jsx";
import { folderOf, nameOf, relative, ROOT, shown } from "./paths.jsx";

const PAUSE_MS = 80;
const MOST = 60;

// The letters in this order; earlier and closer together is better. Null: they are not there.
function rank(words, query) {
  const text = words.toLowerCase();
  let at = -1, cost = 0;
  for (const letter of query.toLowerCase().replace(/\s+/g, "")) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return null;
    cost += next - at - 1;
    at = next;
  }
  return cost;
}

function useFiles(link, query, isWanted) {
  const [found, setFound] = useState({ paths: [], said: "" });
  useEffect(() => {
    if (!isWanted) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(() => link.call("find", { query, limit: MOST }, { signal: stop.signal }).then(
      ({ paths }) => stop.signal.aborted || setFound({ paths: paths.filter((each) => each.kind !== "folder"), said: "No such file." }),
      (fault) => stop.signal.aborted || setFound({ paths: [], said: fault.message })), PAUSE_MS);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [link, query, isWanted]);
  return found;
}

const fileItem = ({ path }, onOpen) => ({ key: path, act: () => onOpen(path), icon: <FileIcon path={path} />, words: shown(nameOf(path)),
  more: folderOf(path) === ROOT ? "" : shown(relative(folderOf(path))) });

// Commands: [{ words, keys?, act }…]. What begins with ">" are commands, whatever the palette was opened for.
export function Palette({ session, mode, commands, onOpen, onClose }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const act = useRef(null);
  const isFiles = mode === "files" && !text.startsWith(">"), query = text.replace(/^>/, "").trim();
  const files = useFiles(session.link, query, isFiles);
  const items = useMemo(() => {
    if (isFiles) return files.paths.map((each) => fileItem(each, onOpen));
    return commands.map((each) => ({ key: each.words, ...each, cost: rank(each.words, query) })).filter((each) => each.cost !== null)
      .sort((one, other) => (query ? one.cost - other.cost : 0));
  }, [isFiles, files, commands, query, onOpen]);
  const chosen = Math.min(at, items.length - 1);
  useEffect(() => { list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }); }, [chosen]);
  const choose = (item) => { act.current = item?.act; onClose(); };
  const keys = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && items.length) { event.preventDefault(); setAt((chosen + by + items.length) % items.length); }
    if (event.key === "Enter") { event.preventDefault(); choose(items[chosen]); }
  };
  const label = isFiles ? "Open a file by its name" : "Do something";
  return (
    <Dialog.Root open onOpenChange={(isOpen) => isOpen || onClose()}>
      <Dialog.Content className="pq-palette" maxWidth="36rem" aria-describedby={undefined}
        onCloseAutoFocus={(event) => { if (act.current) { event.preventDefault(); act.current(); } }}>
        <VisuallyHidden><Dialog.Title>{label}</Dialog.Title></VisuallyHidden>
        <input className="pq-palette-input" role="combobox" aria-expanded="true" aria-controls="pq-palette-list" aria-label={label} autoFocus
          aria-activedescendant={items.length ? `pq-palette-${chosen}` : undefined} value={text} spellCheck={false} autoComplete="off"
          placeholder={isFiles ? "Name of a file, or > for commands" : "What to do"}
          onChange={(event) => { setText(event.target.value); setAt(0); }} onKeyDown={keys} />
        <div id="pq-palette-list" ref={list} className="pq-palette-list" role="listbox" aria-label={isFiles ? "Files" : "Commands"}>
          {items.map((each, index) => (
            <div key={each.key} id={`pq-palette-${index}`} role="option" aria-selected={index === chosen} className="pq-palette-item"
              onClick={() => choose(each)} onPointerMove={() => setAt(index)}>
              {each.icon}<span>{each.words}</span>
              {each.more && <span className="pq-palette-more">{each.more}</span>}
              {each.keys && <kbd>{each.keys}</kbd>}
            </div>))}
        </div>
        {!items.length && <p className="pq-palette-none" role="status">{isFiles ? files.said : "No such command."}</p>}
      </Dialog.Content>
    </Dialog.Root>
  );
}
