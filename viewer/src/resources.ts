// The table of units: cycles, sizes, FIFO occupancy.
import { h } from "./dom";
import { isPlumbing } from "./drawing";
import { integer, percent, real } from "./format";
import type { Accelerator, Unit } from "./schema";

interface Column {
  title: string;
  key: (unit: Unit) => number | string;
  text?: (unit: Unit) => string;
  share?: (unit: Unit, accelerator: Accelerator) => number;
}

const kColumns: Column[] = [
  { title: "Unit", key: (unit) => unit.layer || unit.name },
  { title: "Kind", key: (unit) => unit.kind },
  { title: "Shape", key: (unit) => unit.shape },
  { title: "PE", key: (unit) => unit.pe, text: (unit) => (isPlumbing(unit) ? "" : String(unit.pe)) },
  { title: "SIMD", key: (unit) => unit.simd, text: (unit) => (unit.kind === "MatrixVector" || unit.kind === "VectorVector" ? String(unit.simd) : "") },
  { title: "Cycles", key: (unit) => unit.cycles, share: (unit, all) => unit.cycles / Math.max(1, all.ii_cycles) },
  { title: "LUT", key: (unit) => unit.luts, share: (unit, all) => unit.luts / Math.max(1, all.luts) },
  { title: "FF", key: (unit) => unit.ffs, share: (unit, all) => unit.ffs / Math.max(1, all.ffs) },
  { title: "BRAM36", key: (unit) => unit.bram36, share: (unit, all) => unit.bram36 / Math.max(0.5, all.bram36) },
  { title: "DSP", key: (unit) => unit.dsps, share: (unit, all) => unit.dsps / Math.max(1, all.dsps) },
];

export class ResourceTable {
  readonly element: HTMLElement;
  onPick: (unit: Unit) => void = () => {};
  private readonly body = h("tbody");
  private readonly foot = h("tfoot");
  private readonly heads: HTMLTableCellElement[] = [];
  private readonly fifos = h("div");
  private readonly plumbing: HTMLInputElement;
  private sorted = -1;
  private descending = true;
  private accelerator: Accelerator | null = null;

  constructor() {
    const row = h("tr");
    kColumns.forEach((column, index) => {
      const head = h("th", { scope: "col" }, h("button", { type: "button", onclick: () => this.sortBy(index) }, column.title));
      this.heads.push(head);
      row.append(head);
    });
    this.plumbing = h("input", { type: "checkbox", onchange: () => this.paint() });
    this.element = h(
      "div",
      { class: "resources" },
      h("label", { class: "inline" }, this.plumbing, " converters, FIFOs and other plumbing, one by one"),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Units" },
        h("table", { id: "units" }, h("caption", { class: "unseen" }, "Units of the accelerator"), h("thead", {}, row), this.body, this.foot)),
      this.fifos,
    );
  }

  show(accelerator: Accelerator): void {
    this.accelerator = accelerator;
    this.paint();
  }

  private sortBy(index: number): void {
    this.descending = this.sorted === index ? !this.descending : index > 2;
    this.sorted = index;
    this.paint();
  }

  private paint(): void {
    const accelerator = this.accelerator;
    if (accelerator === null) return;
    this.heads.forEach((head, index) => {
      if (index === this.sorted) head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const hidden = accelerator.units.filter((unit) => isPlumbing(unit) && !this.plumbing.checked);
    const units = accelerator.units.filter((unit) => !hidden.includes(unit));
    if (this.sorted >= 0) {
      const { key } = kColumns[this.sorted];
      units.sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        return this.descending ? -order : order;
      });
    }
    const cell = (column: Column, unit: Unit) => {
      const value = column.key(unit);
      const text = column.text?.(unit) ?? (typeof value === "number" ? (value === 0 ? "–" : real(value)) : value);
      const td = h("td", { class: typeof value === "number" ? "number" : "" }, text);
      if (column.share) td.style.setProperty("--share", `${Math.min(100, column.share(unit, accelerator) * 100)}%`);
      if (column.share) td.classList.add("bar-cell");
      return td;
    };
    this.body.replaceChildren(
      ...units.map((unit) => {
        const row = h("tr", { "data-unit": unit.name }, ...kColumns.slice(1).map((column) => cell(column, unit)));
        row.prepend(
          h("th", { scope: "row" }, h("button", { type: "button", title: "Show in the graph", onclick: () => this.onPick(unit) }, unit.layer || unit.name)),
        );
        return row;
      }),
    );
    const sum = (key: "luts" | "ffs" | "bram36" | "dsps") => hidden.reduce((total, unit) => total + unit[key], 0);
    const footRow = (name: string, ...cells: string[]) =>
      h("tr", {}, h("th", { scope: "row", colspan: 5 }, name), ...cells.map((text) => h("td", { class: "number" }, text)));
    const { utilisation } = accelerator;
    this.foot.replaceChildren(
      ...(hidden.length > 0
        ? [footRow(`between them, ${hidden.length} units`, "", integer(sum("luts")), integer(sum("ffs")), real(sum("bram36")), integer(sum("dsps")))]
        : []),
      footRow("total", integer(accelerator.ii_cycles), integer(accelerator.luts), integer(accelerator.ffs), real(accelerator.bram36), integer(accelerator.dsps)),
      footRow(`of ${accelerator.board}`, "", percent(utilisation.luts), percent(utilisation.ffs), percent(utilisation.bram36), percent(utilisation.dsps)),
    );
    this.paintFifos(accelerator);
  }

  private paintFifos(accelerator: Accelerator): void {
    const fifos = accelerator.units.filter((unit) => unit.depth_beats !== undefined);
    if (fifos.length === 0) {
      this.fifos.replaceChildren(h("p", { class: "soft" }, "No FIFO is needed: no stream waits for another at this rate."));
      return;
    }
    const rows = fifos.map((unit) => {
      const depth = unit.depth_beats ?? 1;
      const peak = unit.peak_beats ?? 0;
      const bar = h("td", { class: "number bar-cell" }, `${integer(peak)} of ${integer(depth)} beats`);
      bar.style.setProperty("--share", `${Math.min(100, (peak / depth) * 100)}%`);
      return h("tr", {}, h("th", { scope: "row" }, unit.name), bar, h("td", {}, unit.shape));
    });
    const head = h("tr", {}, ...["FIFO", "most held", "shape"].map((text) => h("th", { scope: "col" }, text)));
    this.fifos.replaceChildren(h("h2", {}, "FIFO occupancy"), h("div", { class: "scroll" }, h("table", { id: "fifos" }, h("thead", {}, head), h("tbody", {}, ...rows))));
  }
}
