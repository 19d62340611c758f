// What is known of the selected node, unit or end.
import { histogram, tableChart, thresholdChart } from "./charts";
import { h } from "./dom";
import type { Box } from "./drawing";
import { bits, integer, microseconds, percent, real, shapeText } from "./format";
import type { Accelerator, Graph, Integers, Node, Port, Step, Tensor, Unit } from "./schema";

function facts(rows: [string, string | globalThis.Node | null | undefined][]): HTMLElement {
  const list = h("dl", { class: "facts" });
  for (const [name, value] of rows) {
    if (value === null || value === undefined || value === "") continue;
    list.append(h("dt", {}, name), h("dd", {}, value));
  }
  return list;
}

function section(title: string, ...children: (globalThis.Node | string | null | undefined | false)[]): HTMLElement {
  return h("section", {}, h("h3", {}, title), ...children);
}

function rangeText(range: [number, number]): string {
  return `${integer(range[0])} to ${integer(range[1])}`;
}

function integersText(integers: Integers): string {
  const scale = integers.scale !== undefined ? real(integers.scale) : integers.scale_range ? `(${real(integers.scale_range[0])} to ${real(integers.scale_range[1])}, by channel)` : "1";
  const bias = integers.bias !== undefined ? integers.bias : integers.bias_range;
  const addend = typeof bias === "number" ? (bias === 0 ? "" : ` + ${real(bias)}`) : bias ? ` + (${real(bias[0])} to ${real(bias[1])})` : "";
  return `real = ${scale} × integer${addend}`;
}

function tensorItem(tensor: Tensor): HTMLElement {
  const known = tensor.constant;
  return h(
    "li",
    {},
    h("code", {}, tensor.name),
    h("div", { class: "soft" }, `${tensor.type} ${shapeText(tensor.shape)}${known ? ", constant" : ""}`),
    tensor.range && h("div", {}, `Range ${rangeText(tensor.range)}`),
    tensor.integers && h("div", {}, `${tensor.integers.type}, ${rangeText(tensor.integers.range)}; ${integersText(tensor.integers)}`),
    known?.values && h("div", {}, known.values.map((value) => (value === null ? "not finite" : real(value))).join(", ")),
    known && !known.values && known.statistics && histogram(known.statistics, tensor.name),
  );
}

function tensorList(graph: Graph, ids: number[]): HTMLElement {
  return h("ul", { class: "tensors" }, ...ids.map((id) => tensorItem(graph.tensors[id])));
}

const placements: Record<string, string> = {
  hardware: "in hardware",
  "host-before": "on the host, before the hardware",
  "host-after": "on the host, after the hardware",
  folded: "folded into its neighbours",
  unsupported: "not supported",
};

function numbersOf(node: Node, graph: Graph): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (node.weights) parts.push(section("Weights", histogram(node.weights, `the weights of ${node.name}`)));
  const range = graph.tensors[node.inputs[0]]?.range ?? [-Infinity, Infinity];
  if (node.thresholds && node.thresholds.steps > 0) parts.push(section("Thresholds", thresholdChart(node.thresholds, range, node.name)));
  if (node.table) parts.push(section("Table", tableChart(node.table, node.name)));
  return parts;
}

function nodeDetails(node: Node, graph: Graph): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (node.placement) {
    const { where, reason, advice } = node.placement;
    parts.push(
      h("p", {}, h("span", { class: `badge place-${where}` }, placements[where] ?? where), " ", reason, advice ? `. ${advice}` : ""),
    );
  }
  if (node.facts.length > 0) parts.push(section("Attributes", facts(node.facts)));
  parts.push(...numbersOf(node, graph));
  parts.push(section("Inputs", tensorList(graph, node.inputs)));
  parts.push(section("Outputs", tensorList(graph, node.outputs)));
  return parts;
}

