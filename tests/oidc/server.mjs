// A certified OpenID Connect provider (oidc-provider) for the tests: loopback only, keys and people made up.
// `node server.mjs PORT CALLBACK...`. Whoever was put at /who signs in at once, without being asked.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [port, modules, ...callbacks] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(join(modules, "oidc-provider/lib/index.js")));
const issuer = `http://127.0.0.1:${port}`;
let who = { sub: "nobody" };
const people = new Map();

const provider = new Provider(issuer, {
  clients: [{ client_id: "pequeroku", client_secret: "a secret for tests", redirect_uris: callbacks }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["a key for tests"] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ ...people.get(id), sub: id }) }),
  pkce: { required: () => true },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
});

async function signIn(request, response) {
  const { prompt, params, grantId } = await provider.interactionDetails(request, response);
  if (who.refuses) return finish(request, response, { error: "access_denied" });
  if (prompt.name === "login") return finish(request, response, { login: { accountId: who.sub } });
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: who.sub, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return finish(request, response, { consent: { grantId: await grant.save() } });
}

const finish = (request, response, result) =>
  provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

const answer = provider.callback();
createServer(async (request, response) => {
  if (request.url === "/who") {
    who = await bodyOf(request);
    people.set(who.sub, who);
    response.writeHead(204).end();
  } else if (request.url.startsWith("/interaction/")) {
    await signIn(request, response);
  } else {
    answer(request, response);
  }
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
