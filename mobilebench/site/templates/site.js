(() => {
  const root = document.documentElement;
  const button = document.getElementById("scheme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = (value) => {
    try {
      if (value) localStorage.setItem("mobilebench-scheme", value);
      return localStorage.getItem("mobilebench-scheme");
    } catch {
      return null;
    }
  };
  const current = () => root.dataset.scheme || (dark.matches ? "dark" : "light");
  const tell = () => {
    const other = current() === "dark" ? "light" : "dark";
    button.textContent = other === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `Use the ${other} colours`);
  };
  const before = kept();
  if (before === "dark" || before === "light") root.dataset.scheme = before;
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.scheme = current() === "dark" ? "light" : "dark";
    kept(root.dataset.scheme);
    tell();
  });
  dark.addEventListener("change", tell);
  tell();
})();

(() => {
  const input = document.getElementById("find");
  if (!input) return;
  const found = document.getElementById("found");
  const rows = [...document.querySelectorAll("table.lines tbody tr, table.nights tbody tr")];
  const texts = rows.map((row) => `${row.closest("section")?.querySelector("h2")?.textContent ?? ""} ${row.textContent}`.toLowerCase());
  const find = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, place) => {
      row.hidden = !words.every((word) => texts[place].includes(word));
      shown += !row.hidden;
    });
    for (const section of document.querySelectorAll("section:not(.hero)")) {
      const own = [...section.querySelectorAll("tbody tr")];
      section.hidden = words.length > 0 && own.length > 0 && own.every((row) => row.hidden);
    }
    found.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  };
  input.closest("search").hidden = false;
  input.addEventListener("input", find);
  find();
})();
