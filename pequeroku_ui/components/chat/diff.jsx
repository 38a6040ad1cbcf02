// A unified diff, with the numbers of its lines.
import React, { memo, useMemo } from "react";
import { visible } from "./words.jsx";

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;
const KINDS = { "+": "added", "-": "removed", " ": "same" };

function linesOf(diff) {
  let old = 0, fresh = 0;
  return diff.replace(/\n$/, "").split("\n").flatMap((line) => {
    const hunk = HUNK.exec(line);
    if (hunk) { old = Number(hunk[1]); fresh = Number(hunk[2]); return [{ kind: "hunk", text: line }]; }
    if (/^(---|\+\+\+) /.test(line) && !old && !fresh) return [];
    const kind = KINDS[line[0] ?? " "] ?? "note", text = kind === "note" ? line : line.slice(1);
    const made = { kind, text, old: kind === "added" || kind === "note" ? "" : old, fresh: kind === "removed" || kind === "note" ? "" : fresh };
    if (kind === "same" || kind === "removed") old += 1;
    if (kind === "same" || kind === "added") fresh += 1;
    return [made];
  });
}

// How many lines came and went.
export function counts(diff) {
  const kinds = linesOf(diff).map((each) => each.kind);
  return { added: kinds.filter((each) => each === "added").length, removed: kinds.filter((each) => each === "removed").length };
}

const SIGNS = { added: "+", removed: "−" };

export const Diff = memo(function Diff({ diff, path }) {
  const lines = useMemo(() => linesOf(diff), [diff]);
  return (
    <div className="pq-diff" tabIndex={0} role="region" aria-label={`What changes in ${path || "the file"}`}>
      <table><tbody>{lines.map((each, index) => (
        <tr key={index} data-kind={each.kind}>
          {each.kind === "hunk" ? <td colSpan={4}>{index > 0 ? "⋯" : ""}</td> : (
            <><td className="pq-diff-number">{each.old}</td><td className="pq-diff-number">{each.fresh}</td>
              <td className="pq-diff-sign">{SIGNS[each.kind] ?? ""}</td><td><code>{visible(each.text.replace(/\r$/, "")) || " "}</code></td></>)}
        </tr>))}
      </tbody></table>
    </div>
  );
});

export function Counts({ added, removed }) {
  return (
    <span className="pq-diff-counts">
      {added > 0 && <span data-kind="added">+{added}</span>}{removed > 0 && <span data-kind="removed">−{removed}</span>}
    </span>
  );
}
