// Keeps the tip's page: without a connection it is there as it was drawn last. Everything else goes to the network.
// Shows tips that are pushed; what it fetches of the tip's page stands already, and nothing is chosen for it.

const KEPT = "tip-1";
const PAGE = "/tip";

const isOurs = (url) => url.origin === self.location.origin;
const isBuilt = (url) => isOurs(url) && /^\/(assets\/.+|[\w-]+\.css|icon\.svg|tip\.webmanifest)$/.test(url.pathname);

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(keepPage().catch(() => {}).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (isOurs(url) && url.pathname === "/auth/logout") {
    event.waitUntil(forget());
  } else if (request.method !== "GET" || !isOurs(url)) {
    return;
  } else if (request.mode === "navigate" && url.pathname.replace(/\/$/, "") === PAGE) {
    event.respondWith(page(event));
  } else if (isBuilt(url)) {
    event.respondWith(fetch(request).catch(async () => (await kept(url.pathname)) || Response.error()));
  }
});

self.addEventListener("push", (event) => {
  event.waitUntil(show(event.data));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

// A browser has to show something for each push, or it takes the permission away.
async function show(data) {
  let said = {};
  try {
    said = data.json();
  } catch {
    // Its own words are there for that.
  }
  const url = new URL(said.url || PAGE, self.location.origin);
  await self.registration.showNotification("Tip", {
    body: said.body || "There is a tip for you.",
    tag: said.tag || "tip",
    icon: "/icon.svg",
    data: isOurs(url) ? url.pathname : PAGE,
  });
}

// In the window that has it open, else in a new one.
async function open(path) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((each) => new URL(each.url).pathname.replace(/\/$/, "") === path);
  await (there ? there.focus() : self.clients.openWindow(path));
}

async function page(event) {
  try {
    const answer = await fetch(event.request);
    if (answer.ok && !answer.redirected) event.waitUntil(keep(answer.clone()));
    else if (answer.redirected || answer.type === "opaqueredirect") event.waitUntil(caches.delete(KEPT));
    return answer;
  } catch {
    return (await kept(PAGE)) || Response.error();
  }
}

// What stood, and what would be pushed, is the person's who leaves. The push service tells the server that it is over.
async function forget() {
  await caches.delete(KEPT);
  await (await self.registration.pushManager?.getSubscription())?.unsubscribe();
}

async function kept(path) {
  return (await caches.open(KEPT)).match(path);
}

async function keepPage() {
  const answer = await fetch(PAGE, { credentials: "same-origin" });
  if (answer.ok && !answer.redirected) await keep(answer);
}

// The page with all that it is built of; what an older one was built of goes.
async function keep(answer) {
  const html = await answer.clone().text();
  const parts = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map((found) => found[1]);
  const wanted = new Set(parts.filter((path) => isBuilt(new URL(path, self.location.origin))));
  const cache = await caches.open(KEPT);
  await cache.put(PAGE, answer);
  const there = new Set((await cache.keys()).map((request) => new URL(request.url).pathname));
  await Promise.allSettled([...wanted].filter((path) => !there.has(path)).map((path) => cache.add(path)));
  const old = [...there].filter((path) => path !== PAGE && path.startsWith("/assets/") && !wanted.has(path));
  await Promise.all(old.map((path) => cache.delete(path)));
}
