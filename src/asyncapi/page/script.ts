/**
 * What the page can do beyond being read: search, a choice of colours, copying, everything open when it is printed. Plain
 * JavaScript for browsers; without it nothing is missing from what the page says. No network, no eval, no markup from text.
 */
export const script: string = `
"use strict";
(() => {
  const root = document.documentElement;
  const key = "millrace-theme";
  // Storage may be forbidden; the choice then lasts as long as the page.
  const stored = (() => { try { return localStorage.getItem(key); } catch { return null; } })();
  if (stored === "dark" || stored === "light") root.dataset.theme = stored;

  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark";

  function startTheme() {
    const button = document.querySelector(".theme");
    const show = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours"); };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem(key, root.dataset.theme); } catch {}
      show();
    });
    prefersDark.addEventListener("change", show);
    show();
    button.hidden = false;
  }

  function startSearch(sidebar) {
    const input = sidebar.querySelector("#search");
    const empty = sidebar.querySelector(".no-result");
    const parts = [...sidebar.querySelectorAll(".nav-part")].map((part) => ({
      part,
      items: [...part.querySelectorAll("li")].map((item) => {
        const link = item.firstElementChild;
        return { item, link, text: (link.textContent + " " + link.dataset.words).toLowerCase() };
      }),
    }));
    const found = () => parts.flatMap(({ items }) => items).filter(({ item }) => !item.hidden);
    function filter() {
      const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
      for (const { part, items } of parts) {
        for (const one of items) one.item.hidden = !words.every((word) => one.text.includes(word));
        part.hidden = words.length > 0 && items.every(({ item }) => item.hidden);
      }
      empty.hidden = words.length === 0 || found().length > 0;
    }
    input.addEventListener("input", filter);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { input.value = ""; filter(); input.blur(); }
      if (event.key === "Enter" && input.value.trim() !== "") { event.preventDefault(); found()[0]?.link.click(); }
    });
    addEventListener("keydown", (event) => {
      const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const menu = document.querySelector("#menu");
      if (menu) menu.checked = true;
      input.focus();
    });
    sidebar.addEventListener("click", (event) => {
      if (event.target.closest("a")) document.querySelector("#menu").checked = false;
    });
    sidebar.querySelector(".search").hidden = false;
  }

  /** Marks where the reader is. */
  function startMarks(sidebar) {
    const links = new Map([...sidebar.querySelectorAll("li a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
    const visible = new Set();
    let current;
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) isIntersecting ? visible.add(target.id) : visible.delete(target.id);
      const next = [...links.keys()].find((id) => visible.has(id));
      if (next === undefined || next === current) return;
      links.get(current)?.removeAttribute("aria-current");
      links.get(next).setAttribute("aria-current", "true");
      current = next;
      const link = links.get(next).getBoundingClientRect();
      const frame = sidebar.getBoundingClientRect();
      if (getComputedStyle(sidebar).position === "sticky" && (link.top < frame.top || link.bottom > frame.bottom)) {
        sidebar.scrollTop += link.top - frame.top - frame.height / 2;
      }
    }, { rootMargin: "-15% 0px -75% 0px" });
    for (const id of links.keys()) {
      const target = document.getElementById(id);
      if (target) observer.observe(target);
    }
  }

  function startCopying() {
    if (!navigator.clipboard) return;
    for (const figure of document.querySelectorAll("figure.code")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(figure.querySelector("code").textContent);
          button.textContent = "Copied";
        } catch {
          button.textContent = "Not allowed";
        }
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      figure.append(button);
    }
  }

  function startPrinting() {
    let closed = [];
    addEventListener("beforeprint", () => {
      closed = [...document.querySelectorAll("details:not([open])")];
      for (const one of closed) one.open = true;
    });
    addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
  }

  addEventListener("DOMContentLoaded", () => {
    const sidebar = document.querySelector(".sidebar");
    startTheme();
    if (sidebar) { startSearch(sidebar); startMarks(sidebar); }
    startCopying();
    startPrinting();
  });
})();
`.trimStart();
