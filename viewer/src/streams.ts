// What goes on between the units: how full FIFOs get, who waits for whom, and the handshake of a stream as a waveform.
import { h, svg } from "./dom";
import { integer, percent, real } from "./format";
import type { Accelerator, Channel, StreamChannel, Streams } from "./schema";

const kWidth = 640;
const kFifoHeight = 56;
const kShownFifos = 12;
const kShownCycles = 48;
const kWaveHeight = 18;

// A digit of a wave is valid + 2 * ready.
const isValid = (digit: string) => digit === "1" || digit === "3";
const isReady = (digit: string) => digit === "2" || digit === "3";

function ends(channel: Channel, accelerator: Accelerator): string {
  const name = (unit: number, port: string | undefined) => (unit < 0 ? (port ?? "nowhere") : accelerator.units[unit].layer || accelerator.units[unit].name);
  return `${name(channel.from, accelerator.inputs[channel.from_port]?.port)} → ${name(channel.to, accelerator.outputs[channel.to_port]?.port)}`;
}

function fifoFigure(fifo: Streams["fifos"][number], accelerator: Accelerator): HTMLElement {
  const unit = accelerator.units[fifo.unit];
  const depth = unit.depth_beats ?? 1;
  const step = kWidth / fifo.most.length;
  const y = (beats: number) => kFifoHeight - (Math.min(beats, depth) / depth) * (kFifoHeight - 4);
  const area = fifo.most.reduce((path, beats, index) => `${path}V${y(beats)}H${(index + 1) * step}`, `M0,${kFifoHeight}`) + `V${kFifoHeight}Z`;
  const most = Math.max(...fifo.most);
  const cycles = fifo.most.length * fifo.span_cycles;
  const summary = `at most ${integer(most)} of ${integer(depth)} beats`;
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, h("b", {}, unit.name), `, ${summary}`),
    svg(
      "svg",
      { viewBox: `0 0 ${kWidth} ${kFifoHeight}`, role: "img", "aria-label": `${unit.name} over ${integer(cycles)} cycles: ${summary}`, preserveAspectRatio: "none" },
      svg("path", { d: area, class: "filling" }),
      svg("line", { x1: 0, x2: kWidth, y1: y(depth), y2: y(depth), class: "depth" }),
    ),
    h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, "0"), h("span", {}, `${integer(cycles)} cycles`)),
  );
}

// valid, ready, and where both are high a beat that moves.
function waveform(wave: string, start: number): SVGSVGElement {
  const shown = wave.slice(start, start + kShownCycles);
  const left = 54;
  const step = (kWidth - left) / kShownCycles;
  const line = (high: (digit: string) => boolean, row: number) => {
    const level = (digit: string) => row * (kWaveHeight + 12) + 16 + (high(digit) ? 2 : kWaveHeight);
    return [...shown].reduce((path, digit, index) => `${path}${index === 0 ? "M" : "L"}${left + index * step},${level(digit)}H${left + (index + 1) * step}`, "");
  };
  const name = (text: string, row: number) => svg("text", { x: 4, y: row * (kWaveHeight + 12) + 16 + kWaveHeight - 3 }, text);
  const moves = [...shown].map((digit, index) => digit === "3" && svg("rect", { x: left + index * step, y: 14, width: step, height: 2 * kWaveHeight + 18, class: "moves" }));
  const ticks = [...shown].map((_, index) => (start + index) % 8 === 0 && svg("text", { x: left + index * step, y: 10, class: "tick" }, integer(start + index)));
  const beats = [...shown].filter((digit) => digit === "3").length;
  return svg(
    "svg",
    { viewBox: `0 0 ${kWidth} 78`, class: "wave", role: "img", "aria-label": `Waveform of cycles ${start} to ${start + shown.length - 1}: ${beats} beats move, ${[...shown].filter((digit) => digit === "1").length} cycles wait` },
    ...moves,
    ...ticks,
    name("valid", 0),
    name("ready", 1),
    svg("path", { d: line(isValid, 0) }),
    svg("path", { d: line(isReady, 1) }),
  );
}

