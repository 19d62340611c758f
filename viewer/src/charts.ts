// Pictures of numbers: histograms and staircases as SVG, training curves with uPlot.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { h, svg } from "./dom";
import { integer, percent, real } from "./format";
import type { Epoch, Statistics, Table, Thresholds } from "./schema";

const kWidth = 300;
const kHeight = 96;

export function histogram(statistics: Statistics, what: string): HTMLElement {
  const most = Math.max(...statistics.counts);
  const bar = kWidth / statistics.counts.length;
  const bars = statistics.counts.map((count, index) => {
    const height = count === 0 ? 0 : Math.max(1, (count / most) * kHeight);
    const from = statistics.lo + index * statistics.width;
    const text = statistics.width === 1 && Number.isInteger(from) ? real(from) : `${real(from)} to ${real(from + statistics.width)}`;
    return svg(
      "rect",
      { x: index * bar + 0.5, y: kHeight - height, width: Math.max(0.5, bar - 1), height, class: "bar" },
      svg("title", {}, `${text}: ${integer(count)}`),
    );
  });
  const summary = `${integer(statistics.count)} values from ${real(statistics.min)} to ${real(statistics.max)}, mean ${real(statistics.mean)}, ${percent(statistics.zeros / statistics.count)} zeros`;
  return h(
    "figure",
    { class: "chart" },
    svg("svg", { viewBox: `0 0 ${kWidth} ${kHeight}`, role: "img", "aria-label": `Histogram of ${what}: ${summary}` }, ...bars),
    h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, real(statistics.min)), h("span", {}, real(statistics.max))),
    h("figcaption", {}, summary),
  );
}

interface Staircase {
  points: [number, number][]; // (x where y starts to hold, y)
  lo: number;
  hi: number;
}

function thresholdStairs(thresholds: Thresholds, row: number, range: [number, number]): Staircase {
  const values = thresholds.values[row];
  const span = Math.max(1, values[values.length - 1] - values[0]);
  const lo = Math.max(range[0], values[0] - span * 0.15);
  const hi = Math.min(range[1], values[values.length - 1] + span * 0.15);
  const falling = thresholds.decreasing[row];
  const level = (count: number) => thresholds.lowest_output + (falling ? values.length - count : count);
  const points: [number, number][] = [[lo, level(values.filter((value) => value <= lo).length)]];
  values.forEach((value, index) => {
    if (value > lo && value <= hi) points.push([value, level(index + 1)]);
  });
  return { points, lo, hi: Math.max(hi, lo + 1) };
}

function tableStairs(table: Table, row: number): Staircase {
  const values = table.values[row];
  const points: [number, number][] = [];
  values.forEach((value, index) => {
    if (index === 0 || value !== values[index - 1]) points.push([table.first_input + index, value]);
  });
  return { points, lo: table.first_input, hi: table.first_input + values.length };
}

function staircase(stairs: Staircase[], names: string[], what: string): HTMLElement {
  const lo = Math.min(...stairs.map((one) => one.lo));
  const hi = Math.max(...stairs.map((one) => one.hi));
  const levels = stairs.flatMap((one) => one.points.map((point) => point[1]));
  const bottom = Math.min(...levels);
  const top = Math.max(...levels, bottom + 1);
  const x = (value: number) => ((value - lo) / (hi - lo)) * kWidth;
  const y = (value: number) => kHeight + 16 - 4 - ((value - bottom) / (top - bottom)) * (kHeight + 8);
  const path = (one: Staircase) =>
    one.points.reduce((text, [px, py], index) => text + (index === 0 ? `M0,${y(py)}` : `H${x(px)}V${y(py)}`), "") + `H${kWidth}`;
  const lines = stairs.map((one) => svg("path", { d: path(one), class: "stairs faint" }));
  const chosen = svg("path", { class: "stairs" });
  const choice = h("select", { "aria-label": "Channel" }, ...names.map((name, index) => h("option", { value: index }, name)));
  const caption = h("figcaption", {});
  const choose = () => {
    const one = stairs[Number(choice.value)];
    chosen.setAttribute("d", path(one));
    const last = one.points[one.points.length - 1];
    caption.textContent = `Output ${real(one.points[0][1])} below ${real(one.points[1]?.[0] ?? one.hi)}, ${real(last[1])} from ${real(last[0])}; ${one.points.length - 1} steps in sight`;
  };
  choice.addEventListener("change", choose);
  choose();
  return h(
    "figure",
    { class: "chart" },
    names.length > 1 && h("label", { class: "inline" }, "Channel ", choice),
    svg("svg", { viewBox: `0 0 ${kWidth} ${kHeight + 16}`, role: "img", "aria-label": `Staircase of ${what}: output over input` }, ...lines, chosen),
    h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, real(lo)), h("span", {}, "input"), h("span", {}, real(hi))),
    caption,
  );
}

