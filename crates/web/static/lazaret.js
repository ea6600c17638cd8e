// Lazaret's one script. Every page works without it; with it, pages stay fresh, drafts survive, text can be copied.
"use strict";
(() => {
  const body = document.body, status = document.getElementById("status");
  const waiting = new Map(); // live parts whose new content waits until they lose the focus

  const count = (page) => page.querySelector("#state")?.dataset.count ?? "";
  const swap = (old, fresh) => old.replaceWith(document.importNode(fresh, true));

  // Asks for an address and exchanges the live parts of this page for those of the answer.
  const refresh = async (address) => {
    let text;
    try {
      const answer = await fetch(address, { headers: { "Lazaret-Live": "1" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return null;
      text = await answer.text();
    } catch { return null; }
    const page = new DOMParser().parseFromString(text, "text/html");
    const before = count(document), after = count(page);
    for (const old of document.querySelectorAll("[data-live][id]")) {
      const fresh = page.getElementById(old.id);
      if (!fresh || fresh.isEqualNode(old)) continue;
      if (old.contains(document.activeElement) || open(old)) waiting.set(old, fresh);
      else swap(old, fresh);
    }
    document.title = page.title;
    const icon = document.querySelector("link[rel=icon]"), next = page.querySelector("link[rel=icon]");
    if (icon && next) icon.href = next.getAttribute("href");
    if (before !== after && status) status.textContent = page.querySelector("#state p")?.textContent.trim() ?? "";
    return page;
  };
  const open = (part) => part.querySelector("details[open]") !== null;
  document.addEventListener("focusout", () => setTimeout(() => {
    for (const [old, fresh] of waiting) {
      if (old.contains(document.activeElement) || open(old)) continue;
      waiting.delete(old);
      if (old.isConnected) swap(old, fresh);
    }
  }, 50));

  // Changes are announced by the node; one refresh runs at a time, and one a minute rewrites relative times.
  if (body.dataset.changes && document.querySelector("[data-live]")) {
    let running = false, again = false;
    const run = async () => {
      if (document.hidden || running) { again = true; return; }
      running = true; again = false;
      await refresh(location.href);
      running = false;
      if (again && !document.hidden) setTimeout(run, 500);
    };
    const changes = new EventSource(body.dataset.changes);
    changes.addEventListener("change", run);
    document.addEventListener("visibilitychange", () => { if (!document.hidden && again) run(); });
    setInterval(run, 60000);
    addEventListener("pagehide", () => changes.close());
  }

  // A page that plays by itself: the next address comes with each answer.
  const play = (address) => setTimeout(async () => {
    const page = await refresh(address);
    if (!page) return play(address);
    history.replaceState(null, "", address);
    const form = document.querySelector("main form"), fresh = page.querySelector("main form");
    if (form && fresh && !form.contains(document.activeElement)) swap(form, fresh);
    if (status && address.includes("play=")) status.textContent = page.querySelector(".said-now")?.textContent ?? "";
    const next = page.body.dataset.next;
    if (next) play(next);
  }, 1500);
  if (body.dataset.next) play(body.dataset.next);

  // What is typed is kept in this tab until it is sent.
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const key = "draft " + form.dataset.draft;
    const fields = () => [...form.elements].filter((field) => field.name && field.name !== "csrf" && field.type !== "hidden" && field.type !== "password" && field.type !== "radio");
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    for (const field of fields()) if (!field.value && kept[field.name]) field.value = kept[field.name];
    form.addEventListener("input", () => sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(fields().map((field) => [field.name, field.value])))));
    form.addEventListener("submit", () => sessionStorage.removeItem(key));
  }

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      if (status) status.textContent = button.textContent;
    });
  }

  document.getElementById("problems")?.focus();
})();
