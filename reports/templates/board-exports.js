// CSV, Markdown and LaTeX of exactly what the table shows, read from the table itself: shown, copied or downloaded.
const boardExports = (table, view, stateOf) => {
  "use strict";
  const dialog = document.getElementById("export");
  const [text, file, said] = ["text", "file", "said"].map((name) => document.getElementById(`export-${name}`));
  const words = (element) => (element ? element.textContent.replace(/\s+/g, " ").trim() : "");

  // What stands in a cell. Best counts only among those ranked together.
  function value(cell) {
    const [value, gain, interval] = ["value", "gain", "interval"].map((name) => words(cell.querySelector(`.${name}`)));
    const best = cell.classList.contains("best") && !cell.closest(".oracles");
    return { value: value || words(cell), gain, interval, best };
  }

  function line(row) {
    const [rank, method, seeds, ...cells] = row.cells;
    const marks = [...method.querySelectorAll(".mark")].map(words);
    const name = words(method.querySelector("a")) || words({ textContent: method.firstChild.textContent });
    const reason = row.querySelector(".reason");
    return {
      rank: words(rank.firstChild), span: words(rank.querySelector(".span")), name, marks, seeds: words(seeds),
      reason: words(reason), cells: reason ? [] : cells.map(value),
    };
  }

  function read() {
    const columns = [...table.tHead.rows[0].cells].slice(3).map((head) => {
      const small = head.querySelector("small");
      return { name: words(head.querySelector("button").firstChild), where: words(small) };
    });
    const rows = [...table.tBodies, table.tFoot].flatMap((part) => [...part.rows]);
    return { columns, rows: rows.filter((row) => !row.hidden && !row.matches(".divider")).map(line) };
  }

  const full = ({ name, where }) => (where ? `${name} (${where})` : name);
  const caption = () => {
    const { level, region } = stateOf();
    return [view.task, `level ${level}`, region && `region ${region}`].filter(Boolean).join(", ");
  };

  function csv({ columns, rows }) {
    const plain = (words) => words.replace(/\u2212/g, "-").replace(/^–$/, "");
    const safe = (words) => (/^[=+\-@\t]/.test(words) ? `'${words}` : words); // a spreadsheet would run it
    const quoted = (words) => (/[",\r\n]/.test(words) ? `"${words.replace(/"/g, '""')}"` : words);
    const each = columns.flatMap((column) => [full(column), ...["lo", "hi", "gain"].map((end) => `${full(column)} ${end}`)]);
    const lines = rows.map(({ rank, span, name, marks, seeds, reason, cells }) => [
      plain(rank), span.replace(/[()]/g, ""), safe(name), seeds.replace(/^–$/, ""),
      ...(reason ? columns.flatMap(() => ["", "", "", ""]) : cells.flatMap((cell) => {
        const [lo, hi] = cell.interval ? cell.interval.split(" … ") : ["", ""];
        return [cell.value, lo, hi, cell.gain].map(plain);
      })),
      safe([...marks, reason].filter(Boolean).join("; ")),
    ]);
    const head = ["rank", "rank interval", "method", "seeds", ...each, "note"];
    return [head, ...lines].map((cells) => cells.map(quoted).join(",")).join("\n");
  }

  const shown = (cell, bold, small) => [
    cell.best ? bold(cell.value) : cell.value,
    stateOf().numbers && cell.interval ? small(`[${cell.interval}]`) : "",
    cell.gain ? small(cell.gain) : "",
  ].filter(Boolean).join(" ");
  const described = ({ name, marks }, escaped) => [escaped(name), ...marks.map((mark) => `(${escaped(mark)})`)].join(" ");

  function markdown({ columns, rows }) {
    const escaped = (words) => words.replace(/[\\`*_{}[\]<>|#&]/g, (sign) => `&#${sign.charCodeAt(0)};`);
    const lines = rows.map((row) => [
      [row.rank, row.span].filter(Boolean).join(" "), described(row, escaped), row.seeds,
      ...(row.reason ? [escaped(row.reason), ...columns.slice(1).map(() => "")]
        : row.cells.map((cell) => shown(cell, (words) => `**${words}**`, (words) => `(${words})`))),
    ]);
    const head = [["rank", "method", "seeds", ...columns.map((column) => escaped(full(column)))], ["--:", ":--", "--:", ...columns.map(() => "--:")]];
    return [`${escaped(caption())}\n`, ...[...head, ...lines].map((cells) => `| ${cells.join(" | ")} |`)].join("\n");
  }

  function latex({ columns, rows }) {
    const signs = {
      "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\u2212": "$-$", "↑": "$\\uparrow$",
      "↓": "$\\downarrow$", "–": "--", "…": "\\ldots{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}",
    };
    const escaped = (words) => words.replace(/[\\~^\u2212↑↓–…<>|]|[&%$#_{}]/g, (sign) => signs[sign] ?? `\\${sign}`);
    const small = (words) => `{\\scriptsize ${words}}`;
    const cell = (it) => shown(
      { ...it, value: escaped(it.value), gain: escaped(it.gain), interval: escaped(it.interval) },
      (words) => `\\textbf{${words}}`, small,
    );
    const lines = rows.map((row) => [
      [row.rank, row.span].filter(Boolean).map(escaped).join(" "), described(row, escaped), escaped(row.seeds),
      ...(row.reason ? [`\\multicolumn{${columns.length}}{l}{${escaped(row.reason)}}`] : row.cells.map(cell)),
    ]);
    const ruled = (cells) => `${cells.join(" & ")} \\\\`;
    return [
      `% ${caption()}; needs \\usepackage{booktabs}`, `\\begin{tabular}{rlr${"r".repeat(columns.length)}}`, "\\toprule",
      ruled(["rank", "method", "seeds", ...columns.map((column) => escaped(full(column)))]), "\\midrule",
      ...lines.map(ruled), "\\bottomrule", "\\end{tabular}",
    ].join("\n");
  }

  const formats = { CSV: [csv, "csv", "text/csv"], Markdown: [markdown, "md", "text/markdown"], LaTeX: [latex, "tex", "application/x-tex"] };

  function open(name) {
    const [make, ending, type] = formats[name];
    text.value = `${make(read())}\n`;
    document.getElementById("export-name").textContent = `${name} of the table as shown`;
    URL.revokeObjectURL(file.href);
    file.href = URL.createObjectURL(new Blob([text.value], { type: `${type};charset=utf-8` }));
    file.download = `${location.pathname.split("/").pop().replace(/\.html$/, "") || "board"}.${ending}`;
    said.textContent = "";
    dialog.showModal();
    text.select();
  }

  async function copy() {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      said.textContent = "copied";
    } catch { // not allowed here: what is selected can be copied by hand
      said.textContent = document.execCommand("copy") ? "copied" : "press Ctrl+C";
    }
  }

  document.getElementById("exports").addEventListener("click", ({ target }) => {
    if (target.dataset.export) open(target.dataset.export);
  });
  dialog.addEventListener("click", ({ target }) => {
    if (target.dataset.do === "copy") copy();
    if (target.dataset.do === "close" || target === dialog) dialog.close();
  });
};
