import { detailsOf } from "./details";
import { h } from "./dom";
import { drawAccelerator, drawGraph, type Box, type Colouring } from "./drawing";
import { integer, percent } from "./format";
import { GraphView } from "./graph_view";
import { LogPanel, SamplesPanel, TrainingPanel } from "./panels";
import { ResourceTable } from "./resources";
import type { Accelerator, Diagnostic, Live, Step, Streams, ViewData } from "./schema";
import { StreamsPanel } from "./streams";
import "./style.css";
import { TargetStrip } from "./target";

const kVersion = 1; // of the view document
const kPollMilliseconds = 1000;

class Page {
  private readonly graph = new GraphView();
  private readonly panel = h("aside", { class: "panel", id: "details", tabindex: "0", "aria-label": "Details", "aria-live": "polite" });
  private readonly table = new ResourceTable();
  private readonly streams = new StreamsPanel();
  private readonly training = new TrainingPanel();
  private readonly samples = new SamplesPanel();
  private readonly log = new LogPanel();
  private readonly strip: TargetStrip;
  private readonly steps = h("ol", { class: "steps", "aria-label": "Steps" });
  private readonly about = h("p", { class: "about" });
  private readonly notes = h("div");
  private readonly results = h("ul", { class: "results", role: "listbox", id: "results", "aria-label": "Found nodes", hidden: true });
  private readonly found = h("span", { class: "soft", role: "status" });
  private readonly search: HTMLInputElement;
  private readonly colouring: HTMLSelectElement;
  private readonly colourLabel: HTMLElement;
  private readonly heading = h("h1");
  private readonly subtitle = h("span", { class: "soft" });
  private readonly tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Views" });
  private readonly views = new Map<string, { tab: HTMLButtonElement; body: HTMLElement }>();
  private accelerator: Accelerator | null;
  private streamsShown: Accelerator | null = null;
  private step: Step | null = null;
  private revision: string | null = null;

  constructor(
    private data: ViewData,
    live: boolean,
  ) {
    this.accelerator = data.accelerator;
    this.strip = new TargetStrip(data, live);
    this.search = h("input", {
      type: "search",
      id: "search",
      placeholder: "Search nodes ( / )",
      "aria-label": "Search nodes by name, operator or tensor",
      "aria-controls": "results",
      autocomplete: "off",
    });
    this.colouring = h(
      "select",
      { id: "colouring" },
      ...[["kind", "kind"], ["cycles", "cycles"], ["luts", "LUT"], ["ffs", "FF"], ["bram36", "BRAM36"], ["dsps", "DSP"]].map(([value, text]) => h("option", { value }, text)),
    );
    this.colourLabel = h("label", { class: "inline" }, "Colour by ", this.colouring);
    this.addViews();
    document.querySelector("#app")?.replaceChildren(
      h("a", { class: "skip", href: "#main" }, "Skip to the graph"),
      h(
        "header",
        {},
        h("div", { class: "brand" }, this.heading, this.subtitle),
        this.tabs,
        h("button", { type: "button", class: "theme", "aria-label": "Light or dark", title: "Light or dark", onclick: () => this.toggleTheme() }, "◐"),
      ),
      this.strip.element,
      h("main", { id: "main" }, ...[...this.views.values()].map((view) => view.body)),
    );
    this.connect();
    this.load(data);
    if (live) void this.poll();
  }

  private addViews(): void {
    const searching = h("div", { class: "searching" }, this.search, this.found, this.results);
    const toolbar = h("div", { class: "toolbar" }, this.steps, searching, this.colourLabel);
    this.addView("graph", "Graph", h("div", { class: "graph-view" }, toolbar, this.about, this.notes, h("div", { class: "split" }, this.graph.element, this.panel)));
    this.addView("resources", "Resources", this.table.element);
    this.addView("streams", "Streams", this.streams.element);
    this.addView("training", "Training", this.training.element);
    this.addView("samples", "Samples", this.samples.element);
    this.addView("log", "UART", this.log.element);
  }

