const unpack = async (name) => {
  const packed = document.getElementById(`packed-${name}`);
  if (!packed) return undefined;
  const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const parts = (await new Response(stream).text()).split("\0");
  return new Map(parts.flatMap((part, place) => (place % 2 ? [[parts[place - 1], part]] : [])));
};

const whole = unpack("bodies").then((bodies) => {
  for (const place of document.querySelectorAll("[data-body]")) place.outerHTML = bodies.get(place.dataset.body);
  document.dispatchEvent(new Event("unpacked"));
});

(() => {
  const root = document.documentElement;
  const button = document.getElementById("scheme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const current = () => root.dataset.scheme || (dark.matches ? "dark" : "light");
  const tell = () => {
    button.textContent = current() === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use the ${current() === "dark" ? "light" : "dark"} colours`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.scheme = current() === "dark" ? "light" : "dark";
    tell();
  });
  dark.addEventListener("change", tell);
  tell();
})();

(() => {
  const unfold = () => {
    const model = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!model || !model.matches("details.model")) return;
    model.open = true;
    model.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();

whole.then(() => {
  const finder = document.getElementById("finder");
  if (!finder || !document.querySelector("details.model")) return;
  const input = document.getElementById("find");
  const found = document.getElementById("found");
  const clear = document.getElementById("clear");
  const filters = [...finder.querySelectorAll("select")];
  const root = document.documentElement;
  const ENTRIES = "tbody > tr, details.each, .unwatched li, .model .items li, .left-out ul ul li";
  const STATE = "#?";
  let models;

  const entriesIn = (element) =>
    [...element.querySelectorAll(ENTRIES)].filter((one) => !one.parentElement.closest(".each"));
  const textOf = (one) => {
    const named = one.matches("tr") ? [...one.querySelectorAll("th, .why")] : [one.querySelector(":scope > summary") ?? one];
    const reason = [...(one.parentElement.closest(".left-out li")?.childNodes ?? [])].slice(0, -1);
    return [...named, ...reason].map((node) => node.textContent).join(" ");
  };
  const targetOf = (model) => model.closest("section.target")?.dataset.facet ?? "";
  const read = () =>
    [...document.querySelectorAll("details.model")].map((model) => {
      const title = model.querySelector("h3").textContent;
      const entries = entriesIn(model).map((element) => ({
        element,
        text: `${title} ${textOf(element)}`.toLowerCase(),
        isCase: element.matches(".results tr, .left-out li"),
      }));
      return { model, entries, open: model.open };
    });

  const values = {
    target: () => [...document.querySelectorAll("section.target[data-facet]")].map((one) => one.dataset.facet),
    model: () => [...document.querySelectorAll("details.model[data-facet]")].map((one) => one.dataset.facet),
    engine: () => [...document.querySelectorAll("details.model [data-engine]")].map((one) => one.dataset.engine),
    verdict: () => [...document.querySelectorAll("details.model [data-verdict]")].map((one) => one.dataset.verdict),
  };
  for (const select of filters) {
    const found = [...new Set(values[select.dataset.filter]())];
    select.append(...found.map((value) => new Option(value, value)));
    select.parentElement.hidden = found.length < 2;
  }

  const wanted = () => Object.fromEntries(filters.map((select) => [select.dataset.filter, select.value]));
  const find = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const by = wanted();
    const finding = words.length > 0 || filters.some((select) => select.value);
    if (finding && !root.classList.contains("finding")) models = read();
    const starts = finding !== root.classList.contains("finding");
    root.classList.toggle("finding", finding);
    if (starts) scrollTo({ top: 0, behavior: "instant" });
    let shown = 0;
    let all = 0;
    for (const { model, entries, open } of models ?? []) {
      const here = (!by.target || targetOf(model) === by.target) && (!by.model || model.dataset.facet === by.model);
      let any = false;
      for (const { element, text, isCase } of entries) {
        const { engine, verdict } = element.dataset;
        const fits =
          here &&
          (!by.engine || engine === by.engine) &&
          (!by.verdict || verdict === by.verdict) &&
          words.every((word) => text.includes(word));
        element.hidden = !fits;
        any ||= fits;
        all += isCase;
        shown += isCase && fits;
      }
      for (const box of model.querySelectorAll(".long, .more, .left-out > ul > li")) {
        box.hidden = entriesIn(box).every((one) => one.hidden);
      }
      model.hidden = !any;
      model.open = finding ? any : open;
    }
    for (const target of document.querySelectorAll("section.target")) {
      target.hidden = finding && !target.querySelector("details.model:not([hidden])");
    }
    found.textContent = finding ? `${shown} of ${all} cases` : "";
    clear.hidden = !finding;
  };

  const keep = () => {
    const state = new URLSearchParams();
    if (input.value.trim()) state.set("find", input.value.trim());
    for (const [name, value] of Object.entries(wanted())) if (value) state.set(name, value);
    const text = state.toString();
    if (text || location.hash.startsWith(STATE)) history.replaceState(null, "", text ? `${STATE}${text}` : location.href.split("#")[0]);
  };
  const restore = () => {
    if (!location.hash.startsWith(STATE)) return;
    const state = new URLSearchParams(location.hash.slice(STATE.length));
    input.value = state.get("find") ?? "";
    for (const select of filters) {
      select.value = state.get(select.dataset.filter) ?? "";
      if (select.selectedIndex < 0) select.value = "";
    }
    find();
  };
  const change = () => {
    find();
    keep();
  };

  let later;
  finder.hidden = false;
  document.getElementById("skip-to-filters").hidden = false;
  input.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(change, 150);
  });
  for (const select of filters) select.addEventListener("change", change);
  clear.addEventListener("click", () => {
    input.value = "";
    for (const select of filters) select.value = "";
    change();
    input.focus();
  });
  addEventListener("hashchange", restore);
  restore();
});

(() => {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")].filter((one) => !one.closest("aside"));
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
    folded = [];
  });
})();

(() => {
  let all;
  addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[popovertarget]");
    const id = button?.getAttribute("popovertarget");
    if (!id || document.getElementById(id)) return;
    all ??= unpack("proofs");
    const proof = (await all)?.get(id);
    if (!proof || document.getElementById(id)) return;
    document.body.insertAdjacentHTML("beforeend", proof);
    document.getElementById(id).showPopover({ source: button });
  });
})();
