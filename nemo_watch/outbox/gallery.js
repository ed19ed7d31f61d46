// The gallery's own script: filter, times, first frames, and a quiet reload. It fetches nothing: a page opened from disk
// may not, so "live" means to load itself again, and never while somebody watches, types, selects or reads by keyboard.
"use strict";
(() => {
  const RELOAD_MS = 15000, STILL_MS = 4000, TYPING_MS = 30000;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const search = one("#search"), live = one("#live"), found = one("#found"), held = one("#held");
  const cards = all(".cards > li"), chips = all(".chips button");
  const words = new Map();
  let group = "all";

  // What must survive a reload, for this gallery alone: all pages from disk may share one store. Where a browser keeps
  // nothing for files, nothing is lost but that.
  const KEY = `nemo-watch ${location.pathname}`;
  const kept = (() => {
    try { return JSON.parse(sessionStorage.getItem(KEY)) || {}; } catch { return {}; }
  })();
  const keep = () => {
    const anchor = cards.find((card) => !card.hidden && card.getBoundingClientRect().bottom > 0);
    const state = {
      text: search.value, group, live: live.checked, scroll: scrollY,
      anchor: anchor && anchor.dataset.film, offset: anchor && anchor.getBoundingClientRect().top,
      focus: document.activeElement === search,
      open: all("details[open]").map((details) => details.dataset.key),
    };
    try { sessionStorage.setItem(KEY, JSON.stringify(state)); } catch { /* then not */ }
  };

  // -- filter
  const textOf = (card) => {
    if (!words.has(card)) words.set(card, card.textContent.toLowerCase());
    return words.get(card);
  };
  const filter = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const card of cards) {
      const fits = (group === "all" || card.dataset.group === group) && wanted.every((word) => textOf(card).includes(word));
      card.hidden = !fits;
      count += fits;
    }
    for (const section of all("main > section[data-group]")) section.hidden = !section.querySelector(".cards > li:not([hidden])");
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.group === group));
    const all_shown = count === cards.length;
    found.textContent = all_shown ? "" : count === 0 ? "No film fits." : `${count} of ${cards.length} films`;
  };

  // -- times, as the reader's clock has them
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const ago = (seconds) => {
    for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
      if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
    }
    return "just now";
  };
  const times = () => {
    for (const time of all("time")) {
      const date = new Date(time.dateTime);
      time.textContent = ago(Math.max(0, (Date.now() - date) / 1000));
      time.title = exact.format(date);
    }
  };

  // -- players, for the films that are near; and one film playing at a time
  const started = (video) => !video.paused || video.currentTime > 0;
  const player = (link) => {
    const video = document.createElement("video");
    video.controls = video.playsInline = true;
    video.preload = "metadata";
    video.setAttribute("aria-label", link.getAttribute("aria-label").replace(/^Play /, ""));
    video.src = link.getAttribute("href");
    return video;
  };
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      const link = target.querySelector(".screen a"), video = target.querySelector(".screen video");
      if (isIntersecting && !video && link !== document.activeElement) {
        link.hidden = true;
        link.after(player(link));
      } else if (!isIntersecting && video && !started(video) && video !== document.activeElement) {
        video.removeAttribute("src");
        video.load(); // lets go of the file
        video.remove();
        link.hidden = false;
      }
    }
  }, { rootMargin: "300px" });
  for (const card of cards) if (card.querySelector(".screen")) near.observe(card);
  document.addEventListener("play", ({ target }) => {
    for (const video of all("video")) if (video !== target && !video.paused) video.pause();
  }, true);

  // -- live
  let touched = -TYPING_MS;
  for (const event of ["pointerdown", "keydown", "input", "wheel", "touchmove", "scroll"]) {
    addEventListener(event, () => { touched = performance.now(); }, { passive: true, capture: true });
  }
  const reason = () => {
    if (!live.checked) return "off";
    if (all("video").some((video) => started(video) && !video.ended)) return "while a film is open";
    if (document.fullscreenElement || document.pictureInPictureElement) return "while a film is open";
    const focus = document.activeElement;
    const still = performance.now() - touched;
    if (focus === search) return still < TYPING_MS ? "while you type" : "";
    if (focus && focus !== document.body && focus.matches(":focus-visible")) return "while the keyboard is in use";
    if (String(getSelection())) return "while text is selected";
    return still < STILL_MS ? "soon" : "";
  };
  const reload = () => {
    if (document.hidden) return;
    const why = reason();
    held.textContent = why && why !== "off" && why !== "soon" ? `, waiting ${why}` : "";
    times();
    if (why) return;
    keep();
    location.reload();
  };
  const loaded = performance.now(); // since the page was asked for: a page that is slow to load does so less often
  setInterval(reload, Math.max(RELOAD_MS, 20 * loaded));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && performance.now() - loaded > RELOAD_MS) reload();
  });

  // -- as it was before the reload
  search.value = kept.text || "";
  live.checked = kept.live !== false;
  group = chips.some((chip) => chip.dataset.group === kept.group) ? kept.group : "all";
  const open = new Set(kept.open || []);
  for (const details of all("details")) if (open.has(details.dataset.key)) details.open = true;
  for (const element of all(".script")) element.hidden = false;
  if (kept.focus) search.focus({ preventScroll: true });
  search.addEventListener("input", filter);
  search.form.addEventListener("submit", (event) => event.preventDefault());
  for (const chip of chips) chip.addEventListener("click", () => { group = chip.dataset.group; filter(); });
  live.addEventListener("change", keep);
  addEventListener("pagehide", keep);
  addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && event.target === search) { search.value = ""; filter(); search.blur(); }
  });
  filter();
  times();
  if (kept.scroll > 0) {
    const card = cards.find((item) => item.dataset.film === kept.anchor);
    if (card) scrollBy(0, card.getBoundingClientRect().top - kept.offset); else scrollTo(0, kept.scroll);
  }
})();
