"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
all("[data-script]").forEach((part) => { part.hidden = false; });

// Calls `frame(milliseconds since its first call)` until it returns false or the button stops it.
function playButton(button, frame) {
  const name = button.textContent;
  let request = 0;
  const show = (playing) => { button.setAttribute("aria-pressed", playing); button.textContent = playing ? "Pause" : name; };
  const stop = () => { cancelAnimationFrame(request); request = 0; show(false); };
  button.addEventListener("click", () => {
    if (request) return stop();
    let start;
    const next = (now) => {
      start ??= now;
      if (frame(now - start) === false) stop(); else request = requestAnimationFrame(next);
    };
    request = requestAnimationFrame(next);
    show(true);
  });
  return stop;
}

// Training: one step for the slider, the sample grids and the cursor in all charts.
const charts = all(".chart").map((chart, i) => ({ ...data.charts[i], svg: chart.querySelector("svg"), cursor: chart.querySelector(".cursor"), values: all("output", chart) }));
const strips = all(".frames").map((strip) => all("img", strip)).filter((strip) => strip.length);
const stepsOf = (strip) => strip.map((image) => +image.dataset.step);
const places = strips.length ? strips.map(stepsOf) : charts.map(({ lines }) => lines[0][0]);
const steps = [...new Set(places.flat())].sort((a, b) => a - b);
const nearest = (list, step) => list.reduce((best, value, i) => (Math.abs(value - step) < Math.abs(list[best] - step) ? i : best), 0);
const { left, right, width } = data.size;

function showStep(step) {
  for (const strip of strips) {
    const shown = nearest(stepsOf(strip), step);
    strip.forEach((image, i) => { image.hidden = i !== shown; });
  }
  for (const { first, last, lines, cursor, values } of charts) {
    const x = left + clamp((step - first) / (last - first), 0, 1) * (right - left);
    for (const [name, value] of [["x1", x], ["x2", x], ["visibility", "visible"]]) cursor.setAttribute(name, value);
    lines.forEach(([at, line], i) => { values[i].textContent = line[nearest(at, step)]; });
  }
  $("step").value = nearest(steps, step);
  $("step-text").textContent = `step ${Math.round(step)}`;
  $("step").setAttribute("aria-valuetext", $("step-text").textContent);
}

function startTraining() {
  const end = steps.length - 1;
  $("step").max = end;
  showStep(steps[end]);
  let start = 0;
  const stop = playButton($("play-training"), (time) => {
    if (time === 0) start = +$("step").value % end || 0;
    const index = Math.min(end, start + Math.floor(time / Math.min(200, 12000 / end)));
    showStep(steps[index]);
    return index < end;
  });
  $("step").addEventListener("input", () => { stop(); showStep(steps[$("step").value]); });
  for (const { svg, first, last } of charts) {
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width * width - left) / (right - left);
      showStep(first + clamp(x, 0, 1) * (last - first));
    });
  }
}
if (steps.length) startTraining();

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
const ACTIVATIONS = { relu: (x) => Math.max(x, 0), linear: (x) => x, sigmoid: (x) => 1 / (1 + Math.exp(-x)), tanh: Math.tanh };
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
    return sums.map((sum) => activation(sum));
  }, input);
}

function paint(canvas, input) {
  const [height, wide, channels] = network.shape, pixels = generate(input);
  const image = new ImageData(wide, height);
  image.data.forEach((_, i) => {
    const pixel = i >> 2, channel = i & 3;
    image.data[i] = channel === 3 ? 255 : Math.round(255 * pixels[channels === 3 ? 3 * pixel + channel : pixel]);
  });
  Object.assign(canvas, { width: wide, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// Along the great circle for the noise (slerp), straight for the classes.
function between(a, b, t) {
  const { latent } = network, noise = [a, b].map((input) => input.subarray(0, latent));
  const cosine = dot(...noise) / Math.sqrt(dot(noise[0], noise[0]) * dot(noise[1], noise[1]));
  const angle = Math.max(Math.acos(clamp(cosine, -1, 1)), 1e-6);
  const [p, q] = [1 - t, t].map((part) => Math.sin(part * angle) / Math.sin(angle));
  return a.map((value, i) => (i < latent ? p * value + q * b[i] : (1 - t) * value + t * b[i]));
}

function startLive({ latent, classes, directions }) {
  let current, picked = [0, 1];
  const thumbs = Array.from({ length: 24 }, (_, i) => {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    button.append(canvas);
    button.addEventListener("click", () => { if (i !== picked[1]) picked = [picked[1], i]; mark(); });
    $("thumbs").append(button);
    return { button, canvas, input: new Float32Array(latent + classes) };
  });
  const sliders = directions.map((direction, k) => {
    const label = document.createElement("label"), slider = document.createElement("input"), text = document.createElement("output");
    Object.assign(slider, { type: "range", min: -4, max: 4, step: 0.01, ariaLabel: `Principal direction ${k + 1}` });
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

  function show(input) {
    current = input;
    paint($("image"), current);
    for (const { slider, text, direction } of sliders) {
      slider.value = dot(direction, current);
      text.textContent = (+slider.value).toFixed(2);
    }
  }
  function mark() {
    stop();
    thumbs.forEach(({ button }, i) => {
      const name = ["A", "B"][picked.lastIndexOf(i)];
      if (name) button.dataset.mark = name; else delete button.dataset.mark;
      Object.assign(button, { ariaLabel: `Image ${i + 1}${name ? `, picked as ${name}` : ""}`, ariaPressed: `${!!name}` });
    });
    mix(1);
  }
  function renew(noise) {
    const chosen = classes ? $("class").value : "";
    thumbs.forEach(({ input, canvas }, i) => {
      if (noise) for (let j = 0; j < latent; j += 1) input[j] = normal();
      for (let c = 0; c < classes; c += 1) input[latent + c] = c === +(chosen || i % classes) ? 1 : 0;
      paint(canvas, input);
    });
    mark();
  }
  function mix(t) {
    $("mix").value = t;
    show(between(thumbs[picked[0]].input, thumbs[picked[1]].input, t));
  }
  const stop = playButton($("play-mix"), (time) => mix((1 + Math.cos(Math.PI * time / 2000)) / 2));
  $("mix").addEventListener("input", () => { stop(); mix(+$("mix").value); });
  $("noise").addEventListener("click", () => renew(true));
  if (classes) $("class").addEventListener("change", () => renew(false));
  renew(true);
}
if (network) startLive(network);
