// The graph as SVG: zoom, pan, selection, keyboard.
import { h, svg } from "./dom";
import { sameStructure, type Box, type Drawing } from "./drawing";
import { layOut, type Layout } from "./layout";

const kLargest = 3;
const kSmallest = 0.05;

// A smooth line through the points of a route.
function curve(points: { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  let path = `M${first.x},${first.y}`;
  for (let i = 0; i < rest.length; i++) {
    const before = points[i];
    const here = rest[i];
    const middle = (before.y + here.y) / 2;
    path += `C${before.x},${middle} ${here.x},${middle} ${here.x},${here.y}`;
  }
  return path;
}

export class GraphView {
  readonly element: HTMLElement;
  onSelect: (box: Box | null) => void = () => {};
  private readonly canvas: SVGSVGElement;
  private readonly world: SVGGElement;
  private readonly zoomText: HTMLElement;
  private drawing: Drawing = { boxes: [], arrows: [] };
  private layout: Layout = { places: new Map(), routes: [], width: 0, height: 0 };
  private groups = new Map<string, SVGGElement>();
  private selected: string | null = null;
  private matches: Set<string> | null = null;
  private scale = 1;
  private x = 0;
  private y = 0;

  constructor() {
    this.world = svg("g");
    const head = svg(
      "marker",
      { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      svg("path", { d: "M0,0L8,4L0,8z", class: "arrowhead" }),
    );
    this.canvas = svg(
      "svg",
      { class: "graph", role: "application", "aria-label": "Graph. Arrow keys go from node to node, plus and minus zoom.", tabindex: "-1" },
      svg("defs", {}, head),
      this.world,
    );
    this.zoomText = h("output", { class: "zoom-text", "aria-label": "Zoom" }, "100 %");
    const button = (text: string, label: string, action: () => void) =>
      h("button", { type: "button", title: label, "aria-label": label, onclick: action }, text);
    this.element = h(
      "div",
      { class: "graph-frame" },
      this.canvas,
      h(
        "div",
        { class: "zoom", role: "group", "aria-label": "Zoom" },
        button("−", "Zoom out", () => this.zoomBy(1 / 1.25)),
        this.zoomText,
        button("+", "Zoom in", () => this.zoomBy(1.25)),
        button("Fit", "Show the whole graph", () => this.fit()),
      ),
    );
    this.listen();
  }

  // Shows another graph from its top, or, where only numbers changed, the same one in place.
  show(drawing: Drawing, keepPlace = false): void {
    const same = this.drawing.boxes.length > 0 && sameStructure(this.drawing, drawing);
    this.drawing = drawing;
    this.layout = layOut(drawing, same ? this.layout : null);
    this.paint();
    if (this.selected !== null && !this.groups.has(this.selected)) this.selected = null;
    this.markSelected();
    this.markMatches();
    if (!keepPlace && !same) this.home();
  }

  select(id: string | null, reveal = true): void {
    this.selected = id;
    this.markSelected();
    if (id !== null && reveal) this.reveal(id);
    this.onSelect(this.drawing.boxes.find((box) => box.id === id) ?? null);
  }

  get boxes(): Box[] {
    return this.drawing.boxes;
  }

  // The boxes whose text holds every word; "" marks none.
  search(words: string): Box[] {
    const parts = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const found = parts.length === 0 ? [] : this.drawing.boxes.filter((box) => parts.every((part) => box.text.includes(part)));
    this.matches = parts.length === 0 ? null : new Set(found.map((box) => box.id));
    this.markMatches();
    return found;
  }

  // From the top, as large as is comfortable.
  home(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (width === 0 || this.layout.width === 0) return;
    const whole = Math.min(width / this.layout.width, height / this.layout.height);
    this.scale = Math.min(1, Math.max(whole, Math.min(width / this.layout.width, 1), 0.25));
    this.x = (width - this.layout.width * this.scale) / 2;
    this.y = this.layout.height * this.scale < height ? (height - this.layout.height * this.scale) / 2 : 0;
    const first = this.layout.places.get(this.drawing.boxes[0]?.id ?? "");
    if (first !== undefined && this.layout.width * this.scale > width) this.x = width / 2 - first.x * this.scale;
    this.move();
  }

  fit(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (width === 0 || this.layout.width === 0) return;
    this.scale = Math.max(kSmallest, Math.min(1, width / this.layout.width, height / this.layout.height));
    this.x = (width - this.layout.width * this.scale) / 2;
    this.y = (height - this.layout.height * this.scale) / 2;
    this.move();
  }

  private move(): void {
    this.world.setAttribute("transform", `translate(${this.x},${this.y}) scale(${this.scale})`);
    this.zoomText.textContent = `${Math.round(this.scale * 100)} %`;
    this.canvas.classList.toggle("far", this.scale < 0.45);
  }

  private zoomBy(factor: number, atX?: number, atY?: number): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    const px = atX ?? width / 2;
    const py = atY ?? height / 2;
    const scale = Math.min(kLargest, Math.max(kSmallest, this.scale * factor));
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.move();
  }

  private reveal(id: string): void {
    const place = this.layout.places.get(id);
    const { width, height } = this.canvas.getBoundingClientRect();
    if (place === undefined || width === 0) return;
    const left = (place.x - place.width / 2) * this.scale + this.x;
    const top = (place.y - place.height / 2) * this.scale + this.y;
    const inside =
      left >= 0 && top >= 0 && left + place.width * this.scale <= width && top + place.height * this.scale <= height;
    if (inside) return;
    this.x = width / 2 - place.x * this.scale;
    this.y = height / 2 - place.y * this.scale;
    this.move();
  }

  private paint(): void {
    const arrows = svg("g", { class: "arrows" });
    this.drawing.arrows.forEach((arrow, index) => {
      const route = this.layout.routes[index];
      arrows.append(svg("path", { d: curve(route), "marker-end": "url(#arrow)" }));
      if (arrow.label !== "") {
        arrows.append(svg("text", { x: route[0].x + 6, y: route[0].y + 14 }, arrow.label));
      }
    });
    const boxes = svg("g", { class: "boxes" });
    this.groups.clear();
    this.drawing.boxes.forEach((box, index) => {
      const place = this.layout.places.get(box.id);
      if (place === undefined) return;
      const group = svg("g", {
        class: `box family-${box.family}${box.small ? " small" : ""}`,
        transform: `translate(${place.x - place.width / 2},${place.y - place.height / 2})`,
        role: "button",
        tabindex: index === 0 ? "0" : "-1",
        "data-id": box.id,
        "aria-label": [box.title, ...box.lines].filter((line) => line !== "").join(", "),
      });
      const rect = svg("rect", { width: place.width, height: place.height, rx: box.small ? 10 : 7 });
      if (box.heat !== undefined) {
        group.classList.add("heated");
        rect.style.setProperty("--heat", `${Math.round(box.heat * 100)}%`);
      }
      group.append(rect);
      let y = box.small ? 18 : 21;
      group.append(svg("text", { class: "title", x: place.width / 2, y }, box.title));
      for (const line of box.lines) {
        if (line === "") continue;
        y += 15;
        group.append(svg("text", { x: place.width / 2, y }, line));
      }
      boxes.append(group);
      this.groups.set(box.id, group);
    });
    this.world.replaceChildren(arrows, boxes);
  }

  private markSelected(): void {
    for (const [id, group] of this.groups) {
      const is = id === this.selected;
      group.classList.toggle("selected", is);
      group.setAttribute("aria-pressed", String(is));
      if (this.selected !== null) group.setAttribute("tabindex", is ? "0" : "-1");
    }
  }

  private markMatches(): void {
    for (const [id, group] of this.groups) {
      group.classList.toggle("match", this.matches?.has(id) ?? false);
      group.classList.toggle("no-match", this.matches !== null && !this.matches.has(id));
    }
  }

  // The nearest box in a direction: along an arrow for up and down, beside it otherwise.
  private neighbour(id: string, key: string): string | undefined {
    const here = this.layout.places.get(id);
    if (here === undefined) return undefined;
    if (key === "ArrowDown") return this.drawing.arrows.find((arrow) => arrow.from === id)?.to;
    if (key === "ArrowUp") return this.drawing.arrows.find((arrow) => arrow.to === id)?.from;
    const direction = key === "ArrowRight" ? 1 : -1;
    let best: string | undefined;
    let least = Infinity;
    for (const [other, place] of this.layout.places) {
      const away = (place.x - here.x) * direction;
      const distance = away + 4 * Math.abs(place.y - here.y);
      if (away > 1 && Math.abs(place.y - here.y) < 120 && distance < least) {
        least = distance;
        best = other;
      }
    }
    return best;
  }

  private listen(): void {
    let dragging: { x: number; y: number; moved: boolean } | null = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button === 0) dragging = { x: event.clientX, y: event.clientY, moved: false };
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (dragging === null) return;
      const dx = event.clientX - dragging.x;
      const dy = event.clientY - dragging.y;
      if (!dragging.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
      if (!dragging.moved) this.canvas.setPointerCapture(event.pointerId);
      dragging = { x: event.clientX, y: event.clientY, moved: true };
      this.x += dx;
      this.y += dy;
      this.move();
    });
    const release = () => {
      // A click follows the pointer's release: let it see that this was a drag.
      if (dragging?.moved) setTimeout(() => (dragging = null));
      else dragging = null;
    };
    this.canvas.addEventListener("pointerup", release);
    this.canvas.addEventListener("pointercancel", release);
    this.canvas.addEventListener("click", (event) => {
      if (dragging?.moved) return;
      const group = (event.target as Element).closest<SVGGElement>("g.box");
      this.select(group?.dataset["id"] ?? null, false);
      group?.focus({ preventScroll: true });
    });
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const box = this.canvas.getBoundingClientRect();
        if (event.ctrlKey || event.metaKey) {
          this.zoomBy(Math.exp(-event.deltaY * 0.005), event.clientX - box.left, event.clientY - box.top);
        } else {
          this.x -= event.shiftKey ? event.deltaY : event.deltaX;
          this.y -= event.shiftKey ? 0 : event.deltaY;
          this.move();
        }
      },
      { passive: false },
    );
    this.canvas.addEventListener("keydown", (event) => {
      const group = (event.target as Element).closest<SVGGElement>("g.box");
      const id = group?.dataset["id"];
      if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
      else if (event.key === "-") this.zoomBy(1 / 1.25);
      else if (event.key === "0") this.fit();
      else if (event.key === "Escape") this.select(null);
      else if (id !== undefined && (event.key === "Enter" || event.key === " ")) this.select(id);
      else if (id !== undefined && event.key.startsWith("Arrow")) {
        const next = this.neighbour(id, event.key);
        if (next !== undefined) {
          this.select(next);
          this.groups.get(next)?.focus({ preventScroll: true });
        }
      } else return;
      event.preventDefault();
    });
    new ResizeObserver(() => {
      if (this.scale === 1 && this.x === 0 && this.y === 0) this.home();
    }).observe(this.canvas);
  }
}
