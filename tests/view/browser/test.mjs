// The page in a real browser against the program's own --json. Environment: QLOOM, MODELS, CHROMIUM (paths of programs).
// With BENCH=1 the latencies are printed as JSON at the end; BENCH_MODEL names a model file whose slider is timed as well.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const { QLOOM, MODELS, CHROMIUM } = process.env;
const place = mkdtempSync(join(tmpdir(), "qloom_browser_test_"));
const pictures = join(process.cwd(), "pictures");
mkdirSync(pictures, { recursive: true });
const inPlace = (name) => join(place, name);
const qloom = (...words) => execFileSync(QLOOM, words, { cwd: place, encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "ignore"] });
const json = (...words) => JSON.parse(qloom(...words, "--json"));
const grouped = (value) => new Intl.NumberFormat("en-US").format(Math.round(value));
const servers = [];

async function view(target, ...options) {
  const child = spawn(QLOOM, ["view", target, "--no-browser", ...options], { cwd: place, stdio: ["ignore", "pipe", "inherit"] });
  servers.push(child);
  const address = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.split("\n")[0]);
    });
    child.on("exit", (code) => reject(new Error(`qloom view ${target} ended with ${code}`)));
  });
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  return address;
}

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const results = {};

async function newPage(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  page.on("pageerror", (error) => page.problems.push(String(error)));
  return page;
}

async function open(page, address) {
  await page.goto(address);
  await page.waitForSelector("html[data-ready=true]");
}

const text = (page, selector) => page.textContent(selector);
const node = (page, name) => page.locator("g.box", { has: page.locator("text", { hasText: new RegExp(`^${name}$`) }) });
const lastMeasure = (page, name) => page.evaluate((which) => performance.getEntriesByName(which).at(-1)?.duration, name);

// What the accessibility checker finds: names, roles, contrast, order of headings. "" when nothing.
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
async function accessibilityProblems(page) {
  await page.evaluate(axeSource);
  // The texts of a node stand below each other in SVG, where the rule sees one long word; its name has commas between them.
  const rules = { "label-content-name-mismatch": { enabled: false } };
  const { violations } = await page.evaluate((given) => window.axe.run(document, { resultTypes: ["violations"], rules: given }), rules);
  return violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join("; ")}`).join("\n");
}

async function tableOfUnits(page) {
  return page.$$eval("#units tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
}

async function compareWithJson(page, compiled) {
  assert.equal(await text(page, "#fps"), grouped(Math.floor(compiled.fps)));
  assert.equal(await text(page, "#ii"), grouped(compiled.ii_cycles));
  assert.ok((await text(page, "#latency")).startsWith(`${grouped(compiled.latency_cycles)} cycles`));
  for (const name of ["luts", "ffs", "bram36", "dsps"]) {
    assert.equal(Number(await page.getAttribute(`#meter-${name}`, "aria-valuenow")), compiled[name], name);
  }
  await page.click("#tab-resources");
  const rows = await tableOfUnits(page);
  const layers = compiled.units.filter((unit) => unit.layer !== "");
  assert.deepEqual(
    rows.map((row) => [row[0], row[1], Number(row[3]), row[5]]),
    layers.map((unit) => [unit.layer, unit.kind, unit.pe, grouped(unit.cycles)]),
  );
  await page.click("#tab-graph");
}

async function test(name, run) {
  const start = performance.now();
  await run();
  console.log(`ok  ${name}  (${Math.round(performance.now() - start)} ms)`);
}

