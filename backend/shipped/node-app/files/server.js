// A web page and a small API, on Node's own http server.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const PUBLIC = fileURLToPath(new URL("./public", import.meta.url));
const MAX_BODY = 1024 * 1024;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function bodyOf(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > MAX_BODY) throw new RangeError("too much");
    pieces.push(piece);
  }
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}

async function api(request, response, path) {
  if (request.method === "GET" && path === "/api/time") {
    return json(response, 200, { time: new Date().toISOString() });
  }
  if (request.method === "POST" && path === "/api/echo") {
    try {
      return json(response, 200, { you_said: await bodyOf(request) });
    } catch {
      return json(response, 422, { error: "Send JSON, 1 MiB at most." });
    }
  }
  return json(response, 404, { error: "There is nothing here." });
}

async function file(response, path) {
  const wanted = normalize(join(PUBLIC, path.endsWith("/") ? `${path}index.html` : path));
  const found = wanted.startsWith(PUBLIC + sep) ? await stat(wanted).catch(() => null) : null;
  if (!found?.isFile()) return json(response, 404, { error: "There is nothing here." });
  response.writeHead(200, { "content-type": TYPES[extname(wanted)] ?? "application/octet-stream" });
  return createReadStream(wanted).pipe(response);
}

export const server = createServer(async (request, response) => {
  try {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    await (path.startsWith("/api/") ? api(request, response, path) : file(response, path));
  } catch {
    json(response, 400, { error: "That request can't be read." });
  }
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 8000);
  server.listen(port, "0.0.0.0", () => console.log(`Serving at http://0.0.0.0:${port}`));
}
