// The strip above the graph: how fast and how large, and the slider that folds the network for another rate.
import { h } from "./dom";
import { integer, microseconds, percent } from "./format";
import type { Accelerator, Diagnostic, ResourceName, ViewData } from "./schema";

const kSteps = 200;
const kResources: [ResourceName, string][] = [
  ["luts", "LUT"],
  ["ffs", "FF"],
  ["bram36", "BRAM36"],
  ["dsps", "DSP"],
];

// Once the browser has painted what was changed. A page in the background does not paint: then after a moment.
function painted(): Promise<void> {
  return new Promise((resolve) => {
    const patience = setTimeout(resolve, 100);
    requestAnimationFrame(() =>
      setTimeout(() => {
        clearTimeout(patience);
        resolve();
      }),
    );
  });
}

export class TargetStrip {
  readonly element: HTMLElement;
  onAccelerator: (accelerator: Accelerator) => void = () => {};
  private readonly slider: HTMLInputElement;
  private readonly rate: HTMLOutputElement;
  private readonly numbers = h("dl", { class: "numbers" });
  private readonly meters = h("div", { class: "meters" });
  private readonly message = h("p", { class: "problem", role: "alert", hidden: true });
  private readonly spoken = h("p", { class: "unseen", "aria-live": "polite" });
  private speak = 0;
  private wanted: number | null = null;
  private busy = false;

  constructor(
    private data: ViewData,
    live: boolean,
  ) {
    this.slider = h("input", { type: "range", min: 0, max: kSteps, step: 1, id: "target", disabled: !live });
    this.rate = h("output", { for: "target", id: "target-rate" });
    this.slider.addEventListener("input", () => this.ask());
    const hint = live ? "" : "Run `qloom view` on this folder to move it.";
    this.element = h(
      "section",
      { class: "target", "aria-label": "Speed and size" },
      h(
        "div",
        { class: "slider", title: hint },
        h("label", { for: "target" }, "Target rate"),
        this.slider,
        h("div", {}, this.rate, !live && h("span", { class: "soft" }, ` · ${hint}`)),
      ),
      this.numbers,
      this.meters,
      this.message,
      this.spoken,
    );
  }

  // Another document: the folder was compiled again.
  reset(data: ViewData): void {
    this.data = data;
    if (data.accelerator) this.show(data.accelerator, true);
  }

  show(accelerator: Accelerator, moveSlider: boolean): void {
    if (moveSlider) this.slider.value = String(this.position(accelerator.target_ii_cycles));
    this.describe(accelerator.target_ii_cycles, accelerator.clock_mhz);
    const pair = (name: string, value: string, id: string) => [h("dt", {}, name), h("dd", { id }, value)];
    this.numbers.replaceChildren(
      ...pair("Frames/s", integer(Math.floor(accelerator.fps)), "fps"),
      ...pair("Cycles a frame", integer(accelerator.ii_cycles), "ii"),
      ...pair("Latency", `${integer(accelerator.latency_cycles)} cycles, ${microseconds(accelerator.latency_cycles, accelerator.clock_mhz)}`, "latency"),
      ...pair("Board", `${accelerator.board}, ${accelerator.clock_mhz} MHz`, "board"),
    );
    this.meters.replaceChildren(
      ...kResources.map(([name, label]) => {
        const share = accelerator.utilisation[name];
        const used = integer(accelerator[name]);
        const text = share === null ? used : `${used} of ${integer(accelerator.available[name])}`;
        const meter = h(
          "div",
          {
            class: `meter${share !== null && share > 1 ? " over" : ""}`,
            role: "meter",
            "aria-label": label,
            "aria-valuemin": 0,
            "aria-valuemax": accelerator.available[name],
            "aria-valuenow": accelerator[name],
            "aria-valuetext": `${text}, ${percent(share)}`,
            id: `meter-${name}`,
            "data-used": accelerator[name],
          },
          h("span", { class: "meter-name" }, label),
          h("span", { class: "meter-track" }, h("span", { class: "meter-fill" })),
          h("span", { class: "meter-text" }, text, h("b", {}, percent(share))),
        );
        meter.style.setProperty("--share", `${Math.min(100, (share ?? 0) * 100)}%`);
        return meter;
      }),
    );
  }

  // Positions are logarithmic in the rate: right is faster.
  private position(ii: number): number {
    const { fastest, slowest } = this.limits();
    return slowest === fastest ? kSteps : Math.round((kSteps * Math.log(slowest / Math.min(Math.max(ii, fastest), slowest))) / Math.log(slowest / fastest));
  }

  private cyclesAt(position: number): number {
    const { fastest, slowest } = this.limits();
    return Math.max(fastest, Math.round(slowest * Math.pow(fastest / slowest, position / kSteps)));
  }

  private limits(): { fastest: number; slowest: number } {
    const limits = this.data.target_limits;
    return { fastest: limits?.fastest_ii_cycles ?? 1, slowest: limits?.slowest_ii_cycles ?? 1 };
  }

  private describe(ii: number, clock: number): void {
    const text = `${integer((clock * 1e6) / ii)} frames/s wanted: a frame every ${integer(ii)} cycles or sooner`;
    this.rate.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  // One request at a time; where the slider moved on meanwhile, only its last place is asked for.
  private ask(): void {
    const ii = this.cyclesAt(Number(this.slider.value));
    this.describe(ii, this.data.accelerator?.clock_mhz ?? 100);
    this.wanted = ii;
    if (!this.busy) void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    while (this.wanted !== null) {
      const ii: number = this.wanted;
      this.wanted = null;
      const start = performance.now();
      try {
        const response = await fetch(`api/fold?ii=${ii}`);
        const answer = (await response.json()) as Accelerator | { error: Diagnostic };
        if ("error" in answer) {
          this.say([answer.error.where, answer.error.what, answer.error.advice].filter((part) => part).join(": "));
          continue;
        }
        this.say("");
        this.show(answer, false);
        this.onAccelerator(answer);
        await painted();
        performance.measure("qloom:fold-and-redraw", { start, end: performance.now(), detail: { ii } });
        this.announce(answer);
      } catch {
        this.say("The server does not answer: is `qloom view` still running?");
      }
    }
    this.busy = false;
  }

  private say(problem: string): void {
    this.message.hidden = problem === "";
    this.message.textContent = problem;
  }

  // Spoken once the slider rests.
  private announce(accelerator: Accelerator): void {
    clearTimeout(this.speak);
    this.speak = window.setTimeout(() => {
      this.spoken.textContent = `${integer(accelerator.fps)} frames per second, ${integer(accelerator.luts)} LUT, ${percent(accelerator.utilisation.luts)} of the board`;
    }, 600);
  }
}