try {
  execFileSync(MODELS, ["dense", inPlace("dense.onnx")]);
  execFileSync(MODELS, ["mobilenet", inPlace("mobilenet.onnx")]);
  const compiled = json("compile", "dense.onnx", "--board", "pynq-z1", "--ii", "32", "--no-package", "-o", "out");
  const document_ = json("view", "out");
  const address = await view("out");
  const page = await newPage();

  await test("numbers of a compiled folder are those of --json", async () => {
    await open(page, address);
    assert.equal(await text(page, "h1"), "three-layers");
    await compareWithJson(page, compiled);
    await page.screenshot({ path: join(pictures, "accelerator.png") });
  });

  await test("a clicked node shows its details", async () => {
    await page.click("[data-step=network]");
    const network = document_.steps.find((step) => step.id === "network").graph;
    const layer = network.nodes.find((one) => one.op === "MatrixVector");
    await node(page, layer.name).click();
    const details = await text(page, "#details");
    assert.ok(details.includes(layer.name));
    assert.ok(details.includes(Object.fromEntries(layer.facts).matrix));
    assert.ok(details.includes(`${grouped(layer.weights.count)} values from ${layer.weights.min} to ${layer.weights.max}`));
    assert.equal(await page.locator("#details .chart rect.bar").count(), layer.weights.counts.length);
    const threshold = network.nodes.find((one) => one.op === "Threshold");
    await node(page, threshold.name).click();
    assert.ok((await page.locator("#details path.stairs").count()) > 1);
    await page.screenshot({ path: join(pictures, "thresholds.png") });
  });

  await test("every step is drawn with all its nodes", async () => {
    for (const step of document_.steps) {
      await page.click(`[data-step=${step.id}]`);
      const nodes = step.graph ? step.graph.nodes.length : document_.accelerator.units.length;
      const ends = step.graph ? step.graph.inputs.length + step.graph.outputs.length : 2;
      assert.equal(await page.locator("g.box").count(), nodes + ends, step.id);
    }
  });

  await test("the slider folds again, and its numbers are those of compile --json", async () => {
    await page.click("[data-step=accelerator]");
    await page.focus("#target");
    const seen = new Set();
    for (const key of ["Home", "End", "PageDown", "PageDown", "ArrowLeft"]) {
      const before = await page.evaluate(() => performance.getEntriesByName("qloom:fold-and-redraw").length);
      await page.keyboard.press(key);
      await page.waitForFunction((count) => performance.getEntriesByName("qloom:fold-and-redraw").length > count, before);
      const wanted = Number((await text(page, "#target-rate")).match(/every ([\d,]+) cycles/)[1].replaceAll(",", ""));
      const again = json("compile", "dense.onnx", "--board", "pynq-z1", "--ii", String(wanted), "--no-package", "-o", "again");
      await compareWithJson(page, again);
      seen.add(again.luts);
      await page.focus("#target");
    }
    assert.ok(seen.size > 2, "the size changes with the rate");
    const measures = await page.evaluate(() => performance.getEntriesByName("qloom:fold-and-redraw").map((entry) => entry.duration));
    results.slider_ms = measures.sort((a, b) => a - b)[Math.floor(measures.length / 2)];
  });

  await test("search finds, keyboard goes from node to node", async () => {
    await page.click("[data-step=tidy]");
    await page.keyboard.press("/");
    await page.keyboard.type("fc2");
    const found = await page.locator("#results [role=option]").count();
    const graph = document_.steps.find((step) => step.id === "tidy").graph;
    const expected = graph.nodes.filter((one) => [one.name, ...one.outputs.map((id) => graph.tensors[id].name)].join(" ").includes("fc2"));
    assert.equal(found, expected.length);
    assert.ok(found > 0);
    await page.keyboard.press("Enter");
    const first = await page.getAttribute("g.box.selected", "data-id");
    await page.keyboard.press("ArrowDown");
    const second = await page.getAttribute("g.box.selected", "data-id");
    assert.notEqual(first, second);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.id), second);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("g.box.selected").count(), 0);
  });

  await test("everything that acts has a name for screen readers", async () => {
    const nameless = await page.$$eval("button, input, select, [role=button], [role=meter], [role=img], canvas", (elements) =>
      elements
        .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || (one.labels && one.labels.length > 0)))
        .map((one) => one.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(nameless, []);
  });

  await test("streams: waits, FIFO filling and waveforms are those of --json", async () => {
    const { streams, accelerator } = document_;
    await page.click("[data-step=accelerator]");
    await open(page, address); // back to the folder's own rate
    await page.click("#tab-streams");
    const shares = await page.$$eval("#streams tbody tr", (rows) => rows.map((row) => [...row.children].slice(2).map((cell) => cell.textContent)));
    const percent = (share) => `${(share * 100).toFixed(1)} %`;
    assert.deepEqual(shares, streams.channels.map((channel) => [channel.moves, channel.waits, channel.starves].map(percent)));
    assert.equal(await page.locator(".fifos figure").count(), Math.min(12, streams.fifos.length));
    await page.selectOption("#wave-channel", "1");
    const wave = streams.channels[1].wave.slice(0, 48);
    assert.equal(await page.locator(".wave .moves").count(), [...wave].filter((digit) => digit === "3").length);
    // Once the pipeline is full a frame takes its beats every ii cycles.
    streams.channels.forEach((channel, i) => assert.ok(Math.abs(channel.moves * accelerator.ii_cycles - accelerator.channels[i].beats) <= 0.5, `channel ${i}`));
    await page.screenshot({ path: join(pictures, "streams.png") });
    // Another rate: asked for when somebody looks.
    await page.focus("#target");
    await page.keyboard.press("Home");
    await page.waitForFunction((before) => document.querySelector(".streams p").textContent !== before, await text(page, ".streams p"));
    await open(page, address);
  });

  await test("nothing for the accessibility checker, light and dark, in every view", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const other = await newPage({ colorScheme });
      await open(other, address);
      for (const tab of ["graph", "resources", "streams"]) {
        await other.click(`#tab-${tab}`);
        if (tab === "graph") await other.locator("g.box").nth(2).click();
        assert.equal(await accessibilityProblems(other), "", `${colorScheme}, ${tab}`);
      }
      await other.context().close();
    }
  });

  await test("with the keyboard alone: skip link, tabs, steps, nodes, slider", async () => {
    const keys = await newPage();
    await open(keys, address);
    const active = () => keys.evaluate(() => document.activeElement.id || document.activeElement.dataset.step || document.activeElement.dataset.id || document.activeElement.className);
    await keys.keyboard.press("Tab");
    assert.equal(await active(), "skip");
    await keys.keyboard.press("Tab");
    assert.equal(await active(), "tab-graph");
    await keys.keyboard.press("ArrowRight");
    assert.equal(await active(), "tab-resources");
    assert.ok(await keys.isVisible("#view-resources"));
    await keys.keyboard.press("ArrowLeft");
    const seen = [];
    for (let i = 0; i < 16; i++) {
      await keys.keyboard.press("Tab");
      seen.push(await active());
    }
    for (const wanted of ["theme", "target", "import", "accelerator", "search", "colouring", "in0"]) assert.ok(seen.includes(wanted), `${wanted} is not among ${seen}`);
    await keys.focus('[data-id="in0"]');
    for (let i = 0; i < 3; i++) await keys.keyboard.press("ArrowDown");
    assert.notEqual(await active(), "in0");
    assert.ok((await text(keys, "#details h2")).length > 0);
    await keys.context().close();
  });

  await test("dark follows the system and the button", async () => {
    const dark = await newPage({ colorScheme: "dark" });
    await open(dark, address);
    const ground = () => dark.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    await dark.screenshot({ path: join(pictures, "accelerator_dark.png") });
    await dark.click(".theme");
    assert.notEqual(await ground(), before);
    assert.deepEqual(dark.problems, []);
    await dark.context().close();
  });

  await test("what the folder gets while the page is open appears", async () => {
    assert.ok(await page.locator("#tab-log").isHidden());
    writeFileSync(inPlace("out/uart.log"), "hello from the board\n");
    await page.waitForSelector("#tab-log:visible");
    await page.click("#tab-log");
    appendFileSync(inPlace("out/uart.log"), "frame 0: label 3\n");
    await page.waitForFunction(() => document.querySelector("[role=log]").textContent.includes("label 3"));
    await page.click("#tab-graph");
  });

  await test("no errors on the console", async () => assert.deepEqual(page.problems, []));

  await test("training curves grow while the training runs", async () => {
    const epoch = (n) => ({ epoch: n, loss: 1 / n, train_accuracy: 0.5 + n / 20, learning_rate: 0.01, seconds: 0.5, test_accuracy: 0.4 + n / 20 });
    const write = (count) =>
      writeFileSync(inPlace("run.metrics.json"), JSON.stringify({ recipe: "my-recipe", parameters: 123, accuracy: 0.4 + count / 20, epochs: Array.from({ length: count }, (_, i) => epoch(i + 1)), finished: false, epochs_planned: 5 }));
    write(1);
    const training = await newPage();
    await open(training, await view("run"));
    assert.ok((await text(training, "#view-training")).includes("epoch 1 of 5"));
    write(3);
    await training.waitForFunction(() => document.querySelectorAll("#epochs tbody tr").length === 3);
    assert.ok((await text(training, "#view-training")).includes("epoch 3 of 5"));
    assert.equal(await training.locator(".uplot canvas").count(), 2);
    await training.screenshot({ path: join(pictures, "training.png") });
    // The training ends: its folder appears whole.
    mkdirSync(inPlace("run"));
    writeFileSync(inPlace("run/metrics.json"), JSON.stringify({ recipe: "my-recipe", parameters: 123, accuracy: 0.65, epochs: [1, 2, 3, 4, 5].map(epoch) }));
    copyFileSync(inPlace("dense.onnx"), inPlace("run/model.onnx"));
    rmSync(inPlace("run.metrics.json"));
    await training.waitForSelector("g.box");
    await training.click("#tab-training");
    assert.ok((await text(training, "#view-training")).includes("65.00 %"));
    assert.deepEqual(training.problems, []);
    await training.context().close();
  });

  await test("report.html shows the same without a server", async () => {
    assert.ok(existsSync(inPlace("out/report.html")));
    const report = await newPage();
    const requests = [];
    report.on("request", (request) => requests.push(request.url()));
    await open(report, pathToFileURL(inPlace("out/report.html")).href);
    await compareWithJson(report, compiled);
    assert.ok(await report.isDisabled("#target"));
    assert.deepEqual(requests.filter((url) => !url.startsWith("file:") && !url.startsWith("data:")), []);
    assert.deepEqual(report.problems, []);
    await report.context().close();
  });

  await test("another origin can read nothing", async () => {
    const other = createServer((_request, response) => response.end("<!doctype html><title>other</title>"));
    await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
    const stranger = await newPage();
    await stranger.goto(`http://127.0.0.1:${other.address().port}/`);
    const reading = await stranger.evaluate(async (target) => {
      try {
        return (await fetch(target)).status;
      } catch {
        return "refused";
      }
    }, `${address}api/view`);
    assert.equal(reading, "refused");
    const blind = await stranger.evaluate(async (target) => (await fetch(target, { mode: "no-cors" }).catch(() => ({ type: "refused" }))).type, `${address}api/fold?ii=1`);
    assert.ok(["opaque", "refused"].includes(blind));
    await stranger.context().close();
    other.close();
  });

  await test("a graph of a MobileNet's size opens quickly and zooms", async () => {
    const large = await newPage();
    const start = performance.now();
    await open(large, await view("mobilenet.onnx"));
    const nodes = await large.locator("g.box").count();
    await large.click("[data-step=import]");
    const graph = json("view", "mobilenet.onnx").steps[0].graph;
    assert.ok(graph.nodes.length > 100);
    assert.equal(await large.locator("g.box").count(), graph.nodes.length + graph.inputs.length + graph.outputs.length);
    assert.ok(nodes > 50);
    results.mobilenet_open_ms = await lastMeasure(large, "qloom:open");
    results.mobilenet_draw_ms = await lastMeasure(large, "qloom:draw");
    results.mobilenet_all_ms = performance.now() - start;
    const before = await text(large, ".zoom-text");
    await large.hover("svg.graph");
    await large.keyboard.down("Control");
    await large.mouse.wheel(0, -200);
    await large.keyboard.up("Control");
    assert.notEqual(await text(large, ".zoom-text"), before);
    // Forty steps of the wheel, a frame each: what a hand does.
    const frames = await large.evaluate(async () => {
      const canvas = document.querySelector("svg.graph");
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const times = [];
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      let last = await frame();
      for (let i = 0; i < 40; i++) {
        const turn = { deltaY: i % 20 < 10 ? 60 : -60, ctrlKey: true, clientX: left + width / 2, clientY: top + height / 2, cancelable: true };
        canvas.dispatchEvent(new WheelEvent("wheel", turn));
        const now = await frame();
        times.push(now - last);
        last = now;
      }
      return times.sort((a, b) => a - b);
    });
    results.zoom_frame_ms = frames[20];
    results.zoom_slowest_frame_ms = frames[39];
    await large.click("button[aria-label='Show the whole graph']");
    await large.screenshot({ path: join(pictures, "mobilenet.png") });
    assert.deepEqual(large.problems, []);
    await large.context().close();
  });

  if (process.env.BENCH_MODEL) {
    await test("the slider on a model of the bench", async () => {
      const bench = await newPage();
      await open(bench, await view(process.env.BENCH_MODEL));
      const durations = [];
      await bench.focus("#target");
      await bench.keyboard.press("Home");
      for (let i = 0; i < 20; i++) {
        const before = await bench.evaluate(() => performance.getEntriesByName("qloom:fold-and-redraw").length);
        await bench.keyboard.press("PageUp");
        await bench.waitForFunction((count) => performance.getEntriesByName("qloom:fold-and-redraw").length > count, before).catch(() => {});
        durations.push(await lastMeasure(bench, "qloom:fold-and-redraw"));
        if ((await bench.inputValue("#target")) === (await bench.getAttribute("#target", "max"))) break;
      }
      results.bench_slider_ms = durations.sort((a, b) => a - b)[Math.floor(durations.length / 2)];
      results.bench_slider_worst_ms = durations[durations.length - 1];
      await bench.context().close();
    });
  }
  if (process.env.BENCH) console.log(`bench ${JSON.stringify(results)}`);
} finally {
  for (const server of servers) server.kill("SIGINT");
  await browser.close();
  rmSync(place, { recursive: true, force: true });
}
