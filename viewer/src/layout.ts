import { Graph, layout } from "@dagrejs/dagre";
import type { Drawing } from "./drawing";

export interface Place {
  x: number; // of the middle
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  places: Map<string, Place>;
  routes: { x: number; y: number }[][]; // one an arrow
  width: number;
  height: number;
}

const kPadding = 12;
const kLine = 15;
const pen = document.createElement("canvas").getContext("2d");

function textWidth(text: string, font: string): number {
  if (pen === null) return text.length * 7;
  pen.font = font;
  return pen.measureText(text).width;
}

interface Size {
  width: number;
  height: number;
}

function sizeOf(box: Drawing["boxes"][number]): Size {
  const widest = Math.max(
    textWidth(box.title, "600 13px system-ui, sans-serif"),
    ...box.lines.map((line) => textWidth(line, "12px system-ui, sans-serif")),
  );
  const lines = box.lines.filter((line) => line !== "").length;
  return { width: Math.max(box.small ? 72 : 120, Math.ceil(widest / 8) * 8 + 2 * kPadding), height: kLine * (1 + lines) + (box.small ? 10 : 16) };
}

// Where everything goes. `before`, the layout of a drawing of the same structure, is kept where no box has another size: the slider
// often changes numbers only.
export function layOut(drawing: Drawing, before: Layout | null = null): Layout {
  const sizes = drawing.boxes.map(sizeOf);
  const fits = (box: Drawing["boxes"][number], index: number) => {
    const place = before?.places.get(box.id);
    return place?.width === sizes[index].width && place.height === sizes[index].height;
  };
  if (before !== null && drawing.boxes.every(fits)) return before;
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 34, edgesep: 16, marginx: 24, marginy: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  drawing.boxes.forEach((box, index) => graph.setNode(box.id, { ...sizes[index] }));
  drawing.arrows.forEach((arrow, index) => graph.setEdge(arrow.from, arrow.to, {}, String(index)));
  layout(graph);
  const places = new Map<string, Place>();
  for (const id of graph.nodes()) places.set(id, graph.node(id) as Place);
  const routes = drawing.arrows.map(
    (arrow, index) => (graph.edge(arrow.from, arrow.to, String(index)) as { points: { x: number; y: number }[] }).points,
  );
  const size = graph.graph() as { width?: number; height?: number };
  return { places, routes, width: size.width ?? 0, height: size.height ?? 0 };
}
