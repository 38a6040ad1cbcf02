// What goes on in the background of a container: a list, what each says, and its end.
import React, { useCallback, useEffect, useState } from "react";
import { Button } from "@radix-ui/themes";

const TAIL_BYTES = 16 * 1024;
const WORDS = { running: "runs", ended: "ended", stopped: "stopped" };

export function Processes({ containerId, ask }) {
  const api = `/api/containers/${containerId}/processes/`;
  const [found, setFound] = useState([]);
  const [log, setLog] = useState(null);
  const [problem, setProblem] = useState("");
  // What there is now; `words` are of what was tried before, and stay. A list that can't be read is shown as it was.
  const read = useCallback(async (words = "") => {
    try {
      setFound((await ask("GET", api)).items);
      setProblem(words);
    } catch (fault) { setProblem(words || fault.message); }
  }, [api, ask]);
  useEffect(() => { void read(); }, [read]);
  const look = async (id) => {
    try {
      setLog({ id, text: (await ask("GET", `${api}${id}/log/?offset=-${TAIL_BYTES}`)).data });
      setProblem("");
    } catch (fault) { await read(fault.message); }
  };
  const end = async (id) => {
    let words = "";
    try { await ask("DELETE", `${api}${id}/`); } catch (fault) { words = fault.message; }
    if (log?.id === id) setLog(null);
    await read(words);
  };
  return (
    <section className="pq-processes" aria-label="In the background">
      <div className="pq-preview-bar"><h2>In the background</h2><Button size="1" variant="soft" color="gray" onClick={() => void read()}>Look again</Button></div>
      {problem && <p className="pq-quiet" role="status">{problem}</p>}
      {!found.length && !problem && <p className="pq-quiet">Nothing was started in the background.</p>}
      <ul role="list">{found.map((each) => (
        <li key={each.process_id} data-process={each.process_id}>
          <code title={each.command}>{each.command}</code>
          <span className="pq-tag">{WORDS[each.state] ?? each.state}{each.exit_code ? ` (${each.exit_code})` : ""}</span>
          <Button size="1" variant="soft" color="gray" aria-expanded={log?.id === each.process_id} onClick={() => (log?.id === each.process_id ? setLog(null) : void look(each.process_id))}>Log</Button>
          <Button size="1" variant="soft" color="gray" onClick={() => void end(each.process_id)}>{each.state === "running" ? "Stop" : "Remove"}</Button>
          {log?.id === each.process_id && <pre tabIndex={0}>{log.text || "It has said nothing yet."}</pre>}
        </li>))}
      </ul>
    </section>
  );
}
