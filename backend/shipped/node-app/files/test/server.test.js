import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { server } from "../server.js";

let url;

before(async () => {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

test("the page is served", async () => {
  const answer = await fetch(url);
  assert.match(await answer.text(), /It works/);
});

test("the API tells the time and echoes", async () => {
  const { time } = await (await fetch(`${url}/api/time`)).json();
  assert.ok(!Number.isNaN(Date.parse(time)));
  const echoed = await fetch(`${url}/api/echo`, { method: "POST", body: '{"a": 1}' });
  assert.deepEqual(await echoed.json(), { you_said: { a: 1 } });
});

test("nothing outside public/ is served", async () => {
  for (const path of ["/../server.js", "/%2e%2e/server.js", "/..%2fserver.js", "/package.json"]) {
    assert.equal((await fetch(url + path)).status, 404, path);
  }
});
