// A step as boxes and arrows, the same for models, networks and accelerators.
import { integer, shapeText } from "./format";
import type { Accelerator, Graph, ResourceName, Unit } from "./schema";

export interface Box {
  id: string;
  title: string;
  lines: string[];
  family: string;
  heat?: number; // 0..1, in place of the family's colour
  small: boolean; // plumbing and ends
  text: string; // what search looks at, lower case
  index: number; // of the node or unit; -1 for ends
  tensor: number; // of an end, else -1
}

export interface Arrow {
  from: string;
  to: string;
  label: string;
}

export interface Drawing {
  boxes: Box[];
  arrows: Arrow[];
}

function searchText(...parts: string[]): string {
  return parts.join(" ").toLowerCase();
}

function end(id: string, title: string, lines: string[], tensor: number): Box {
  return { id, title, lines, family: "end", small: true, text: searchText(title, ...lines), index: -1, tensor };
}

export function drawGraph(graph: Graph): Drawing {
  const boxes: Box[] = [];
  const arrows: Arrow[] = [];
  const makers = new Map<number, string>();
  for (const id of graph.inputs) {
    const tensor = graph.tensors[id];
    boxes.push(end(`in${id}`, tensor.name, [`${tensor.type} ${shapeText(tensor.shape)}`], id));
    makers.set(id, `in${id}`);
  }
  graph.nodes.forEach((node, index) => {
    const id = `n${index}`;
    for (const output of node.outputs) makers.set(output, id);
  });
  graph.nodes.forEach((node, index) => {
    const id = `n${index}`;
    const facts = Object.fromEntries(node.facts);
    const lines: string[] = [];
    const kernel = facts["kernel_shape"] ?? facts["kernel"];
    if (facts["matrix"]) lines.push(`${facts["matrix"]}, ${facts["weights"]}`);
    else if (kernel) lines.push(`kernel ${kernel}`);
    else if (facts["thresholds"]) lines.push(`${facts["thresholds"]} thresholds`);
    const constants = node.inputs.filter((input) => graph.tensors[input].constant && (graph.tensors[input].shape?.length ?? 0) > 1);
    if (!facts["matrix"]) for (const input of constants) lines.push(shapeText(graph.tensors[input].shape));
    const where = node.placement?.where;
    boxes.push({
      id,
      title: node.op,
      lines: [node.name.length > 28 ? `…${node.name.slice(-27)}` : node.name, ...lines.slice(0, 1)],
      family: where && where !== "hardware" ? where : node.family,
      small: false,
      text: searchText(node.name, node.op, node.family, where ?? "", ...node.outputs.map((output) => graph.tensors[output].name)),
      index,
      tensor: -1,
    });
    for (const input of new Set(node.inputs)) {
      const maker = makers.get(input);
      if (maker === undefined) continue;
      const tensor = graph.tensors[input];
      const type = tensor.integers ? tensor.integers.type : tensor.type;
      arrows.push({ from: maker, to: id, label: `${type === "float32" ? "" : `${type} `}${shapeText(tensor.shape)}` });
    }
  });
  for (const id of graph.outputs) {
    const tensor = graph.tensors[id];
    const maker = makers.get(id);
    boxes.push(end(`out${id}`, tensor.name, [`${tensor.type} ${shapeText(tensor.shape)}`], id));
    if (maker) arrows.push({ from: maker, to: `out${id}`, label: "" });
  }
  return { boxes, arrows };
}

export type Colouring = "kind" | "cycles" | ResourceName;

const familyOfKind: Record<string, string> = {
  MatrixVector: "linear",
  VectorVector: "linear",
  Threshold: "quantiser",
  Lookup: "quantiser",
  Requantize: "quantiser",
  ChannelAffine: "normalisation",
  Add: "elementwise",
  Multiply: "elementwise",
  WindowReduce: "pooling",
  GlobalReduce: "pooling",
  Argmax: "head",
};

export function isPlumbing(unit: Unit): boolean {
  return unit.layer === "";
}

function unitLines(unit: Unit, hasSimd: boolean): string[] {
  if (unit.depth_beats !== undefined) return [`${integer(unit.peak_beats ?? 0)} of ${integer(unit.depth_beats)} used`];
  if (isPlumbing(unit)) return [unit.shape];
  return [unit.layer, `PE ${unit.pe}${hasSimd ? ` · SIMD ${unit.simd}` : ""}`, `${integer(unit.cycles)} cycles`];
}

export function drawAccelerator(accelerator: Accelerator, colouring: Colouring): Drawing {
  const boxes: Box[] = [];
  const arrows: Arrow[] = [];
  const most = colouring === "kind" ? 0 : Math.max(1e-9, ...accelerator.units.map((unit) => unit[colouring]));
  accelerator.inputs.forEach((port, index) =>
    boxes.push(end(`in${index}`, port.port, [`${port.type} ${port.data_bits} bits × ${port.beats}`], index)),
  );
  accelerator.units.forEach((unit, index) => {
    const hasSimd = unit.kind === "MatrixVector" || unit.kind === "VectorVector";
    const plumbing = isPlumbing(unit);
    boxes.push({
      id: `n${index}`,
      title: unit.kind,
      lines: unitLines(unit, hasSimd),
      family: plumbing ? "plumbing" : (familyOfKind[unit.kind] ?? "movement"),
      heat: colouring === "kind" ? undefined : unit[colouring] / most,
      small: plumbing,
      text: searchText(unit.name, unit.layer, unit.kind, unit.module),
      index,
      tensor: -1,
    });
  });
  accelerator.outputs.forEach((port, index) =>
    boxes.push(end(`out${index}`, port.port, [`${port.type} ${port.data_bits} bits × ${port.beats}`], index)),
  );
  for (const channel of accelerator.channels) {
    const to = channel.to < 0 ? (channel.to_port < 0 ? null : `out${channel.to_port}`) : `n${channel.to}`;
    if (to === null) continue; // taken and dropped
    arrows.push({
      from: channel.from < 0 ? `in${channel.from_port}` : `n${channel.from}`,
      to,
      label: `${channel.elements_per_beat} × ${channel.type}`,
    });
  }
  return { boxes, arrows };
}

// Whether two drawings have the same boxes and arrows, so that a layout still fits.
export function sameStructure(a: Drawing, b: Drawing): boolean {
  return (
    a.boxes.length === b.boxes.length &&
    a.arrows.length === b.arrows.length &&
    a.boxes.every((box, i) => box.id === b.boxes[i].id && box.title === b.boxes[i].title && box.lines.length === b.boxes[i].lines.length) &&
    a.arrows.every((arrow, i) => arrow.from === b.arrows[i].from && arrow.to === b.arrows[i].to)
  );
}
