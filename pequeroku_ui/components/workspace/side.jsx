// The left side: the tree with its buttons, or the search; below it what is being uploaded.
import React from "react";
import { Button, DropdownMenu } from "@radix-ui/themes";
import { Ellipsis, FilePlus, FolderPlus, Search, Upload } from "lucide-react";
import { folderOf, folderUrl, ROOT } from "./paths.jsx";
import { SearchPanel } from "./search_panel.jsx";
import { useStore } from "./store.jsx";
import { TransferList } from "./transfer_list.jsx";
import { chooseFiles, download, droppedFiles } from "./transfers.jsx";
import { isFolder } from "./tree.jsx";
import { TreePanel } from "./tree_panel.jsx";

// Where something new goes: into the folder with the mark, or beside the file with it.
export function folderInFocus(tree) {
  const { focus, folders } = tree.store.get();
  if (!focus) return ROOT;
  const entry = folders[folderOf(focus)]?.entries.find((each) => focus.endsWith(`/${each.name}`));
  return entry && isFolder(entry) ? focus : folderOf(focus);
}

export async function uploadInto(session, folder, isFolderWanted) {
  const files = await chooseFiles(isFolderWanted);
  if (files.length) session.transfers.upload(folder, files);
}

function Head({ session, onClone, onSearch }) {
  const { tree, containerId } = session;
  const button = (Icon, label, act) => (
    <button type="button" className="pq-small-button" aria-label={label} title={label} onClick={act}><Icon size={16} aria-hidden="true" /></button>
  );
  const draft = (what) => tree.draft({ what, folder: folderInFocus(tree) });
  return (
    <div className="pq-side-head">
      <h2 title={ROOT}>Files</h2>
      {button(FilePlus, "New file", () => draft("file"))}
      {button(FolderPlus, "New folder", () => draft("folder"))}
      {button(Upload, "Upload files", () => uploadInto(session, folderInFocus(tree), false))}
      {button(Search, "Search in files", onSearch)}
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger>
          <button type="button" className="pq-small-button" aria-label="More about files" title="More"><Ellipsis size={16} aria-hidden="true" /></button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Content align="end">
          <DropdownMenu.Item onSelect={() => uploadInto(session, folderInFocus(tree), true)}>Upload a folder</DropdownMenu.Item>
          <DropdownMenu.Item onSelect={onClone}>Clone a repository</DropdownMenu.Item>
          <DropdownMenu.Item onSelect={() => download(folderUrl(containerId, ROOT))}>Download all as an archive</DropdownMenu.Item>
          <DropdownMenu.Separator />
          <DropdownMenu.Item onSelect={() => tree.refresh()}>Read again</DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Root>
    </div>
  );
}

function Empty({ session, onClone }) {
  return (
    <div className="pq-side-blank">
      <p><b>No files yet.</b></p>
      <p>Drop some here, or begin with one of these.</p>
      <Button variant="soft" color="gray" onClick={() => session.tree.draft({ what: "file", folder: ROOT })}>New file</Button>
      <Button variant="soft" color="gray" onClick={() => uploadInto(session, ROOT, false)}>Upload</Button>
      <Button variant="soft" color="gray" onClick={onClone}>Clone a repository</Button>
    </div>
  );
}

const WORDS = {
  connecting: "Looking for the files…", waiting: "The machine is not running. Its files are shown when it is.",
  lost: "The connection was lost. It is tried again by itself.", final: "",
};

function Body({ session, onClone, onOpen }) {
  const { state, message } = useStore(session.link.status);
  const { folders, draft } = useStore(session.tree.store);
  const root = folders[ROOT], isReady = state === "ready", said = message || WORDS[state];
  const isEmpty = root && !root.entries.length && !root.problem && !draft;
  const over = (event) => event.dataTransfer.types.includes("Files") && event.preventDefault();
  const drop = async (event) => {
    event.preventDefault();
    const { files, folders: empty } = await droppedFiles(event.dataTransfer);
    session.transfers.upload(ROOT, files, empty);
  };
  if (!root) return <div className="pq-side-blank" role="status"><p>{isReady ? "Reading the files…" : said}</p></div>;
  return (
    <>
      {!isReady && <p className="pq-side-note" role="status">{said}</p>}
      {isEmpty ? <div className="pq-side-drop" onDragOver={over} onDrop={drop}><Empty session={session} onClone={onClone} /></div>
        : <TreePanel session={session} onOpen={onOpen} onUpload={(folder, isWhole) => uploadInto(session, folder, isWhole)} />}
    </>
  );
}

export function Side({ session, isSearching, onSearch, onClone, onOpen }) {
  if (isSearching) return <><SearchPanel session={session} onOpen={onOpen} onClose={() => onSearch(false)} /><TransferList transfers={session.transfers} /></>;
  return (
    <>
      <Head session={session} onClone={onClone} onSearch={() => onSearch(true)} />
      <Body session={session} onClone={onClone} onOpen={onOpen} />
      <TransferList transfers={session.transfers} />
    </>
  );
}
