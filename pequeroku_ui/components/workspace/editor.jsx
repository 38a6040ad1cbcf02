// The middle: tabs of open files, and the one in front as text, as a preview, or as what it is.
import React, { useEffect, useRef, useState } from "react";
import { Button } from "@radix-ui/themes";
import { Download, Eye, Pencil, X } from "lucide-react";
import { FileIcon } from "./icons.jsx";
import { fileUrl, folderOf, nameOf, previewOf, relative, shown, sizeWords } from "./paths.jsx";
import { Picture, Preview } from "./previews.jsx";
import { useStore } from "./store.jsx";
import { download } from "./transfers.jsx";

function Tabs({ documents, open, active }) {
  const bar = useRef(null);
  const names = open.map((each) => nameOf(each.path));
  const isTwice = (path) => names.filter((each) => each === nameOf(path)).length > 1;
  const step = (event) => {
    const at = open.findIndex((each) => each.path === active), by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) { documents.show(open[(at + by + open.length) % open.length].path); event.preventDefault(); }
    if (event.key === "Delete") void documents.close(active);
  };
  useEffect(() => {
    const front = bar.current?.querySelector("[aria-selected=true]");
    front?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (bar.current?.contains(document.activeElement)) front?.focus();
  }, [active]);
  return (
    <div role="tablist" aria-label="Open files" ref={bar} onKeyDown={step}>{open.map((each) => (
      <button type="button" role="tab" key={each.path} aria-selected={each.path === active} aria-keyshortcuts="Delete" className="pq-tab pq-file-tab"
        tabIndex={each.path === active ? 0 : -1} title={shown(each.path)} data-gone={each.isGone || undefined}
        onClick={() => documents.show(each.path)} onAuxClick={(event) => event.button === 1 && documents.close(each.path)}>
        <FileIcon path={each.path} />
        <span>{shown(nameOf(each.path))}{isTwice(each.path) && <span className="pq-file-tab-more"> {shown(relative(folderOf(each.path)))}</span>}</span>
        <span className="pq-file-tab-end" data-dirty={each.isDirty || undefined} onClick={(event) => { event.stopPropagation(); void documents.close(each.path); }}>
          {each.isDirty && <span className="pq-hidden-words">, not saved</span>}
          <X size={14} aria-hidden="true" />
        </span>
      </button>))}
    </div>
  );
}

function Tools({ doc, documents, containerId, children }) {
  const kind = doc && doc.state === "ready" && doc.kind === "text" ? previewOf(doc.path) : "";
  return (
    <div className="pq-editor-tools">
      {kind && <button type="button" className="pq-small-button" aria-pressed={doc.isPreview} onClick={() => documents.preview(doc.path, !doc.isPreview)}>
        {doc.isPreview ? <Pencil size={15} aria-hidden="true" /> : <Eye size={15} aria-hidden="true" />}{doc.isPreview ? "Edit" : "View"}</button>}
      {doc && <button type="button" className="pq-small-button" aria-label="Download this file" title="Download this file"
        onClick={() => download(fileUrl(containerId, doc.path))}><Download size={15} aria-hidden="true" /></button>}
      {children}
    </div>
  );
}

function Bar({ tone, words, children }) {
  return <div className="pq-editor-notice" data-tone={tone} role="alert"><span>{words}</span>{children}</div>;
}

const press = (words, act) => <button type="button" key={words} onClick={act}>{words}</button>;

function Notices({ doc, documents, isComparing, onCompare }) {
  const name = `“${shown(nameOf(doc.path))}”`;
  if (doc.conflict) {
    const isText = doc.conflict.content !== null;
    return (
      <Bar tone="warn" words={`${name} was changed in the machine while you worked on it here.${isText ? "" : " It is no text any more."}`}>
        {isText && !isComparing && press("Compare", onCompare)}
        {!isComparing && press("Keep mine", () => documents.keepMine(doc.path))}
        {isText && press("Take theirs", () => documents.takeTheirs(doc.path))}
      </Bar>
    );
  }
  if (doc.isGone) {
    return <Bar tone="warn" words={`${name} was deleted in the machine.`}>
      {doc.kind === "text" && doc.state === "ready" && press("Save it again", () => documents.save(doc.path))}{press("Close", () => documents.close(doc.path))}</Bar>;
  }
  if (doc.problem && doc.state === "ready") return <Bar tone="bad" words={doc.problem}>{press("Save again", () => documents.save(doc.path))}</Bar>;
  return null;
}

