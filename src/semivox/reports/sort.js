"use strict";
// Sorts any table of class "sortable" by a click on a heading, and filters its rows by the words of its search field.
(function () {
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].textContent.trim();
      const rows = Array.from(body.rows).sort((a, b) => {
        const x = value(a), y = value(b), known = (text) => text !== "\u2013";
        if (!known(x) || !known(y)) return known(y) - known(x);
        const one = isNaN(x) || isNaN(y) ? x.localeCompare(y) : Number(x) - Number(y);
        return down ? -one : one;
      });
      body.append(...rows);
    }));
    const field = table.closest("section").querySelector("input[type=search]");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(words);
    });
  }
})();
