// All pages work without this. With it, what changes on the server changes here, forms
// answer in place, and moments are told in the reader's own time.
"use strict";

const EVERY = 3000;
const LONGEST = 60000;

function dress(part) {
  for (const one of part.querySelectorAll("time[data-local]")) {
    const moment = new Date(one.dateTime);
    one.textContent = moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
  for (const one of part.querySelectorAll("[data-copy], [data-all]")) one.hidden = false;
}

function say(text) {
  const place = document.getElementById("say");
  if (text && place.textContent !== text) place.textContent = text;
}

// A region with data-live is asked for again and again, by its ETag, while it is seen.
function watch(region) {
  let tag = "";
  let pause = EVERY;
  async function look() {
    if (!region.isConnected) return;
    if (!document.hidden) {
      try {
        const headers = tag ? { "If-None-Match": tag } : {};
        const answer = await fetch(region.dataset.live, { headers, cache: "no-store" });
        if (answer.status === 404 || answer.status === 410) return location.reload();
        if (answer.status === 200) {
          tag = answer.headers.get("ETag") || "";
          show(region, await answer.text());
        }
        pause = answer.status < 400 ? EVERY : Math.min(pause * 2, LONGEST);
      } catch {
        pause = Math.min(pause * 2, LONGEST);
        say("The server cannot be reached; it is tried again.");
      }
    }
    setTimeout(look, pause);
  }
  setTimeout(look, pause);
}

// What stands between the parts stays: a password that is shown, what somebody unfolded.
function showParts(region, html) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  for (const fresh of answer.querySelectorAll("[data-part]")) {
    const part = region.querySelector(`[data-part="${CSS.escape(fresh.dataset.part)}"]`);
    if (!part || part.isEqualNode(fresh)) continue;
    part.replaceWith(fresh);
    dress(fresh);
    if (fresh.dataset.say) say(fresh.dataset.say);
    const step = fresh.closest("li");
    if (!step || step.className === fresh.dataset.tick) continue;
    step.className = fresh.dataset.tick;
    step.ariaCurrent = fresh.dataset.tick === "now" ? "step" : null;
    const more = step.querySelector("details");
    if (more && !more.querySelector(".secret")) more.open = ["now", "trouble"].includes(fresh.dataset.tick);
  }
}

function show(region, html) {
  if ("byParts" in region.dataset) return showParts(region, html);
  const focused = region.contains(document.activeElement)
    ? document.activeElement.getAttribute("href") : null;
  region.innerHTML = html;
  dress(region);
  const told = region.querySelector("[data-say]");
  if (told) say(told.dataset.say);
  if (focused) region.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

// What a form asks for: by its address, as fields, or with a file.
function ask(form, button) {
  const data = new FormData(form);
  if (button?.name) data.append(button.name, button.value);
  if (form.enctype === "multipart/form-data") return fetch(form.action, { method: "POST", body: data });
  const values = new URLSearchParams(data);
  if (form.method === "get") return fetch(`${form.action}?${values}`, { cache: "no-store" });
  return fetch(form.action, { method: "POST", body: values });
}

// A form with data-into is sent from here; that part of the answered page is put in.
async function send(form, button) {
  const asked = ask(form, button);
  for (const one of form.querySelectorAll("button")) one.disabled = true;
  form.ariaBusy = "true";
  say("Please wait.");
  try {
    const answer = await asked;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const name = form.dataset.into;
    const fresh = page.getElementById(name);
    if (!fresh) throw new Error(`no ${name} in the answer`);
    const nav = page.querySelector("nav.tabs");
    document.getElementById(name).replaceWith(fresh);
    if (form.method === "get" && name === "main") history.replaceState(null, "", answer.url);
    if (nav) document.querySelector("nav.tabs")?.replaceWith(nav);
    begin(fresh);
    fresh.tabIndex = -1;
    fresh.focus({ preventScroll: true });
    const place = new URL(form.action).hash.slice(1);
    if (place) document.getElementById(place)?.scrollIntoView();
    say(fresh.querySelector("[role=status]")?.textContent.trim());
  } catch {
    for (const one of form.querySelectorAll("button")) one.disabled = false;
    form.ariaBusy = "false";
    say("The server cannot be reached. Nothing was changed; please try again.");
  }
}

// Tabs that do not fit scroll beside: the present one is brought into what is seen.
function reveal() {
  for (const one of document.querySelectorAll(".tabs [aria-current]")) {
    const strip = one.closest("ul");
    strip.scrollLeft = one.offsetLeft - (strip.clientWidth - one.offsetWidth) / 2;
  }
}

function begin(part) {
  dress(part);
  reveal();
  for (const one of part.querySelectorAll("[data-live]")) watch(one);
}

// What is too long to be taken is not sent first: how to send less of it is shown.
function tooLong(form) {
  for (const one of form.querySelectorAll("[data-most]")) {
    if (![...one.files].some((file) => file.size > Number(one.dataset.most))) continue;
    const help = document.getElementById(one.dataset.help);
    help.open = true;
    help.scrollIntoView();
    help.querySelector("summary").focus({ preventScroll: true });
    say(help.querySelector("p").textContent);
    return true;
  }
  return false;
}

document.addEventListener("submit", (event) => {
  if (tooLong(event.target)) return event.preventDefault();
  if (!event.target.dataset.into) return;
  event.preventDefault();
  send(event.target, event.submitter);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-all]");
  if (!button) return;
  const boxes = [...document.querySelectorAll(`input[type=checkbox][name="${button.dataset.all}"]`)];
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    say("It is copied.");
  } catch {
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    say("Press Ctrl and C to copy.");
  }
});

begin(document);
