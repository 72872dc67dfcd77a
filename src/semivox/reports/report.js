"use strict";
// Sorts, filters and opens the cases of a report, and keeps ratings.
(function () {
  const all = (query, from) => Array.from((from || document).querySelectorAll(query));
  const table = document.getElementById("cases");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = all("tr.case", body);
  const detailOf = (row) => document.getElementById(row.dataset.detail);

  // Sorting: numbers by value, the rest as words; rows without a value come last.
  function sort(head) {
    const column = head.cellIndex, down = head.getAttribute("aria-sort") === "ascending";
    all("th", table.tHead).forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.value;
    const compared = (a, b) => {
      const x = value(a), y = value(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const one = isNaN(x) || isNaN(y) ? x.localeCompare(y) : Number(x) - Number(y);
      return down ? -one : one;
    };
    rows.sort(compared).forEach((row) => body.append(row, detailOf(row)));
  }
  all("th button", table.tHead).forEach((one) => one.addEventListener("click", () => sort(one.closest("th"))));

  // Worst, median or best first, by the Dice of the method; without one first, as it needs a look most.
  document.getElementById("order").addEventListener("change", (event) => {
    all("th", table.tHead).forEach((one) => one.removeAttribute("aria-sort"));
    const dice = (row) => row.cells[2].dataset.value === "" ? -1 : Number(row.cells[2].dataset.value);
    const ordered = rows.slice().sort((a, b) => dice(a) - dice(b));
    const middle = dice(ordered[Math.floor(ordered.length / 2)]);
    if (event.target.value === "median") ordered.sort((a, b) => Math.abs(dice(a) - middle) - Math.abs(dice(b) - middle));
    if (event.target.value === "best") ordered.reverse();
    rows.splice(0, rows.length, ...ordered);
    rows.forEach((row) => body.append(row, detailOf(row)));
  });

  const filter = document.getElementById("filter"), only = document.getElementById("only");
  function show() {
    const words = filter.value.toLowerCase();
    let count = 0;
    for (const row of rows) {
      const kept = row.textContent.toLowerCase().includes(words) &&
        (only.value === "" || (only.value === "warned" ? row.dataset.warned === "1" : row.dataset.rating === only.value));
      row.hidden = !kept;
      if (!kept) open(row, false);
      count += kept;
    }
    document.getElementById("count").textContent = count + " of " + rows.length + " cases";
  }
  filter.addEventListener("input", show);
  only.addEventListener("change", show);

  function open(row, wanted) {
    detailOf(row).hidden = !wanted;
    row.querySelector(".open").setAttribute("aria-expanded", String(wanted));
  }
  rows.forEach((row) => {
    row.addEventListener("click", () => open(row, detailOf(row).hidden));
  });
  document.addEventListener("keydown", (event) => {
    if (/INPUT|SELECT|TEXTAREA/.test(event.target.tagName) || event.target.closest("#viewer")) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const seen = rows.filter((row) => !row.hidden);
    const now = seen.findIndex((row) => !detailOf(row).hidden);
    const next = seen[Math.min(Math.max(now + step, 0), seen.length - 1)];
    if (!next) return;
    seen.forEach((row) => open(row, row === next));
    next.querySelector(".open").focus();
    next.scrollIntoView({ block: "start" });
  });

  // Flicker: one column of the picture after another at the same place.
  all(".flicker").forEach((button) => {
    const frame = button.closest(".shown").querySelector(".picture"), picture = frame.querySelector("img");
    const names = JSON.parse(button.dataset.columns), said = button.nextElementSibling;
    const pictures = Number(button.dataset.pictures);  // labels, and maps that do not take part
    let timer = null, at = 0;
    function draw() {
      picture.style.marginLeft = -100 * at + "%";
      said.textContent = names[at];
      at = (at + 1) % names.length;
    }
    button.addEventListener("click", () => {
      if (timer) {
        clearInterval(timer); timer = null; said.textContent = ""; frame.classList.remove("one");
        picture.style.width = ""; picture.style.marginLeft = ""; frame.style.width = "";
      } else {
        frame.style.width = picture.naturalWidth / pictures + "px";
        frame.classList.add("one"); picture.style.width = 100 * pictures + "%";
        at = 0; draw(); timer = setInterval(draw, 700);
      }
      button.setAttribute("aria-pressed", String(timer !== null));
    });
  });

  // Ratings: kept in the browser where it allows that, else as long as the page is open.
  const about = JSON.parse(document.getElementById("report-about").textContent);
  const key = "semivox-ratings-" + about.split + "-" + about.plan + "-" + about.model;
  let ratings = {};
  try { ratings = JSON.parse(localStorage.getItem(key)) || {}; } catch (error) { ratings = {}; }
  function keep() {
    try { localStorage.setItem(key, JSON.stringify(ratings)); } catch (error) { /* kept in memory */ }
    const count = Object.values(ratings).filter((one) => one.rating).length;
    document.getElementById("rated").textContent = count + " rated";
  }
  function rate(name, box, drawn) {
    const buttons = all("[data-rate]", box);
    function draw() {
      const own = ratings[name] || {};
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.rate === own.rating)));
      drawn(own.rating || "");
    }
    buttons.forEach((one) => one.addEventListener("click", () => {
      const old = ratings[name] || { note: "" };
      ratings[name] = { ...old, rating: old.rating === one.dataset.rate ? "" : one.dataset.rate };
      draw(); keep();
    }));
    draw();
  }
  rows.forEach((row) => {
    const name = row.dataset.case, box = detailOf(row), mark = row.querySelector(".mark");
    const note = box.querySelector(".rating-note");
    note.value = (ratings[name] || {}).note || "";
    note.addEventListener("input", () => { ratings[name] = { rating: "", ...ratings[name], note: note.value }; keep(); });
    rate(name, box, (rating) => {
      mark.textContent = rating;
      mark.dataset.value = rating;
      row.dataset.rating = rating || "unrated";
    });
  });
  // Labels of unlabeled scans: these are the ratings by which semivox suggest goes.
  // Their buttons are made here, since a page may have a thousand such rows.
  all("tr.unlabeled").forEach((row) => {
    const tools = document.createElement("span");
    tools.className = "tools";
    ["use", "correct", "reject"].forEach((rating) => {
      const button = tools.appendChild(document.createElement("button"));
      button.type = "button";
      button.dataset.rate = button.textContent = rating;
      button.setAttribute("aria-label", rating + " the label of " + row.dataset.case);
    });
    row.lastElementChild.append(tools);
    rate(row.dataset.case, row, () => {});
  });
  keep();
  document.getElementById("download").addEventListener("click", () => {
    const listed = Object.entries(ratings).filter(([, one]) => one.rating || one.note)
      .map(([name, one]) => ({ case: name, rating: one.rating || null, note: one.note || "" }));
    const text = JSON.stringify({ version: 1, ...about, ratings: listed }, null, 2) + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "ratings.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
})();