export class StreamsPanel {
  readonly element = h("div", { class: "streams" });
  private readonly about = h("p", { class: "soft" });
  private readonly fifos = h("div", { class: "fifos" });
  private readonly rows = h("tbody");
  private readonly channel = h("select", { id: "wave-channel", onchange: () => this.paintWave() });
  private readonly from = h("input", { id: "wave-from", type: "range", min: 0, value: 0, step: 8, oninput: () => this.paintWave() });
  private readonly wave = h("div");
  private streams: Streams | null = null;

  constructor() {
    this.element.append(
      this.about,
      h("h2", {}, "How full the FIFOs are"),
      this.fifos,
      h("h2", {}, "A handshake"),
      h(
        "p",
        { class: "soft" },
        "A beat moves in a cycle in which valid and ready are both high (shaded). Valid alone: the receiver is not ready yet. Ready alone: nothing has come.",
      ),
      h("div", { class: "inline" }, h("label", { for: "wave-channel" }, "Stream"), this.channel, h("label", { for: "wave-from" }, "from cycle"), this.from),
      this.wave,
      h("h2", {}, "Who waits for whom"),
      h("p", { class: "soft" }, "Shares of the clock cycles once the pipeline is full. Before the slowest unit beats wait, behind it receivers starve."),
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "Streams" },
        h(
          "table",
          { id: "streams" },
          h("thead", {}, h("tr", {}, ...["Stream", "beat", "a beat moves", "a beat waits", "receiver starves"].map((text) => h("th", { scope: "col" }, text)))),
          this.rows,
        ),
      ),
    );
  }

  show(streams: Streams, accelerator: Accelerator): void {
    this.streams = streams;
    const shortened = streams.complete ? "" : " The run was cut short: frames at this rate take long.";
    this.about.textContent = `Frames come as fast as they are taken, until ${streams.frames} are out: ${integer(streams.cycles)} cycles by the cycle-level model of the streams, whose cycles are those of the RTL.${shortened}`;
    const fullest = [...streams.fifos].sort((a, b) => (accelerator.units[b.unit].depth_beats ?? 0) - (accelerator.units[a.unit].depth_beats ?? 0));
    this.fifos.replaceChildren(
      ...fullest.slice(0, kShownFifos).map((fifo) => fifoFigure(fifo, accelerator)),
      ...(fullest.length > kShownFifos ? [h("p", { class: "soft" }, `The ${fullest.length - kShownFifos} smaller ones are left out; the table under Resources has them all.`)] : []),
      ...(fullest.length === 0 ? [h("p", { class: "soft" }, "There is none: no stream waits for another at this rate.")] : []),
    );
    const chosen = this.channel.value;
    this.channel.replaceChildren(...accelerator.channels.map((channel, index) => h("option", { value: index }, ends(channel, accelerator))));
    if (chosen !== "" && Number(chosen) < accelerator.channels.length) this.channel.value = chosen;
    this.from.max = String(Math.max(0, Math.ceil((streams.wave_cycles - kShownCycles) / 8) * 8));
    this.rows.replaceChildren(...accelerator.channels.map((channel, index) => this.row(channel, streams.channels[index], accelerator)));
    this.paintWave();
  }

  private row(channel: Channel, stream: StreamChannel, accelerator: Accelerator): HTMLElement {
    const cell = (share: number) => {
      const td = h("td", { class: "number bar-cell" }, percent(share));
      td.style.setProperty("--share", `${share * 100}%`);
      return td;
    };
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, ends(channel, accelerator)),
      h("td", {}, `${real(channel.elements_per_beat)} × ${channel.type}`),
      cell(stream.moves),
      cell(stream.waits),
      cell(stream.starves),
    );
  }

  private paintWave(): void {
    const stream = this.streams?.channels[Number(this.channel.value)];
    this.wave.replaceChildren(...(stream ? [waveform(stream.wave, Number(this.from.value))] : []));
  }
}