export function thresholdChart(thresholds: Thresholds, range: [number, number], what: string): HTMLElement {
  const stairs = thresholds.values.map((_, row) => thresholdStairs(thresholds, row, range));
  return staircase(stairs, thresholds.channels.map((channel) => (thresholds.rows === 1 ? "all" : String(channel))), what);
}

export function tableChart(table: Table, what: string): HTMLElement {
  const stairs = table.values.map((_, row) => tableStairs(table, row));
  return staircase(stairs, table.channels.map((channel) => (table.rows === 1 ? "all" : String(channel))), what);
}

// Loss, accuracies and learning rate over the epochs; kept and fed again while a training runs.
export class TrainingChart {
  readonly element = h("div", { class: "curves" });
  private plots: uPlot[] = [];
  private epochs: Epoch[] = [];

  update(epochs: Epoch[]): void {
    this.epochs = epochs;
    if (this.plots.length === 0) this.make();
    this.plots[0]?.setData(this.accuracies());
    this.plots[1]?.setData(this.losses());
  }

  // Colours are read when the charts are made: again after the theme changed.
  remake(): void {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
    this.element.replaceChildren();
    if (this.epochs.length > 0) this.update(this.epochs);
  }

  private accuracies(): uPlot.AlignedData {
    return [
      this.epochs.map((epoch) => epoch.epoch),
      this.epochs.map((epoch) => epoch.train_accuracy * 100),
      this.epochs.map((epoch) => (epoch.test_accuracy === null || epoch.test_accuracy === undefined ? null : epoch.test_accuracy * 100)),
    ];
  }

  private losses(): uPlot.AlignedData {
    return [this.epochs.map((epoch) => epoch.epoch), this.epochs.map((epoch) => epoch.loss)];
  }

  private make(): void {
    // A canvas wants the colour itself, of the theme that holds.
    const colour = (name: string) => {
      this.element.style.color = `var(${name})`;
      const { color } = getComputedStyle(this.element);
      this.element.style.color = "";
      return color;
    };
    const axis = { stroke: colour("--text-soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const width = Math.max(280, Math.min(560, (this.element.clientWidth || 600) - 8));
    const base = { width, height: 240, scales: { x: { time: false } }, cursor: { drag: { x: false, y: false } } };
    const points = { size: 6 };
    // Epochs are counted: no ticks between them.
    const epochs = { ...axis, label: "epoch", incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], values: (_: uPlot, ticks: number[]) => ticks.map(String) };
    const options: uPlot.Options[] = [
      {
        ...base,
        title: "Accuracy, %",
        axes: [epochs, axis],
        series: [
          { label: "epoch" },
          { label: "training", stroke: colour("--series-1"), width: 2, points },
          { label: "test", stroke: colour("--series-2"), width: 2, dash: [6, 3], points },
        ],
      },
      {
        ...base,
        title: "Loss",
        axes: [epochs, axis],
        series: [{ label: "epoch" }, { label: "training", stroke: colour("--series-1"), width: 2, points }],
      },
    ];
    const data = [this.accuracies(), this.losses()];
    this.plots = options.map((option, index) => new uPlot(option, data[index], this.element));
  }
}
