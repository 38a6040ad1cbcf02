// Files that can be looked at otherwise than as text: images, Markdown, tables. Nothing in a file is ever run.
import React, { useEffect, useMemo, useState } from "react";
import { extension, fileUrl, folderOf, join, nameOf, shown, sizeWords } from "./paths.jsx";

const MAX_ROWS = 1000;
const SCHEMES = /^(https?:|mailto:|#)/i;

export function Picture({ containerId, doc }) {
  const [size, setSize] = useState("");
  const source = fileUrl(containerId, doc.path, `&inline=1&revision=${encodeURIComponent(doc.revision ?? "")}`);
  return (
    <figure className="pq-picture">
      <div><img src={source} alt={shown(nameOf(doc.path))} onLoad={({ target }) => setSize(`${target.naturalWidth} × ${target.naturalHeight}, `)} /></div>
      <figcaption>{size}{sizeWords(doc.size)}</figcaption>
    </figure>
  );
}

// As an image, a drawing can neither run scripts nor ask for anything.
function Drawing({ content, doc }) {
  const [source, setSource] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([content], { type: "image/svg+xml" }));
    setSource(made);
    return () => URL.revokeObjectURL(made);
  }, [content]);
  return <figure className="pq-picture"><div>{source && <img src={source} alt={shown(nameOf(doc.path))} />}</div></figure>;
}

// Images come from the machine itself or not at all; links open elsewhere.
function tamed(html, containerId, path) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const plain = (to) => { try { return decodeURI(to); } catch { return to; } };
  const here = (to) => join(folderOf(path), plain(to)).split("/").reduce((all, part) => (part === ".." ? all.slice(0, -1) : part === "." ? all : [...all, part]), []).join("/");
  parsed.querySelectorAll("img").forEach((image) => {
    const source = image.getAttribute("src") ?? "";
    if (/^[a-z]+:|^\/\//i.test(source)) image.replaceWith(parsed.createTextNode(`[${image.alt || "image"}]`));
    else image.setAttribute("src", fileUrl(containerId, here(source), "&inline=1"));
  });
  parsed.querySelectorAll("a[href]").forEach((link) => {
    const target = link.getAttribute("href");
    if (!SCHEMES.test(target)) link.dataset.path = here(target.split("#")[0]);
    if (!/^#/.test(target)) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
  });
  parsed.querySelectorAll("input").forEach((box) => box.setAttribute("aria-label", "Done"));
  return parsed.body.innerHTML;
}

function Markdown({ content, doc, containerId, onOpen }) {
  const [html, setHtml] = useState("");
  useEffect(() => {
    let isGone = false;
    import("./markdown.jsx").then(({ toHtml }) => {
      try { if (!isGone) setHtml(tamed(toHtml(content), containerId, doc.path)); } catch { if (!isGone) setHtml(""); }
    });
    return () => { isGone = true; };
  }, [content, containerId, doc.path]);
  const follow = (event) => {
    const path = event.target.closest?.("a")?.dataset.path;
    if (path) { event.preventDefault(); onOpen(path); }
  };
  return <div className="pq-markdown" tabIndex={0} role="document" aria-label={`Preview of ${shown(nameOf(doc.path))}`} onClick={follow} dangerouslySetInnerHTML={{ __html: html }} />;
}

// RFC 4180: quotes around what has separators or line ends in it, doubled inside.
function parseTable(text, separator) {
  const rows = [];
  let row = [], cell = "", isQuoted = false;
  for (let at = 0; at < text.length && rows.length <= MAX_ROWS; at += 1) {
    const letter = text[at];
    if (isQuoted) {
      if (letter === '"' && text[at + 1] === '"') { cell += '"'; at += 1; } else if (letter === '"') isQuoted = false; else cell += letter;
    } else if (letter === '"' && !cell) isQuoted = true;
    else if (letter === separator) { row.push(cell); cell = ""; } else if (letter === "\n") { rows.push([...row, cell]); row = []; cell = ""; } else if (letter !== "\r") cell += letter;
  }
  if (cell || row.length) rows.push([...row, cell]);
  return rows;
}

function Table({ content, doc }) {
  const rows = useMemo(() => {
    const first = content.slice(0, content.indexOf("\n") + 1 || undefined);
    const separator = extension(doc.path) === "tsv" ? "\t" : first.split(";").length > first.split(",").length ? ";" : ",";
    return parseTable(content, separator);
  }, [content, doc.path]);
  const [head = [], ...body] = rows;
  return (
    <div className="pq-sheet" tabIndex={0} role="region" aria-label={`Table of ${shown(nameOf(doc.path))}`}>
      <table>
        <thead><tr>{head.map((each, index) => <th key={index} scope="col">{each}</th>)}</tr></thead>
        <tbody>{body.slice(0, MAX_ROWS).map((row, index) => <tr key={index}>{row.map((each, column) => <td key={column}>{each}</td>)}</tr>)}</tbody>
      </table>
      {body.length >= MAX_ROWS && <p className="pq-quiet">The first {MAX_ROWS.toLocaleString("en")} rows. The rest is in the text.</p>}
    </div>
  );
}

const KINDS = { markdown: Markdown, table: Table, drawing: Drawing };

export function Preview({ kind, ...rest }) {
  const Kind = KINDS[kind];
  return <Kind {...rest} />;
}
