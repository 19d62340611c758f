// The view document (docs/formats.md, "View data"), as far as the page reads it.

export interface Statistics {
  count: number;
  min: number;
  max: number;
  mean: number;
  zeros: number;
  lo: number;
  width: number;
  counts: number[];
  not_finite?: number;
}

export interface Integers {
  type: string;
  range: [number, number];
  stream: string;
  scale?: number;
  scale_range?: [number, number];
  bias?: number;
  bias_range?: [number, number];
}

export interface Tensor {
  name: string;
  type: string;
  shape?: number[];
  range?: [number, number];
  constant?: { statistics: Statistics | null; values?: number[] };
  integers?: Integers;
}

export interface Thresholds {
  rows: number;
  steps: number;
  lowest_output: number;
  channels: number[];
  values: number[][];
  decreasing: boolean[];
}

export interface Table {
  rows: number;
  entries: number;
  first_input: number;
  channels: number[];
  values: number[][];
}

export interface Node {
  name: string;
  op: string;
  family: string;
  inputs: number[];
  outputs: number[];
  facts: [string, string][];
  placement?: { where: string; reason: string; advice: string };
  weights?: Statistics | null;
  thresholds?: Thresholds;
  table?: Table;
}

export interface Graph {
  inputs: number[];
  outputs: number[];
  tensors: Tensor[];
  nodes: Node[];
}

export interface Step {
  id: string;
  title: string;
  about: string;
  graph: Graph | null;
}

export interface Resources {
  luts: number;
  ffs: number;
  bram36: number;
  dsps: number;
}
export type ResourceName = keyof Resources;

export interface Unit extends Resources {
  name: string;
  layer: string;
  kind: string;
  module: string;
  shape: string;
  pe: number;
  simd: number;
  cycles: number;
  weight_bits: number;
  threshold_bits: number;
  accumulator_bits: number;
  depth_beats?: number;
  peak_beats?: number;
}

export interface Channel {
  tensor: string;
  type: string;
  elements_per_beat: number;
  beats: number;
  bits: number;
  from: number;
  from_port: number;
  to: number;
  to_port: number;
}

export interface Port {
  port: string;
  tensor: string;
  type: string;
  elements: number;
  beats: number;
  elements_per_beat: number;
  data_bits: number;
}

export interface Accelerator extends Resources {
  board: string;
  part: string;
  clock_mhz: number;
  target_ii_cycles: number;
  ii_cycles: number;
  latency_cycles: number;
  fps: number;
  utilisation: Record<ResourceName, number | null>;
  available: Resources;
  units: Unit[];
  channels: Channel[];
  inputs: Port[];
  outputs: Port[];
  notes: string[];
}

// Where beats move and where they wait; `channels` in the order of the accelerator's.
export interface StreamChannel {
  moves: number;
  waits: number;
  starves: number;
  wave: string; // a digit a cycle: valid + 2 * ready
}

export interface Streams {
  frames: number;
  cycles: number;
  complete: boolean;
  wave_cycles: number;
  channels: StreamChannel[];
  fifos: { unit: number; span_cycles: number; most: number[] }[];
}

export interface Epoch {
  epoch: number;
  loss: number;
  train_accuracy: number;
  test_accuracy?: number | null;
  learning_rate: number;
  seconds: number;
}

export interface Training {
  recipe: string;
  parameters: number;
  accuracy: number;
  epochs: Epoch[];
  finished?: boolean;
  epochs_planned?: number;
}

export interface Sample {
  frame: number;
  label: number | null;
  answer: number | null;
  pixels: string;
}

export interface Simulation {
  frames: number;
  mismatches: number;
  ii_cycles: number;
  latency_cycles: number;
  estimated_ii_cycles: number;
  estimated_latency_cycles: number;
  fps: number;
  accuracy: number | null;
  class_names: string[];
  sample_shape: number[];
  samples: Sample[];
}

export interface Diagnostic {
  code?: string;
  where?: string;
  what: string;
  advice?: string;
}

export interface ViewData {
  format: string;
  version: number;
  title: string;
  constants: number;
  steps: Step[];
  accelerator: Accelerator | null;
  target_limits: { fastest_ii_cycles: number; slowest_ii_cycles: number } | null;
  streams: Streams | null;
  problem: Diagnostic | null;
  notes: string[];
  training: Training | null;
  simulation: Simulation | null;
  self_check: { frames: number; values: number; largest_difference: number; near_ties: number } | null;
}

// What /api/live says.
export interface Live {
  revision: string; // changes when the model or the accelerator in the folder does
  training: Training | null;
  simulation: Simulation | null;
  uart: string | null;
}
