(() => {
  const bar = document.getElementById("filter"), said = document.getElementById("shown");
  const varied = [...bar.querySelectorAll("[data-of]")].map(select => select.dataset.of);
  const keys = ["q", "notebook", ...varied, "status"];
  const field = Object.fromEntries(keys.map(k =>
    [k, document.getElementById(varied.includes(k) ? `of-${k}` : k)]));
  const runs = [...document.querySelectorAll("[data-state]")].map(row => ({
    row,
    notebook: row.closest("[data-notebook]").dataset.notebook,
    of: Object.fromEntries(varied.map(k => [k, row.getAttribute(`data-of-${k}`) || ""])),
    status: row.dataset.state.split(" "),
    text: [row.textContent, row.dataset.words, row.closest("[data-notebook]").querySelector("h2,h3").textContent]
      .join(" ").toLowerCase(),
  }));
  const blocks = [...document.querySelectorAll("[data-notebook]")];
  const failures = document.getElementById("failed-runs");
  let sorting = "", timer = 0;

  const read = () => {
    const hash = new URLSearchParams(location.hash.slice(1));
    for (const k of keys) {
      field[k].value = hash.get(k) || "";
      if (field[k].selectedIndex === -1) field[k].value = "";
    }
    if (sorting !== (hash.get("sort") || "")) sort(hash.get("sort") || "");
  };
  const write = () => {
    const hash = new URLSearchParams();
    for (const k of keys) if (field[k].value) hash.set(k, field[k].value);
    if (sorting) hash.set("sort", sorting);
    if (location.hash.slice(1) !== hash.toString()) location.replace("#" + hash);
  };
  const show = () => {
    const words = field.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const on = k => field[k].value;
    let count = 0;
    for (const run of runs) {
      const fits = (!on("notebook") || run.notebook === on("notebook")) &&
        varied.every(k => !on(k) || run.of[k] === on(k)) &&
        (!on("status") || run.status.includes(on("status"))) &&
        words.every(word => run.text.includes(word));
      run.row.hidden = !fits;
      count += fits;
    }
    for (const block of blocks) block.hidden = !block.querySelector("[data-state]:not([hidden])");
    if (failures) failures.hidden = !failures.querySelector("[data-state]:not([hidden])");
    said.textContent = count === runs.length ? `${count.toLocaleString("en")} in the list` :
      `${count.toLocaleString("en")} of ${runs.length.toLocaleString("en")} in the list`;
  };
  const value = cell => {
    const text = cell.textContent.trim(), number = parseFloat(text.replace(/[,\s]/g, "").replace("−", "-"));
    return Number.isNaN(number) ? text : number;
  };
  const sort = wanted => {
    sorting = wanted;
    const [name, column, way] = wanted.split(".");
    for (const head of document.querySelectorAll("th[aria-sort]")) head.removeAttribute("aria-sort");
    const table = name && document.querySelector(`section[data-notebook="${CSS.escape(name)}"] table`);
    const head = table && table.tHead.rows[0].cells[+column];
    if (!head) return;
    head.setAttribute("aria-sort", way === "down" ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map(row => [value(row.cells[+column]), row]);
    const sign = way === "down" ? -1 : 1;
    rows.sort(([a], [b]) => typeof a === typeof b ?
      sign * (typeof a === "number" ? a - b : a.localeCompare(b)) : typeof a === "number" ? -1 : 1);
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };

  for (const table of document.querySelectorAll("section[data-notebook] table")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (head.tagName !== "TH") return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.onclick = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        sort(`${table.closest("section").dataset.notebook}.${column}.${down ? "down" : "up"}`);
        write();
      };
    });
  }
  for (const k of keys) field[k].oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { show(); write(); }, k === "q" ? 120 : 0);
  };
  document.getElementById("clear").onclick = () => {
    for (const k of keys) field[k].value = "";
    show(); write(); field.q.focus();
  };
  addEventListener("hashchange", () => { read(); show(); });
  bar.hidden = false;
  read(); show();
})();
