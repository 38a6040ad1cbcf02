// Clone a repository: what git says is shown as it goes, and it can be given up. Secrets are sent once, and kept nowhere.
import React, { useRef, useState } from "react";
import { Button, Dialog } from "@radix-ui/themes";
import { join, ROOT, whyNotName } from "./paths.jsx";

const isSsh = (url) => /^(ssh:\/\/|[^/\s:]+@[^/\s:]+:)/.test(url);
const folderFor = (url) => /([^/:]+?)(\.git)?\/*$/.exec(url.trim())?.[1] ?? "";

function Field({ label, hint, ...rest }) {
  const Tag = rest.rows ? "textarea" : "input";
  return (
    <label className="pq-field"><span>{label}</span>
      <Tag className="pq-input" spellCheck={false} autoComplete="off" {...rest} />
      {hint && <span className="pq-quiet">{hint}</span>}
    </label>
  );
}

export function Clone({ session, onClose }) {
  const [url, setUrl] = useState("");
  const [folder, setFolder] = useState("");
  const [progress, setProgress] = useState(null);
  const [problem, setProblem] = useState("");
  const stop = useRef(null);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget), name = folder.trim() || folderFor(url), why = whyNotName(name);
    if (why) { setProblem(`Folder: ${why}`); return; }
    setProblem("");
    setProgress({ text: "Asking for the repository…", percent: null });
    stop.current = new AbortController();
    try {
      const asked = { url: url.trim(), path: join(ROOT, name), token: form.get("token") ?? "", key: form.get("key") ?? "" };
      const { path } = await session.link.call("clone", asked, { signal: stop.current.signal, onProgress: setProgress });
      await session.tree.reveal(path);
      session.tree.setOpen(path, true);
      session.tell.done(`The repository is in ${path}.`);
      onClose();
    } catch (fault) {
      if (fault.code !== "cancelled") setProblem(fault.message);
      setProgress(null);
    }
  };
  return (
    <Dialog.Root open onOpenChange={(isOpen) => { if (!isOpen) { stop.current?.abort(); onClose(); } }}>
      <Dialog.Content maxWidth="34rem" onPointerDownOutside={(event) => progress && event.preventDefault()}>
        <Dialog.Title>Clone a repository</Dialog.Title>
        <Dialog.Description>Its files come into a folder of their own.</Dialog.Description>
        <form className="pq-form" onSubmit={submit}>
          <Field label="Address" name="url" required autoFocus placeholder="https://example.com/team/project.git" value={url} disabled={Boolean(progress)}
            onChange={(event) => setUrl(event.target.value)} />
          <Field label="Folder" name="folder" placeholder={folderFor(url) || "project"} value={folder} disabled={Boolean(progress)}
            onChange={(event) => setFolder(event.target.value)} />
          {isSsh(url)
            ? <Field label="Private key" name="key" rows={4} placeholder="-----BEGIN OPENSSH PRIVATE KEY-----" hint="Used for this once, and kept nowhere." />
            : <Field label="Token" name="token" type="password" hint="Only for a private repository. Used for this once, and kept nowhere." />}
          {problem && <p className="pq-note" data-tone="bad" role="alert"><span>{problem}</span></p>}
          {progress && <div role="status"><p className="pq-quiet pq-clone-text">{progress.text}</p>
            {progress.percent === null ? <div className="pq-busy" aria-hidden="true" /> : <progress className="pq-meter" aria-label="Cloning" max={100} value={progress.percent} />}</div>}
          <div className="pq-dialog-end">
            <Dialog.Close><Button type="button" size="3" variant="soft" color="gray">{progress ? "Stop" : "Cancel"}</Button></Dialog.Close>
            <Button type="submit" size="3" disabled={Boolean(progress)}>Clone</Button>
          </div>
        </form>
      </Dialog.Content>
    </Dialog.Root>
  );
}
