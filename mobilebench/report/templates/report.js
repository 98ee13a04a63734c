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

(() => {
  const finder = document.getElementById("finder");
  if (!finder) return;
  const input = document.getElementById("find");
  const found = document.getElementById("found");
  const root = document.documentElement;
  const ENTRIES = "tbody > tr, details.each, .unwatched li, .model .items li, .left-out ul ul li";
  let models;

  const entriesIn = (element) =>
    [...element.querySelectorAll(ENTRIES)].filter((one) => !one.parentElement.closest(".each"));
  const textOf = (one) => {
    const named = one.matches("tr") ? [...one.querySelectorAll("th, .why")] : [one.querySelector(":scope > summary") ?? one];
    const reason = [...(one.parentElement.closest(".left-out li")?.childNodes ?? [])].slice(0, -1);
    return [...named, ...reason].map((node) => node.textContent).join(" ");
  };
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

  const find = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const finding = words.length > 0;
    if (finding && !root.classList.contains("finding")) {
      models = read();
      scrollTo({ top: 0, behavior: "instant" });
    }
    root.classList.toggle("finding", finding);
    let shown = 0;
    let all = 0;
    for (const { model, entries, open } of models ?? []) {
      let any = false;
      for (const { element, text, isCase } of entries) {
        const fits = words.every((word) => text.includes(word));
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
  };

  let later;
  finder.hidden = false;
  input.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(find, 150);
  });
})();
