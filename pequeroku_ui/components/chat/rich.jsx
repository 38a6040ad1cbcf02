// What the model says, as Markdown. Its words are anybody's: only the elements below are ever made of them, links are to
// the web alone and open elsewhere, images are left out, and nothing in it is run or fetched.
import React, { memo, useEffect, useMemo, useState } from "react";
import { Check, Copy } from "lucide-react";
import { toHtml } from "../workspace/markdown.jsx";

const SHOWN = new Set(["P", "STRONG", "EM", "DEL", "H1", "H2", "H3", "H4", "H5", "H6", "UL", "OL", "LI", "BLOCKQUOTE", "HR", "BR",
  "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "CODE", "SUP", "SECTION"]);
const BARE = new Set(["HR", "BR"]);
const ROWS = new Set(["TABLE", "THEAD", "TBODY", "TR"]); // no text stands between their parts
const COPIED_MS = 1500;
const MOST_COLOURED = 30000;
const MOST_KNOWN = 200;
const LINK = /^(https?:|mailto:)/i;

export function CopyButton({ text, label }) {
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    if (!isDone) return undefined;
    const timer = setTimeout(() => setDone(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isDone]);
  const Icon = isDone ? Check : Copy;
  return (
    <button type="button" className="pq-small-button" aria-label={isDone ? "Copied" : label} title={label}
      onClick={() => navigator.clipboard?.writeText(text).then(() => setDone(true))}><Icon size={14} aria-hidden="true" /></button>
  );
}

// Pieces of code with the classes of their colours; the plain text until they are known. They are kept, because a text
// that is whole is drawn once more in another place.
const known = new Map();
function useColours(text, language, isWhole) {
  const name = `${language} ${text}`;
  const [pieces, setPieces] = useState(known.get(name) ?? null);
  useEffect(() => {
    let isGone = false;
    setPieces(known.get(name) ?? null);
    if (!isWhole || !language || text.length > MOST_COLOURED || known.has(name)) return undefined;
    import("./highlight.jsx").then(({ coloured }) => coloured(text, language)).then((found) => {
      if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value);
      known.set(name, found);
      if (!isGone) setPieces(found);
    }, () => undefined); // it stays as it is, in one colour
    return () => { isGone = true; };
  }, [name, isWhole]);
  return pieces;
}

export const Code = memo(function Code({ text, language, isWhole = true }) {
  const pieces = useColours(text, language, isWhole);
  return (
    <div className="pq-chat-code pq-code">
      <div className="pq-chat-code-head"><span>{language || "text"}</span><CopyButton text={text} label="Copy the code" /></div>
      <pre tabIndex={0} aria-label={`Code${language ? `, ${language}` : ""}`}><code>
        {pieces ? pieces.map(([words, kind], index) => (kind ? <span key={index} className={kind}>{words}</span> : words)) : text}
      </code></pre>
    </div>
  );
});

function children(node, more) {
  return Array.from(ROWS.has(node.tagName) ? node.children : node.childNodes, (each, index) => drawn(each, index, more));
}
function drawn(node, key, more) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  const { tagName: tag } = node;
  if (tag === "PRE") {
    const language = /language-([\w+#.-]+)/.exec(node.firstElementChild?.className ?? "")?.[1] ?? "";
    return <Code key={key} text={node.textContent.replace(/\n$/, "")} language={language} isWhole={more.isWhole} />;
  }
  if (tag === "A") {
    const to = node.getAttribute("href") ?? "";
    return LINK.test(to) ? <a key={key} href={to} target="_blank" rel="noopener noreferrer nofollow">{children(node, more)}</a> : <span key={key}>{children(node, more)}</span>;
  }
  if (tag === "IMG") return <span key={key} className="pq-quiet">[{node.getAttribute("alt") || "image"}]</span>;
  if (tag === "INPUT") return <span key={key} role="img" aria-label={node.checked ? "Done" : "To do"}>{node.checked ? "☑" : "☐"}</span>;
  if (!SHOWN.has(tag)) return <React.Fragment key={key}>{children(node, more)}</React.Fragment>;
  if (tag === "TABLE") return <div key={key} className="pq-chat-table" tabIndex={0} role="region" aria-label="Table"><table>{children(node, more)}</table></div>;
  const start = tag === "OL" ? Number(node.getAttribute("start") ?? 1) : undefined;
  return React.createElement(tag.toLowerCase(), { key, start }, BARE.has(tag) ? undefined : children(node, more));
}

const Block = memo(function Block({ text, isWhole }) {
  const parts = useMemo(() => children(new DOMParser().parseFromString(toHtml(text), "text/html").body, { isWhole }), [text, isWhole]);
  return <>{parts}</>;
});

export const Rich = memo(function Rich({ text }) {
  return <div className="pq-markdown pq-chat-text"><Block text={text} isWhole /></div>;
});

// Where a text that still grows can be cut: what stands before does not change any more. That is before a line that begins
// a block of its own after an empty one, outside of fenced code.
function settled(text) {
  let at = 0, cut = 0, fence = "", isAfterBlank = false;
  for (const line of text.split("\n").slice(0, -1)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    const isStart = isAfterBlank && !fence && /^[^\s\-*+>|\d]/.test(line);
    if (isStart) cut = at;
    if (mark && !fence) fence = mark;
    else if (mark && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark) fence = "";
    isAfterBlank = line.trim() === "";
    at += line.length + 1;
  }
  return cut;
}

// A text that is being written: only its end is read anew with each piece.
export function Growing({ text }) {
  const cut = settled(text);
  return (
    <div className="pq-markdown pq-chat-text" data-growing="true">
      {cut > 0 && <Block text={text.slice(0, cut)} isWhole />}
      <Block text={text.slice(cut)} isWhole={false} />
    </div>
  );
}
