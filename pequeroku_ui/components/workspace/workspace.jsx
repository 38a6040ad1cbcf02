// The workspace of one container: files, editor and terminals side by side, and what the keyboard can do to all of it.
import React, { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { FolderTree, PanelBottom, SquareTerminal, SquarePen } from "lucide-react";
import { useBlocker } from "react-router";
import { Asks } from "./asks.jsx";
import { Clone } from "./clone.jsx";
import { loadCode } from "./documents.jsx";
import { Editor } from "./editor.jsx";
import { Palette } from "./palette.jsx";
import { Divider, HIDDEN, makePanes } from "./panes.jsx";
import { count, folderUrl, nameOf, ROOT, shown } from "./paths.jsx";
import { sessionOf } from "./session.jsx";
import { folderInFocus, Side, uploadInto } from "./side.jsx";
import { useStore } from "./store.jsx";
import { download } from "./transfers.jsx";

const panes = makePanes();
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
const keysOf = (text) => (isMac ? text.replace("Ctrl+", "⌘").replace("Shift+", "⇧") : text);
const PANES = [["files", "Files", FolderTree], ["editor", "Editor", SquarePen], ["terminal", "Terminal", SquareTerminal]];

// Leaving the page keeps what was typed only as long as this tab is open: said before, not after.
function useLeaving({ documents, asks }) {
  const blocker = useBlocker(({ currentLocation, nextLocation }) => currentLocation.pathname !== nextLocation.pathname && documents.dirty().length > 0);
  useEffect(() => {
    if (blocker.state !== "blocked") return;
    const names = documents.dirty().map((each) => shown(nameOf(each.path)));
    void asks.ask({ title: "Leave without saving?", text: `Not saved: ${names.slice(0, 5).join(", ")}${names.length > 5 ? " and more" : ""}. It is kept only as long as this browser tab stays open.`,
      answers: [["leave", "Leave"], ["cancel", "Stay here"]] }).then((answer) => (answer === "leave" ? blocker.proceed() : blocker.reset()));
  }, [blocker.state]);
}

function commandsOf({ session, open, begin, events }) {
  const { documents, tree, transfers } = session, active = documents.store.get().active;
  const draft = (what) => () => { panes.show("files"); begin.search(false); tree.draft({ what, folder: folderInFocus(tree) }); };
  const power = [[events.canStop && events.onStop, "Stop the machine"], [events.canRestart && events.onRestart, "Restart the machine"]];
  return [
    { words: "Open a file", keys: keysOf("Ctrl+P"), act: () => open("files") },
    active && { words: "Save", keys: keysOf("Ctrl+S"), act: () => documents.save(active) },
    documents.dirty().length > 1 && { words: "Save all", act: () => documents.dirty().forEach((each) => documents.save(each.path)) },
    active && { words: "Close the file", act: () => documents.close(active) },
    { words: "New file", act: draft("file") },
    { words: "New folder", act: draft("folder") },
    { words: "Search in files", keys: keysOf("Ctrl+Shift+F"), act: () => begin.search(true) },
    { words: "New terminal", act: () => { panes.show("terminal"); document.dispatchEvent(new CustomEvent("pq-new-terminal")); } },
    { words: "Upload files", act: () => uploadInto(session, folderInFocus(tree), false) },
    { words: "Upload a folder", act: () => uploadInto(session, folderInFocus(tree), true) },
    { words: "Download a folder as an archive", act: () => download(folderUrl(session.containerId, folderInFocus(tree))) },
    { words: "Download all as an archive", act: () => download(folderUrl(session.containerId, ROOT)) },
    { words: "Clone a repository", act: begin.clone },
    transfers.isBusy() && { words: "Stop all uploads", act: () => transfers.cancelAll() },
    ...PANES.map(([name, words]) => ({ words: `${panes.store.get()[HIDDEN[name]] ? "Show" : "Hide"}: ${words}`, act: () => panes.toggle(name) })),
    ...power.filter(([act]) => act).map(([act, words]) => ({ words, act })),
    { words: "Ask the assistant", keys: keysOf("Ctrl+I"), act: () => document.dispatchEvent(new CustomEvent("pq-open-assistant")) },
    { words: "Theme: light or dark", act: () => events.onTheme?.() },
    { words: "Read the files again", act: () => tree.refresh() },
  ].filter(Boolean);
}

// Keys of the whole page. In a terminal they belong to the shell, but for those with the Mac's own key.
function useKeys(root, { documents, open, search }) {
  useEffect(() => {
    const hear = (event) => {
      const isOurs = isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
      if (!isOurs || event.altKey || !root.current?.offsetParent || root.current.closest("[inert]")) return;
      if (document.querySelector("[role=dialog], [role=alertdialog]")) return;
      if (!isMac && event.target.closest?.(".pq-screen")) return;
      const deeds = { KeyS: () => documents.store.get().active && documents.save(documents.store.get().active), KeyK: () => open("commands"), KeyP: () => open("files") };
      const act = event.shiftKey ? { KeyF: () => search(true), KeyP: () => open("commands") }[event.code] : deeds[event.code];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    };
    addEventListener("keydown", hear, true);
    return () => removeEventListener("keydown", hear, true);
  }, [root, documents, open, search]);
}

function Status({ session, shownPanes, onPalette }) {
  const { state } = useStore(session.link.status);
  const { line, column, selected } = useStore(session.documents.cursor);
  const { open, active } = useStore(session.documents.store);
  const doc = open.find((each) => each.path === active), isText = doc?.state === "ready" && doc.kind === "text" && !doc.isPreview;
  return (
    <div className="pq-workspace-foot">
      <span className="pq-link-state" data-state={state}>{{ ready: "Connected", waiting: "Not running", final: "Closed" }[state] ?? "Connecting…"}</span>
      {isText && <span className="pq-figure">Line {line}, column {column}{selected > 0 && `, ${count(selected, "character")} selected`}</span>}
      {doc?.isSaving && <span>Saving…</span>}
      <span className="pq-foot-end">
        <button type="button" className="pq-small-button" title={keysOf("Ctrl+K")} onClick={() => onPalette("commands")}>Commands</button>
        {PANES.map(([name, words, Icon]) => (
          <button type="button" key={name} className="pq-small-button" aria-label={words} aria-pressed={!shownPanes[HIDDEN[name]]} title={`Show or hide: ${words}`}
            onClick={() => panes.toggle(name)}>{name === "terminal" ? <PanelBottom size={15} aria-hidden="true" /> : <Icon size={15} aria-hidden="true" />}</button>))}
      </span>
    </div>
  );
}

function Switch({ front }) {
  return (
    <div className="pq-switch" role="group" aria-label="What to show">{PANES.map(([name, words, Icon]) => (
      <button type="button" key={name} aria-pressed={front === name} onClick={() => panes.show(name)}><Icon size={16} aria-hidden="true" />{words}</button>))}
    </div>
  );
}

// `children` is the panel of terminals; `tools` stands at the right of the editor's tabs.
export function Workspace({ containerId, isBehindCurtain, tools, children, ...events }) {
  const session = useMemo(() => sessionOf(containerId), [containerId]);
  const { documents } = session;
  const root = useRef(null);
  const right = useRef(null);
  const shownPanes = useStore(panes.store);
  const [palette, setPalette] = useState(null);
  const [isSearching, setSearching] = useState(false);
  const [isCloning, setCloning] = useState(false);
  const search = useCallback((isOn) => { if (isOn) panes.show("files"); setSearching(isOn); }, []);
  const open = useCallback((path, at) => { panes.show("editor"); return documents.open(path, at); }, [documents]);
  useLeaving(session);
  useKeys(root, { documents, open: setPalette, search });
  useEffect(() => session.link.use(), [session]);
  useEffect(() => {
    const soon = window.requestIdleCallback ?? ((act) => setTimeout(act, 1500));
    soon(() => loadCode().catch(() => undefined));
  }, []);
  const { side, below, front, isSideHidden, isEditorHidden, isBelowHidden } = shownPanes;
  const belowNow = below ?? Math.round((right.current?.clientHeight ?? 660) * 0.4);
  const commands = palette ? commandsOf({ session, open: setPalette, events, begin: { search, clone: () => setCloning(true) } }) : [];
  return (
    <div className="pq-workspace" ref={root} inert={isBehindCurtain} data-front={front}>
      <Switch front={front} />
      <div className="pq-panes" style={{ "--pq-side": `${side}px`, "--pq-below": below === null ? "40%" : `${below}px` }}>
        <section className="pq-side" aria-label="Files" data-hidden={isSideHidden || undefined}>
          <Side session={session} isSearching={isSearching} onSearch={search} onClone={() => setCloning(true)} onOpen={open} />
        </section>
        {!isSideHidden && <Divider label="Width of the files" isColumn name="side" size={side} onSize={(size) => panes.set({ side: size })} />}
        <div className="pq-right" ref={right} data-alone={isEditorHidden || isBelowHidden || undefined}>
          <section className="pq-editing" aria-label="Editor" data-hidden={isEditorHidden || undefined}>
            <Editor session={session} tools={tools} onOpen={open} onPalette={setPalette} />
          </section>
          {!isEditorHidden && !isBelowHidden && <Divider label="Height of the terminal" name="below" size={belowNow} onSize={(size) => panes.set({ below: size })} />}
          <section className="pq-below" aria-label="Terminal" data-hidden={isBelowHidden || undefined}>{children}</section>
        </div>
      </div>
      <Status session={session} shownPanes={shownPanes} onPalette={setPalette} />
      {palette && <Palette key={palette} session={session} mode={palette} commands={commands} onOpen={open} onClose={() => setPalette(null)} />}
      {isCloning && <Clone session={session} onClose={() => setCloning(false)} />}
      <Asks asks={session.asks} />
    </div>
  );
}