function unitDetails(unit: Unit, index: number, accelerator: Accelerator, network: Graph | null): HTMLElement[] {
  const of = (used: number, available: number) => (available > 0 ? `${integer(used)} · ${percent(used / available)} of the board` : integer(used));
  const parts: HTMLElement[] = [
    section(
      "Hardware",
      facts([
        ["Instance", h("code", {}, unit.name)],
        ["Module", h("code", {}, unit.module)],
        ["Shape", unit.shape],
        ["PE", unit.layer === "" ? null : String(unit.pe)],
        ["SIMD", unit.kind === "MatrixVector" || unit.kind === "VectorVector" ? String(unit.simd) : null],
        ["Cycles a frame", `${integer(unit.cycles)} (${microseconds(unit.cycles, accelerator.clock_mhz)})`],
        ["Depth", unit.depth_beats === undefined ? null : `${integer(unit.depth_beats)} beats`],
        ["Most held", unit.peak_beats === undefined ? null : `${integer(unit.peak_beats)} beats`],
      ]),
    ),
    section(
      "Estimated size",
      facts([
        ["LUT", of(unit.luts, accelerator.available.luts)],
        ["FF", of(unit.ffs, accelerator.available.ffs)],
        ["BRAM36", unit.bram36 === 0 ? "–" : `${unit.bram36} · ${percent(unit.bram36 / accelerator.available.bram36)} of the board`],
        ["DSP", unit.dsps === 0 ? "–" : of(unit.dsps, accelerator.available.dsps)],
        ["Weights", unit.weight_bits === 0 ? null : bits(unit.weight_bits)],
        ["Thresholds", unit.threshold_bits === 0 ? null : bits(unit.threshold_bits)],
        ["Accumulator", unit.accumulator_bits === 0 ? null : `${unit.accumulator_bits} bits`],
      ]),
    ),
  ];
  const layer = network?.nodes.find((node) => node.name === unit.layer);
  if (layer !== undefined && network !== null) parts.push(...numbersOf(layer, network));
  const streams = accelerator.channels.filter((channel) => channel.to === index || channel.from === index);
  parts.push(
    section(
      "Streams",
      h(
        "ul",
        { class: "tensors" },
        ...streams.map((channel) =>
          h(
            "li",
            {},
            `${channel.to === index ? "in" : "out"} `,
            h("code", {}, channel.tensor),
            h("div", { class: "soft" }, `${channel.elements_per_beat} × ${channel.type} a beat (${channel.bits} bits), ${integer(channel.beats)} beats a frame`),
          ),
        ),
      ),
    ),
  );
  return parts;
}

function portDetails(port: Port): HTMLElement[] {
  return [
    section(
      "AXI4-Stream",
      facts([
        ["Tensor", h("code", {}, port.tensor)],
        ["Elements a frame", `${integer(port.elements)} × ${port.type}`],
        ["Elements a beat", integer(port.elements_per_beat)],
        ["Beats a frame", integer(port.beats)],
        ["Data width", `${port.data_bits} bits`],
      ]),
    ),
  ];
}

// The panel beside the graph for one box of a step.
export function detailsOf(box: Box, step: Step, accelerator: Accelerator | null, network: Graph | null): HTMLElement {
  const parts: HTMLElement[] = [h("h2", {}, box.title)];
  if (step.id === "accelerator" && accelerator !== null) {
    if (box.index >= 0) {
      const unit = accelerator.units[box.index];
      parts.push(h("p", { class: "name" }, unit.layer || unit.name), ...unitDetails(unit, box.index, accelerator, network));
    } else {
      const ports = box.id.startsWith("in") ? accelerator.inputs : accelerator.outputs;
      parts.push(...portDetails(ports[box.tensor]));
    }
  } else if (step.graph !== null) {
    if (box.index >= 0) {
      const node = step.graph.nodes[box.index];
      parts.push(h("p", { class: "name" }, node.name), ...nodeDetails(node, step.graph));
    } else {
      parts.push(tensorList(step.graph, [box.tensor]));
    }
  }
  return h("div", {}, ...parts);
}
