// Puts a report on the page: the maps, their blocks, the components, the examples that dominate them.
(() => {
  "use strict";
  const { Heatmap, bars, line, npz } = globalThis.cka;
  const get = (id) => document.getElementById(id);
  const LOW = -1, HIGH = 1.2; // of the 16-bit numbers; 0 is NaN

  function decoded(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const steps = new Uint16Array(bytes.buffer);
    return Float32Array.from(steps, (step) => (step ? LOW + ((step - 1) / 65534) * (HIGH - LOW) : NaN));
  }

  function element(tag, text, parent) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  function minus(report, other) {
    const known = new Map(other.panels.map((panel) => [panel.title, panel]));
    const same = (a, b) => a.length === b.length;
    const found = [];
    for (const panel of report.panels) {
      const base = known.get(panel.title) || (panel === report.panels[0] ? other.panels[0] : undefined);
      if (!base || !same(panel.rows, base.rows) || !same(panel.columns, base.columns)) continue;
      const left = decoded(panel.values), right = decoded(base.values);
      found.push({ ...panel, values: left.map((value, at) => value - right[at]), error: null, blocks: [], sought: false, difference: true, note: `${panel.title} of this report minus that of ${other.title}.${panel.inputs === base.inputs ? "" : " They saw different data."}` });
    }
    return found;
  }

  function start(report, other) {
    get("title").textContent = other ? `${report.title} minus ${other.title}` : report.title;
    get("made").textContent = report.made;
    const panels = other ? minus(report, other) : report.panels.map((panel) => ({ ...panel, values: decoded(panel.values), error: decoded(panel.error) }));
    if (!panels.length) {
      get("note").textContent = "The two reports have different layers, so no map of one can be taken from the other's.";
      return;
    }
    const map = new Heatmap(get("map"), get("reading"));
    const tabs = panels.map((panel) => tab(panel, () => show(map, panel, report, tabs)));
    get("overlay").addEventListener("change", (event) => {
      map.overlay = event.target.checked;
      map.draw();
    });
    for (const button of document.querySelectorAll("[data-save]")) button.addEventListener("click", () => save(map, button.dataset.save));
    for (const button of document.querySelectorAll("[data-zoom]")) {
      const factor = Number(button.dataset.zoom);
      button.addEventListener("click", () => (factor ? map.zoomMiddle(factor) : map.whole()));
    }
    document.addEventListener("scheme", () => beneath(report, map.panel)); // light or dark: canvases keep their colours
    facts(report);
    show(map, panels[0], report, tabs);
    globalThis.cka.map = map;
  }

  function tab(panel, choose) {
    const button = element("button", panel.title, get("tabs"));
    button.type = "button";
    button.setAttribute("role", "tab");
    button.addEventListener("click", choose);
    button.panel = panel;
    return button;
  }

  function show(map, panel, report, tabs) {
    for (const button of tabs) button.setAttribute("aria-selected", String(button.panel === panel));
    get("note").textContent = panel.note;
    get("map").setAttribute("aria-label", `${panel.title}: ${panel.rows.length} by ${panel.columns.length} layers`);
    map.show(panel);
    map.scale(get("scale"), document.querySelectorAll(".cka-ends span"));
    get("across").textContent = `layers of ${panel.columnModel || "the model"} →`;
    get("upward").textContent = `layers of ${panel.rowModel || "the model"} →`;
    blocks(panel);
    const { spectrum, probes } = beneath(report, panel);
    map.describe = (column) => {
      const share = spectrum && spectrum.share[column];
      const probed = probes && probes.find((row) => row[0] === panel.columns[column]);
      return (share ? `  ·  PC1 ${share.toFixed(3)}` : "") + (probed ? `  ·  probe ${probed[1].toFixed(3)}` : "");
    };
    dominant(spectrum);
  }

  // Draws what is known of the columns' layers below the map.
  function beneath(report, panel) {
    const spectrum = report.spectra[panel.columnModel], probes = report.probes[panel.columnModel];
    get("strip").hidden = !spectrum;
    if (spectrum) bars(get("strip"), spectrum.share, `share of the first principal component, ${panel.columnModel}`);
    get("curve").hidden = !probes;
    if (probes) line(get("curve"), probes.map((row) => row[1]), `accuracy of linear probes, ${panel.columnModel}, test data`);
    return { spectrum, probes };
  }

  function blocks(panel) {
    const place = get("blocks");
    place.replaceChildren();
    get("overlay").parentElement.hidden = !panel.blocks || !panel.blocks.length;
    if (!panel.sought) return;
    element("h2", "Blocks", place);
    if (!panel.blocks.length) {
      element("p", "No block of similar layers.", place).className = "hint";
      return;
    }
    const controlled = panel.blocks.some((block) => block.control !== null);
    const table = element("table", "", place);
    const head = element("tr", "", table);
    for (const name of ["layers", "mean CKA", ...(controlled ? ["untrained"] : []), "p"]) element("th", name, head);
    for (const block of panel.blocks) {
      const row = element("tr", "", table);
      const cell = element("td", `${block.first}–${block.last}`, row);
      element("span", `${panel.rows[block.first]} … ${panel.rows[block.last]}`, cell).className = "cka-names";
      for (const value of controlled ? [block.mean, block.control] : [block.mean]) element("td", value === null ? "" : value.toFixed(2), row);
      element("td", block.p_value === null ? "" : block.p_value.toPrecision(1), row);
    }
    element("p", "p: share of random orders of the layers with a block as long. Neighbours resemble each other in any network: look at an untrained one.", place).className = "hint";
  }

  function dominant(spectrum) {
    const place = get("dominant");
    place.replaceChildren();
    if (!spectrum || !spectrum.dominant.length) return;
    element("h2", "Examples that dominate the first component", place);
    const list = element("ul", "", place);
    list.className = "cka-pictures";
    for (const one of spectrum.dominant) {
      const item = element("li", "", list);
      if (one.picture) {
        const image = element("img", "", item);
        image.src = one.picture;
        image.alt = one.label || `example ${one.example}`;
      }
      element("span", `#${one.example} ${one.label} ${(100 * one.share).toFixed(1)}\u00a0%`, item);
    }
  }

  function facts(report) {
    const place = get("notes");
    if (report.notes.length) element("h2", "Notes", place);
    const list = element("ul", "", place);
    for (const note of report.notes) element("li", note, list);
    for (const [name, value] of Object.entries(report.facts)) {
      const row = element("tr", "", get("facts"));
      element("th", name.replaceAll("_", " "), row);
      element("td", typeof value === "object" ? JSON.stringify(value) : String(value), row);
    }
  }

  function save(map, form) {
    const { rows, columns, values, title } = map.panel;
    const name = title.replace(/\W+/g, "-");
    const give = (blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${name}.${form}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    };
    if (form === "svg") give(new Blob([map.svg()], { type: "image/svg+xml" }));
    else if (form === "csv") give(new Blob([map.csv()], { type: "text/csv" }));
    else if (form === "npz") give(npz(rows, columns, values));
    else map.canvas.toBlob(give);
  }

  async function begin() {
    const inside = get("data");
    if (inside) return start(JSON.parse(inside.textContent));
    const source = document.querySelector("[data-source]").dataset.source;
    const answer = await fetch(source);
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail);
    return start(said.report, said.against);
  }

  begin().catch((problem) => (get("problem").textContent = `The report cannot be shown. ${problem.message}`));
})();
