// Training, samples and the serial log.
import { TrainingChart } from "./charts";
import { h } from "./dom";
import { integer, percent, real } from "./format";
import type { Simulation, Training } from "./schema";

export class TrainingPanel {
  readonly chart = new TrainingChart();
  private readonly facts = h("p", { "aria-live": "polite" });
  private readonly rows = h("tbody");
  readonly element = h(
    "div",
    { class: "training" },
    this.facts,
    this.chart.element,
    h(
      "details",
      {},
      h("summary", {}, "The numbers of every epoch"),
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          { id: "epochs" },
          h("thead", {}, h("tr", {}, ...["epoch", "loss", "training", "test", "learning rate", "seconds"].map((text) => h("th", { scope: "col" }, text)))),
          this.rows,
        ),
      ),
    ),
  );

  show(training: Training): void {
    const { epochs } = training;
    const last = epochs[epochs.length - 1];
    const planned = training.epochs_planned ? ` of ${training.epochs_planned}` : "";
    const running = training.finished === false;
    this.facts.replaceChildren(
      h("b", {}, training.recipe),
      `, ${integer(training.parameters)} parameters. `,
      running ? h("span", { class: "badge running" }, `training, epoch ${epochs.length}${planned}`) : `${epochs.length} epochs. `,
      last && !running ? `Accuracy ${percent(training.accuracy, 2)}.` : "",
    );
    this.rows.replaceChildren(
      ...epochs.map((epoch) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, String(epoch.epoch)),
          ...[epoch.loss.toFixed(4), percent(epoch.train_accuracy, 2), percent(epoch.test_accuracy, 2), real(epoch.learning_rate), epoch.seconds.toFixed(2)].map((text) =>
            h("td", { class: "number" }, text),
          ),
        ),
      ),
    );
    if (epochs.length > 0) this.chart.update(epochs);
  }
}

// Height, width and channels of a sample; null where it is no picture.
function pictureOf(shape: number[]): { height: number; width: number; channels: number; first: boolean } | null {
  if (shape.length === 2 && shape[0] > 1) return { height: shape[0], width: shape[1], channels: 1, first: true };
  if (shape.length !== 3) return null;
  const first = shape[0] <= 4 && shape[2] > 4;
  return { height: shape[first ? 1 : 0], width: shape[first ? 2 : 1], channels: shape[first ? 0 : 2], first };
}

function picture(pixels: string, shape: number[], label: string): HTMLElement {
  const bytes = Array.from({ length: pixels.length / 2 }, (_, i) => parseInt(pixels.slice(2 * i, 2 * i + 2), 16));
  const known = pictureOf(shape) ?? { height: 1, width: bytes.length, channels: 1, first: true };
  const { height, width, channels, first } = known;
  const canvas = h("canvas", { width, height, role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  if (context === null) return canvas;
  const image = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels >= 3 ? colour : 0;
      image.data[4 * at + colour] = bytes[first ? channel * width * height + at : at * channels + channel] ?? 0;
    }
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

export class SamplesPanel {
  private readonly facts = h("div");
  private readonly grid = h("ul", { class: "samples" });
  readonly element = h("div", {}, this.facts, this.grid);

  show(simulation: Simulation): void {
    const row = (name: string, measured: number, estimated: number) =>
      h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, measured > 0 ? integer(measured) : "–"), h("td", { class: "number" }, integer(estimated)));
    this.facts.replaceChildren(
      h(
        "p",
        {},
        `${integer(simulation.frames)} frames through the simulated RTL: `,
        simulation.mismatches === 0 ? "every value equals the integer engine's. " : h("b", { class: "problem" }, `${integer(simulation.mismatches)} frames differ from the integer engine. `),
        simulation.accuracy !== null && h("b", { id: "accuracy" }, `Accuracy ${percent(simulation.accuracy, 2)}.`),
      ),
      h(
        "table",
        { class: "narrow" },
        h("thead", {}, h("tr", {}, ...["", "measured", "estimated"].map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, row("cycles a frame", simulation.ii_cycles, simulation.estimated_ii_cycles), row("latency, cycles", simulation.latency_cycles, simulation.estimated_latency_cycles)),
      ),
    );
    const name = (label: number) => simulation.class_names[label] ?? String(label);
    this.grid.replaceChildren(
      ...simulation.samples.map((sample) => {
        const wrong = sample.label !== null && sample.answer !== null && sample.label !== sample.answer;
        const text = [
          `frame ${sample.frame}`,
          sample.answer === null ? null : `hardware says ${name(sample.answer)}`,
          sample.label === null ? null : `label ${name(sample.label)}`,
        ].filter((part) => part !== null);
        return h(
          "li",
          { class: wrong ? "wrong" : "" },
          picture(sample.pixels, simulation.sample_shape, text.join(", ")),
          h("span", {}, ...(sample.answer === null ? [] : [h("b", {}, name(sample.answer))]), sample.label === null ? "" : wrong ? ` ✗ is ${name(sample.label)}` : " ✓"),
        );
      }),
    );
  }
}

export class LogPanel {
  private readonly text = h("pre", { role: "log", tabindex: "0", "aria-label": "UART log" });
  readonly element = h("div", {}, this.text);

  show(log: string): void {
    if (this.text.textContent === log) return;
    const atEnd = this.text.scrollTop + this.text.clientHeight >= this.text.scrollHeight - 20;
    this.text.textContent = log;
    if (atEnd) this.text.scrollTop = this.text.scrollHeight;
  }
}