function Compare({ doc, documents, onEnd }) {
  const host = useRef(null);
  const made = useRef(null);
  useEffect(() => {
    let isGone = false;
    const text = documents.textOf(doc.path);
    import("./compare.jsx").then(({ compareTexts }) => compareTexts(host.current,
      { path: doc.path, theirs: doc.conflict.content, mine: text.state.sliceDoc(), mineEnd: text.state.lineBreak })).then((view) => {
      if (isGone) view.stop(); else made.current = view;
    }, () => isGone || onEnd());
    return () => {
      isGone = true;
      if (made.current) { documents.retype(doc.path, made.current.mine()); made.current.stop(); }
      made.current = null;
    };
  }, [doc.path, doc.conflict]);
  return (
    <div className="pq-compare">
      <div className="pq-compare-head"><b>In the machine</b><b>Yours, to be changed here</b>
        <Button size="1" variant="soft" color="gray" onClick={onEnd}>Back</Button>
        <Button size="1" onClick={() => {
          if (made.current) documents.retype(doc.path, made.current.mine());
          onEnd();
          void documents.keepMine(doc.path);
        }}>Save yours</Button>
      </div>
      <div className="pq-compare-texts pq-code" ref={host} />
    </div>
  );
}

function Blank({ title, children }) {
  return <div className="pq-editor-blank"><h2>{title}</h2>{children}</div>;
}

const WHY = { binary: "This is no text.", too_large: "This is too large to be edited here." };

function Other({ doc, session, onOpen }) {
  const { documents, containerId } = session;
  const again = <Button variant="soft" color="gray" onClick={() => documents.load(doc.path)}>Try again</Button>;
  if (doc.state === "loading") return <div className="pq-editor-blank"><span className="pq-spinner" role="img" aria-label="Reading the file" /></div>;
  if (doc.state === "failed") return <Blank title="It could not be opened"><p>{doc.problem}</p>{again}</Blank>;
  if (doc.kind === "image") return <Picture containerId={containerId} doc={doc} />;
  if (doc.kind === "text") return <Preview kind={previewOf(doc.path)} content={documents.contentOf(doc.path)} doc={doc} containerId={containerId} onOpen={onOpen} />;
  return <Blank title={WHY[doc.kind]}><p>{shown(nameOf(doc.path))}, {sizeWords(doc.size)}</p>
    <Button variant="soft" color="gray" onClick={() => download(fileUrl(containerId, doc.path))}><Download size={16} aria-hidden="true" />Download</Button></Blank>;
}

export function Editor({ session, tools, onOpen, onPalette }) {
  const { documents, containerId } = session;
  const { open, active } = useStore(documents.store);
  const doc = open.find((each) => each.path === active);
  const [compared, setCompared] = useState(null);
  const host = useRef(null);
  const isComparing = Boolean(doc?.conflict?.content !== undefined && doc?.conflict && compared === doc.path);
  const isText = Boolean(doc && doc.state === "ready" && doc.kind === "text" && !doc.isPreview && !isComparing);
  useEffect(() => documents.attach(host.current), [documents]);
  useEffect(() => documents.draw(isText ? doc.path : null), [documents, isText, doc?.path]);
  return (
    <>
      <div className="pq-editor-bar">
        {open.length > 0 && <Tabs documents={documents} open={open} active={active} />}
        <Tools doc={doc} documents={documents} containerId={containerId}>{tools}</Tools>
      </div>
      {doc && <Notices doc={doc} documents={documents} isComparing={isComparing} onCompare={() => setCompared(doc.path)} />}
      <div className="pq-editor-body">
        <div className="pq-code" ref={host} hidden={!isText} />
        {isComparing && <Compare key={doc.path} doc={doc} documents={documents} onEnd={() => setCompared(null)} />}
        {doc && !isText && !isComparing && <Other key={doc.path} doc={doc} session={session} onOpen={onOpen} />}
        {!doc && <Blank title="No file is open">
          <p>Choose one on the left, or find it by its name.</p>
          <Button variant="soft" color="gray" onClick={() => onPalette("files")}>Find a file</Button></Blank>}
      </div>
    </>
  );
}
