// The conversations a person has about a container: found, opened, renamed, taken away and deleted.
import React, { useCallback, useEffect, useRef, useState } from "react";
import { Button, DropdownMenu } from "@radix-ui/themes";
import { Ellipsis, Plus, Search } from "lucide-react";
import { useStore } from "../workspace/store.jsx";
import { download } from "../workspace/transfers.jsx";
import { whenWords } from "./words.jsx";

const PAUSE_MS = 200;
const PAGE = 50;
const LONGEST_TITLE = 120;

export const apiOf = (containerId, more = "") => `/api/containers/${containerId}/conversations/${more}`;

// Ask the API. Throws an Error with a sentence for the person.
export async function request(method, url, body) {
  const answer = await fetch(url, { method, headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body) });
  const said = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(said?.error?.message ?? "That did not work. Try again in a moment.");
  return said;
}

function useFound(talk, query) {
  const [found, setFound] = useState({ items: null, next: null, problem: "" });
  const { id, title, timeline } = useStore(talk.store);
  const turns = timeline.turns.length;
  const read = useCallback(async (after = null) => {
    const asked = new URLSearchParams({ limit: PAGE, ...(query && { q: query }), ...(after && { cursor: after }) });
    try {
      const { items, next_cursor: next } = await request("GET", `${apiOf(talk.containerId)}?${asked}`);
      setFound((now) => ({ items: after ? [...(now.items ?? []), ...items] : items, next: next ?? null, problem: "" }));
    } catch (fault) { setFound((now) => ({ ...now, items: now.items ?? [], problem: fault.message })); }
  }, [talk, query]);
  useEffect(() => {
    const timer = setTimeout(() => void read(), query ? PAUSE_MS : 0);
    return () => clearTimeout(timer);
  }, [read, query, id, title, turns > 0]);
  return { ...found, read };
}

function Title({ each, onDone, onCancel }) {
  const field = useRef(null);
  useEffect(() => { field.current.select(); }, []);
  return (
    <input ref={field} className="pq-small-input" aria-label="Title" defaultValue={each.title} maxLength={LONGEST_TITLE} autoFocus
      onBlur={(event) => onDone(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") { event.preventDefault(); onDone(event.target.value); }
        if (event.key === "Escape") { event.stopPropagation(); onCancel(); }
      }} />
  );
}

function Row({ each, talk, isOpen, onOpen, onChange, onProblem }) {
  const [isRenaming, setRenaming] = useState(false);
  const url = apiOf(talk.containerId, `${each.id}/`), title = each.title || "Without a title";
  const act = async (work) => { try { await work(); } catch (fault) { onProblem(fault.message); } await onChange(); };
  const rename = (words) => {
    setRenaming(false);
    if (words.trim() && words.trim() !== each.title) void act(() => request("PATCH", url, { title: words.trim() }));
  };
  const remove = async () => {
    const answer = await talk.asks.ask({ title: "Delete this conversation?", text: `“${title}” is deleted with all that was said in it. The machine stays as it is.`, answers: [["cancel", "Cancel"], ["delete", "Delete", "red"]] });
    if (answer === "delete") await act(async () => { await request("DELETE", url); });
  };
  if (isRenaming) return <li><Title each={each} onDone={rename} onCancel={() => setRenaming(false)} /></li>;
  return (
    <li>
      <button type="button" className="pq-talk" aria-current={isOpen ? "true" : undefined} onClick={() => onOpen(each.id)}>
        <span>{title}</span><time dateTime={each.updated_at}>{whenWords(each.updated_at)}</time>
      </button>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger><button type="button" className="pq-small-button" aria-label={`More for ${title}`} title="More"><Ellipsis size={15} aria-hidden="true" /></button></DropdownMenu.Trigger>
        <DropdownMenu.Content align="end">
          <DropdownMenu.Item onSelect={() => setTimeout(() => setRenaming(true))}>Rename</DropdownMenu.Item>
          <DropdownMenu.Item onSelect={() => download(`${url}export/?format=markdown`)}>Export as Markdown</DropdownMenu.Item>
          <DropdownMenu.Item onSelect={() => download(`${url}export/?format=json`)}>Export as JSON</DropdownMenu.Item>
          <DropdownMenu.Separator />
          <DropdownMenu.Item color="red" onSelect={() => void remove()}>Delete</DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Root>
    </li>
  );
}

export function Conversations({ talk, onDone }) {
  const { id } = useStore(talk.store);
  const [query, setQuery] = useState("");
  const [problem, setProblem] = useState("");
  const { items, next, problem: unread, read } = useFound(talk, query.trim());
  const open = (wanted) => { talk.open(wanted); onDone?.(); };
  return (
    <div className="pq-talks">
      <div className="pq-talks-head">
        <label className="pq-talks-search"><Search size={14} aria-hidden="true" />
          <input className="pq-small-input" type="search" aria-label="Search in conversations" placeholder="Search" value={query} onChange={(event) => setQuery(event.target.value)} /></label>
        <button type="button" className="pq-small-button" aria-label="New conversation" title="New conversation" onClick={() => open(null)}><Plus size={16} aria-hidden="true" /></button>
      </div>
      {(problem || unread) && <p className="pq-note" data-tone="bad" role="alert"><span>{problem || unread}</span></p>}
      <ul role="list" aria-label="Conversations">{(items ?? []).map((each) => (
        <Row key={each.id} each={each} talk={talk} isOpen={each.id === id} onOpen={open} onChange={read} onProblem={setProblem} />))}</ul>
      {items?.length === 0 && <p className="pq-quiet">{query.trim() ? "Nothing was found." : "No conversation yet."}</p>}
      {next && <Button size="1" variant="soft" color="gray" onClick={() => void read(next)}>Show older ones</Button>}
    </div>
  );
}
