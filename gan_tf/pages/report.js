"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
all("[data-script]").forEach((part) => { part.hidden = false; });

// Calls `frame(milliseconds since its first call)` until it returns false or the button stops it.
function playButton(button, frame) {
  let running = 0;
  const stop = () => { running += 1; button.setAttribute("aria-pressed", "false"); button.textContent = button.dataset.play; };
  button.dataset.play = button.textContent;
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-pressed") === "true") return stop();
    const mine = (running += 1);
    let start;
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Pause";
    const next = (now) => {
      if (mine !== running) return;
      start ??= now;
      if (frame(now - start) === false) stop(); else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  return stop;
}

// Training: one step for the slider, the sample grids and the cursor in all charts.
const charts = all(".chart").map((chart, i) => ({ ...data.charts[i], svg: chart.querySelector("svg"), cursor: chart.querySelector(".cursor"), values: all("output", chart) }));
const strips = all(".frames").map((strip) => all("img", strip)).filter((strip) => strip.length);
const stepsOf = (strip) => strip.map((image) => +image.dataset.step);
const steps = [...new Set(strips.flatMap(stepsOf))].sort((a, b) => a - b);
const nearest = (list, step) => list.reduce((best, value, i) => (Math.abs(value - step) < Math.abs(list[best] - step) ? i : best), 0);
const { left, right, width } = data.size;

function showStep(step, cursor = true) {
  for (const strip of strips) {
    const shown = nearest(stepsOf(strip), step);
    strip.forEach((image, i) => { image.hidden = i !== shown; });
  }
  if (steps.length) $("step").value = nearest(steps, step);
  $("step-text").textContent = `step ${Math.round(step)}`;
  $("step").setAttribute("aria-valuetext", $("step-text").textContent);
  if (!cursor) return;
  for (const chart of charts) {
    const x = left + Math.min(1, Math.max(0, (step - chart.first) / (chart.last - chart.first))) * (right - left);
    chart.cursor.setAttribute("x1", x);
    chart.cursor.setAttribute("x2", x);
    chart.cursor.setAttribute("visibility", "visible");
    chart.lines.forEach(([at, values], i) => { chart.values[i].textContent = values[nearest(at, step)] + chart.values[i].dataset.unit; });
  }
}
for (const { svg, first, last } of charts) {
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width * width - left) / (right - left);
    showStep(first + Math.min(1, Math.max(0, x)) * (last - first));
  });
}
if (steps.length) {
  $("step").max = steps.length - 1;
  showStep(steps[steps.length - 1], false);
  let start = 0;
  const stopTraining = playButton($("play-training"), (time) => {
    if (time === 0) start = +$("step").value >= steps.length - 1 ? 0 : +$("step").value;
    const index = start + Math.floor(time / 200);
    showStep(steps[Math.min(index, steps.length - 1)]);
    return index < steps.length - 1;
  });
  $("step").addEventListener("input", () => { stopTraining(); showStep(steps[$("step").value]); });
}

// The generator: dense layers in float32, from weights in float16.
function floats(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => {
    const half = view.getUint16(2 * i, true), exponent = (half >> 10) & 31, fraction = half & 1023;
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    return half >> 15 ? -size : size;
  });
}
const ACTIVATIONS = { relu: (x) => Math.max(x, 0), linear: (x) => x, sigmoid: (x) => 1 / (1 + Math.exp(-x)) };
const network = data.network;
let layers = [];
if (network) {
  const weights = floats(network.weights);
  let at = 0;
  layers = network.layers.map(([inputs, units, activation]) => {
    const kernel = weights.subarray(at, (at += inputs * units));
    return { kernel, bias: weights.subarray(at, (at += units)), activation: ACTIVATIONS[activation] };
  });
}

// The pixels, 0 to 1, of an input: the noise, then the weight of each class.
function generate(input) {
  return layers.reduce((values, { kernel, bias, activation }) => {
    const sums = bias.slice(), units = sums.length;
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i];
      if (value !== 0) for (let j = 0, k = i * units; j < units; j += 1, k += 1) sums[j] += value * kernel[k];
    }
    return sums.map(activation);
  }, input);
}