  private addView(id: string, title: string, content: HTMLElement): void {
    const tab = h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `view-${id}`, onclick: () => this.open(id) }, title);
    const body = h("div", { role: "tabpanel", id: `view-${id}`, class: `view view-${id}`, "aria-labelledby": `tab-${id}` }, content);
    this.views.set(id, { tab, body });
    this.tabs.append(tab);
  }

  private open(id: string): void {
    for (const [name, { tab, body }] of this.views) {
      tab.setAttribute("aria-selected", String(name === id));
      tab.tabIndex = name === id ? 0 : -1;
      body.hidden = name !== id;
    }
    if (id === "training") this.training.chart.remake();
    if (id === "streams") void this.showStreams();
  }

  // Those of the folder stand in the document; for another rate they are asked for once somebody looks.
  private async showStreams(): Promise<void> {
    const accelerator = this.accelerator;
    if (accelerator === null || this.streamsShown === accelerator) return;
    let streams = accelerator === this.data.accelerator ? this.data.streams : null;
    if (streams === null) {
      try {
        const answer = (await (await fetch(`api/streams?ii=${accelerator.target_ii_cycles}`)).json()) as Streams | { error: Diagnostic };
        streams = "error" in answer ? null : answer;
      } catch {
        return; // the strip above says that the server is gone
      }
    }
    if (streams === null || accelerator !== this.accelerator) return;
    this.streamsShown = accelerator;
    this.streams.show(streams, accelerator);
  }

  private get current(): string {
    for (const [name, { body }] of this.views) if (!body.hidden) return name;
    return "graph";
  }

  private offer(id: string, available: boolean): void {
    const view = this.views.get(id);
    if (view) view.tab.hidden = !available;
  }

  private connect(): void {
    this.graph.onSelect = (box) => this.describe(box);
    this.strip.onAccelerator = (accelerator) => {
      this.accelerator = accelerator;
      this.table.show(accelerator);
      if (this.current === "streams") void this.showStreams();
      if (this.step?.id === "accelerator") this.drawStep(true);
      this.showNotes();
    };
    this.table.onPick = (unit) => {
      this.open("graph");
      const step = this.data.steps.find((one) => one.id === "accelerator");
      if (step) this.openStep(step);
      const index = this.accelerator?.units.findIndex((one) => one.name === unit.name) ?? -1;
      this.graph.select(`n${index}`);
    };
    this.colouring.addEventListener("change", () => this.drawStep(true));
    this.search.addEventListener("input", () => this.find());
    this.search.addEventListener("keydown", (event) => {
      const first = this.results.querySelector<HTMLElement>("[role=option]");
      if (event.key === "Enter" && first) first.click();
      else if (event.key === "ArrowDown" && first) first.focus();
      else if (event.key === "Escape") {
        this.search.value = "";
        this.find();
      } else return;
      event.preventDefault();
    });
    this.results.addEventListener("keydown", (event) => {
      const here = document.activeElement as HTMLElement | null;
      if (event.key === "ArrowDown") (here?.nextElementSibling as HTMLElement | null)?.focus();
      else if (event.key === "ArrowUp") ((here?.previousElementSibling as HTMLElement | null) ?? this.search).focus();
      else if (event.key === "Enter" || event.key === " ") here?.click();
      else if (event.key === "Escape") this.search.focus();
      else return;
      event.preventDefault();
    });
    this.tabs.addEventListener("keydown", (event) => {
      const direction = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (direction === 0) return;
      const tabs = [...this.views].filter(([, view]) => !view.tab.hidden);
      const at = tabs.findIndex(([name]) => name === this.current);
      const [name, view] = tabs[(at + direction + tabs.length) % tabs.length];
      this.open(name);
      view.tab.focus();
    });
    document.addEventListener("keydown", (event) => {
      const typing = (event.target as Element).closest("input, select, textarea") !== null;
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.open("graph");
      this.search.focus();
    });
  }

  // Takes a document: at the start, and again when the folder changed.
  private load(data: ViewData): void {
    this.data = data;
    this.accelerator = data.accelerator;
    document.title = `${data.title} · Qloom`;
    this.heading.textContent = data.title;
    this.subtitle.textContent = data.constants > 0 ? `${integer(data.constants)} constants` : "";
    this.strip.element.hidden = data.accelerator === null;
    this.strip.reset(data);
    this.steps.replaceChildren(
      ...data.steps.map((step, index) =>
        h("li", {}, h("button", { type: "button", "data-step": step.id, onclick: () => this.openStep(step) }, h("span", { "aria-hidden": "true" }, `${index + 1} `), step.title)),
      ),
    );
    this.offer("graph", data.steps.length > 0);
    this.offer("resources", data.accelerator !== null);
    this.offer("streams", data.accelerator !== null);
    this.offer("samples", data.simulation !== null);
    this.offer("training", data.training !== null);
    this.offer("log", false);
    if (data.accelerator) this.table.show(data.accelerator);
    if (data.training) this.training.show(data.training);
    if (data.simulation) this.samples.show(data.simulation);
    this.showNotes();
    const step = data.steps.find((one) => one.id === this.step?.id) ?? data.steps[data.steps.length - 1];
    this.open(step ? "graph" : "training");
    if (step) this.openStep(step);
  }

  private openStep(step: Step): void {
    this.step = step;
    for (const button of this.steps.querySelectorAll("button")) {
      if (button.dataset["step"] === step.id) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    }
    this.about.textContent = step.about;
    this.colourLabel.hidden = step.id !== "accelerator";
    this.drawStep(false);
    this.describe(null);
    if (this.search.value !== "") this.find();
  }

  private drawStep(keepPlace: boolean): void {
    if (this.step === null) return;
    const start = performance.now();
    if (this.step.id === "accelerator") {
      if (this.accelerator === null) return;
      this.graph.show(drawAccelerator(this.accelerator, this.colouring.value as Colouring), keepPlace);
    } else if (this.step.graph !== null) {
      this.graph.show(drawGraph(this.step.graph), keepPlace);
    }
    performance.measure("qloom:draw", { start, end: performance.now(), detail: { step: this.step.id } });
    if (keepPlace) {
      const pressed = this.graph.element.querySelector<SVGGElement>("g.box.selected");
      this.describe(this.graph.boxes.find((box) => box.id === pressed?.dataset["id"]) ?? null);
    }
  }

  private describe(box: Box | null): void {
    if (this.step === null) return;
    const network = this.data.steps.find((step) => step.id === "network")?.graph ?? null;
    this.panel.replaceChildren(box === null ? this.summary() : detailsOf(box, this.step, this.accelerator, network));
  }

  // The panel while nothing is selected.
  private summary(): HTMLElement {
    const kinds = new Map<string, number>();
    for (const box of this.graph.boxes) if (box.index >= 0) kinds.set(box.title, (kinds.get(box.title) ?? 0) + 1);
    const rows = [...kinds].sort((a, b) => b[1] - a[1]);
    const check = this.data.self_check;
    return h(
      "div",
      {},
      h("h2", {}, this.step?.title ?? ""),
      h("p", { class: "soft" }, "Click a node, or go to one with Tab and the arrow keys."),
      h("dl", { class: "facts" }, ...rows.flatMap(([kind, count]) => [h("dt", {}, kind), h("dd", {}, integer(count))])),
      check && h("p", {}, `Self-check: ${integer(check.values)} values of ${integer(check.frames)} frames, largest difference ${check.largest_difference.toPrecision(1)}.`),
      this.data.simulation && h("p", {}, `Simulated: ${integer(this.data.simulation.frames)} frames, ${integer(this.data.simulation.mismatches)} differ${this.data.simulation.accuracy === null ? "" : `, accuracy ${percent(this.data.simulation.accuracy, 2)}`}.`),
    );
  }

  private showNotes(): void {
    const problem = this.data.problem;
    const notes = [...new Set([...this.data.notes, ...(this.accelerator?.notes ?? [])])];
    this.notes.replaceChildren();
    if (problem) {
      this.notes.append(h("p", { class: "problem", id: "problem" }, `${problem.code ?? ""} ${problem.where ?? ""}: ${problem.what}. ${problem.advice ?? ""}`));
    }
    if (notes.length > 0) {
      this.notes.append(h("details", { class: "notes" }, h("summary", {}, `${notes.length} note${notes.length > 1 ? "s" : ""}`), h("ul", {}, ...notes.map((note) => h("li", {}, note)))));
    }
  }

  private find(): void {
    const words = this.search.value;
    const found = this.graph.search(words);
    this.found.textContent = words.trim() === "" ? "" : `${found.length} found`;
    this.results.hidden = found.length === 0;
    this.results.replaceChildren(
      ...found.slice(0, 50).map((box) =>
        h(
          "li",
          {
            role: "option",
            tabindex: "-1",
            "data-id": box.id,
            onclick: () => {
              this.results.hidden = true;
              this.graph.select(box.id);
              this.graph.element.querySelector<SVGGElement>(`[data-id="${box.id}"]`)?.focus({ preventScroll: true });
            },
          },
          h("b", {}, box.title),
          ` ${box.lines[0] ?? ""}`,
        ),
      ),
    );
  }

  private toggleTheme(): void {
    const root = document.documentElement;
    const dark = root.dataset["theme"] ? root.dataset["theme"] === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset["theme"] = dark ? "light" : "dark";
    this.training.chart.remake();
  }

  // What goes on in the folder: a training that runs, a new simulation, the board's log, a new compile.
  private async poll(): Promise<void> {
    let missed = 0;
    for (;;) {
      try {
        const live = (await (await fetch("api/live")).json()) as Live;
        missed = 0;
        if (this.revision !== null && live.revision !== this.revision) {
          const data = await fetchData();
          if ("format" in data) this.load(data);
        }
        this.revision = live.revision;
        if (live.training) this.training.show(live.training);
        if (live.simulation) this.samples.show(live.simulation);
        if (live.uart !== null) this.log.show(live.uart);
        this.offer("training", live.training !== null || this.data.training !== null);
        this.offer("samples", live.simulation !== null || this.data.simulation !== null);
        this.offer("log", live.uart !== null);
      } catch {
        if (++missed > 30) return; // the server is gone
      }
      await new Promise((resolve) => setTimeout(resolve, document.hidden ? 5 * kPollMilliseconds : kPollMilliseconds));
    }
  }
}

async function fetchData(): Promise<ViewData | { error: Diagnostic }> {
  return (await (await fetch("api/view")).json()) as ViewData | { error: Diagnostic };
}

async function start(): Promise<void> {
  const inline = JSON.parse(document.querySelector("#view-data")?.textContent ?? "null") as ViewData | null;
  const app = document.querySelector("#app");
  try {
    const data = inline ?? (await fetchData());
    if (!("format" in data)) throw new Error(`${data.error.code ?? ""} ${data.error.where ?? ""}: ${data.error.what}. ${data.error.advice ?? ""}`);
    if (data.version !== kVersion) throw new Error(`This page reads version ${kVersion} of the data, and this is version ${data.version}.`);
    new Page(data, inline === null);
    document.documentElement.dataset["ready"] = "true";
    performance.measure("qloom:open", { start: 0, end: performance.now() });
  } catch (error) {
    app?.replaceChildren(h("p", { class: "problem", role: "alert" }, error instanceof Error ? error.message : String(error)));
  }
}

void start();
