// One row of the tree: a file or folder, a name being typed, or a word about a folder.
import React, { useEffect, useRef } from "react";
import { ChevronRight, CornerUpRight } from "lucide-react";
import { FileIcon } from "./icons.jsx";
import { nameOf, shown, sizeWords, whyNotName } from "./paths.jsx";

const INDENT_PX = 14;
const indent = (level) => ({ paddingLeft: `${8 + (level - 1) * INDENT_PX}px` });

function hint({ path, entry }) {
  if (entry.kind === "link") return `${shown(path)}\nA link to ${shown(entry.target)}${entry.target_kind === "outside" ? ", which is not under /app" : ""}`;
  return entry.kind === "file" ? `${shown(path)}\n${sizeWords(entry.size)}, changed ${new Date(entry.modified).toLocaleString()}` : shown(path);
}

// What is typed is kept by Enter, or by going elsewhere; Escape leaves all as it was. `onKeep` answers whether it worked.
export function NameInput({ name, label, onKeep, onEnd }) {
  const input = useRef(null);
  const isOver = useRef(false);
  useEffect(() => {
    const dot = name.lastIndexOf(".");
    input.current.focus();
    input.current.setSelectionRange(0, dot > 0 ? dot : name.length);
  }, [name]);
  const end = () => { if (!isOver.current) { isOver.current = true; onEnd(); } };
  const keep = async (isLeaving) => {
    if (isOver.current) return;
    const typed = input.current.value.trim(), why = whyNotName(typed);
    if (typed === name || (isLeaving && !typed)) { end(); return; }
    input.current.setCustomValidity(why);
    if (why) { if (isLeaving) end(); else input.current.reportValidity(); return; }
    isOver.current = true;
    if (await onKeep(typed)) onEnd();
    else if (isLeaving) onEnd();
    else isOver.current = false;
  };
  return (
    <input ref={input} className="pq-name-input" aria-label={label} defaultValue={name} spellCheck={false} autoComplete="off"
      onInput={(event) => event.target.setCustomValidity("")} onBlur={() => keep(true)} onClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") { event.preventDefault(); void keep(false); }
        if (event.key === "Escape") end();
      }} />
  );
}

export function Row({ row, index, top, isFocus, isSelected, isTarget, rename, children, ...events }) {
  const place = { role: "treeitem", "aria-level": row.level, "data-index": index, id: `pq-row-${index}` };
  if (row.kind === "note") {
    return <div {...place} aria-disabled="true" className="pq-row pq-row-note" style={{ top, ...indent(row.level) }}
      data-bad={row.isBad || undefined} title={row.text}>{row.text}</div>;
  }
  if (row.kind === "draft") return <div {...place} className="pq-row" style={{ top, ...indent(row.level) }}>{children}</div>;
  const { path, entry, isDir, isOpen } = row, isLink = entry.kind === "link";
  return (
    <div {...place} {...events} className="pq-row" style={{ top, ...indent(row.level) }} title={hint(row)} draggable={!rename}
      aria-expanded={isDir ? isOpen : undefined} aria-selected={isSelected} aria-setsize={row.of} aria-posinset={row.at}
      data-focus={isFocus || undefined} data-target={isTarget || undefined}>
      <ChevronRight size={14} aria-hidden="true" className="pq-row-arrow" data-open={isOpen || undefined} data-none={!isDir || undefined} />
      <FileIcon path={path} isDir={isDir} isOpen={isOpen} />
      {rename ?? <span className="pq-row-name">{shown(nameOf(path))}</span>}
      {isLink && <CornerUpRight size={13} className="pq-row-link" aria-label={`link to ${shown(entry.target)}`} />}
    </div>
  );
}