function paint(canvas, input) {
  const [height, wide, channels] = network.shape, pixels = generate(input);
  const image = new ImageData(wide, height);
  for (let i = 0; i < wide * height; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = Math.round(255 * pixels[channels === 3 ? 3 * i + c : i]);
    image.data[4 * i + 3] = 255;
  }
  Object.assign(canvas, { width: wide, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// Along the great circle for the noise (slerp), straight for the classes.
function between(a, b, t) {
  const { latent } = network, noise = [a, b].map((input) => input.subarray(0, latent));
  const cosine = dot(...noise) / Math.sqrt(dot(noise[0], noise[0]) * dot(noise[1], noise[1]));
  const angle = Math.max(Math.acos(Math.min(1, Math.max(-1, cosine))), 1e-6);
  const [p, q] = [1 - t, t].map((part) => Math.sin(part * angle) / Math.sin(angle));
  return a.map((value, i) => (i < latent ? p * value + q * b[i] : (1 - t) * value + t * b[i]));
}

function startLive({ latent, classes, directions }) {
  const thumbs = Array.from({ length: 24 }, (_, i) => {
    const button = document.createElement("button");
    button.append(document.createElement("canvas"));
    button.addEventListener("click", () => { stop(); pick(i); });
    $("thumbs").append(button);
    return { button, canvas: button.firstChild, input: new Float32Array(latent + classes) };
  });
  const sliders = directions.map((direction, k) => {
    const label = document.createElement("label"), slider = document.createElement("input"), text = document.createElement("output");
    Object.assign(slider, { type: "range", min: -4, max: 4, step: 0.01 });
    slider.setAttribute("aria-label", `Principal direction ${k + 1}`);
    label.append(`${k + 1}`, slider, text);
    $("directions").append(label);
    slider.addEventListener("input", () => {
      stop();
      const change = slider.value - dot(direction, current);
      direction.forEach((value, i) => { current[i] += change * value; });
      show(current);
    });
    return { slider, text, direction };
  });
  let current, picked = [1, 0];

  function show(input) {
    current = input;
    paint($("image"), current);
    for (const { slider, text, direction } of sliders) {
      slider.value = dot(direction, current);
      text.textContent = (+slider.value).toFixed(2);
    }
  }
  function mark() {
    thumbs.forEach(({ button }, i) => {
      const name = picked[1] === i ? "B" : picked[0] === i ? "A" : "";
      if (name) button.dataset.mark = name; else delete button.dataset.mark;
      button.setAttribute("aria-label", `Image ${i + 1}${name && `, picked as ${name}`}`);
      button.setAttribute("aria-pressed", String(name !== ""));
    });
    $("mix").value = 1;
    show(thumbs[picked[1]].input.slice());
  }
  function pick(i) {
    if (i !== picked[1]) picked = [picked[1], i];
    mark();
  }
  function setClasses() {
    thumbs.forEach(({ input, canvas }, i) => {
      const chosen = classes && $("class").value !== "" ? +$("class").value : i % classes;
      for (let c = 0; c < classes; c += 1) input[latent + c] = c === chosen ? 1 : 0;
      paint(canvas, input);
    });
    mark();
  }
  function renew() {
    for (const { input } of thumbs) for (let i = 0; i < latent; i += 1) input[i] = normal();
    setClasses();
  }
  const mix = (t) => show(between(thumbs[picked[0]].input, thumbs[picked[1]].input, t));
  const stop = playButton($("play-mix"), (time) => {
    $("mix").value = (1 + Math.cos(Math.PI * time / 2000)) / 2;
    mix(+$("mix").value);
  });
  $("mix").addEventListener("input", () => { stop(); mix(+$("mix").value); });
  $("noise").addEventListener("click", () => { stop(); renew(); });
  if (classes) $("class").addEventListener("change", () => { stop(); setClasses(); });
  renew();
}
if (network) startLive(network);
