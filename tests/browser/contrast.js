// What axe-core leaves undecided about contrast, decided on the picture: the words'
// own colour against the colour that is most of what lies behind them.
//
// axe reads colours from styles, so it cannot tell for words over drawn shapes, in a
// forced palette, or partly out of sight. A file of its own because it reads pixels.

import { inflateSync } from 'node:zlib';

/** Least contrast of words, and of large words (WCAG 2.2, 1.4.3). */
const CONTRAST_MIN = 4.5;
const CONTRAST_LARGE_MIN = 3;
/** What lies behind words may have several colours; each that is this part of the box counts. */
const SHARE_MIN = 0.2;

/**
 * Findings for the elements at these selectors. Returns { findings, measured, unseen }:
 * how many were measured, and how many show nothing however one scrolls.
 */
export async function contrast(page, selectors) {
  const findings = [];
  let waiting = selectors;
  let unseen = 0;
  while (waiting.length) {
    // scrolls to the first that waits, and measures all that are then in sight
    const words = await page.evaluate(wordsInSight, waiting);
    const picture = decoded(await page.screenshot({ animations: 'disabled' }));
    const seen = words.filter((one) => one.box);
    findings.push(...seen.flatMap((one) => pale(picture, one)));
    if (!words[0].box) unseen += 1;
    waiting = words.slice(1).filter((one) => !one.box).map((one) => one.selector);
  }
  return { findings, measured: selectors.length - unseen, unseen };
}

function pale(picture, words) {
  const least = words.large ? CONTRAST_LARGE_MIN : CONTRAST_MIN;
  const worst = Math.min(...backgrounds(picture, words).map((colour) => ratio(words.colour, colour)));
  if (worst >= least) return [];
  return [`contrast ${worst.toFixed(2)}, ${least} at least: ${words.selector} "${words.text}"`];
}

/** Runs in the page: which of these words are in sight, where, and their colour. */
function wordsInSight(selectors) {
  const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const boxOf = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return element instanceof SVGElement ? element.getBoundingClientRect() : range.getBoundingClientRect();
  };
  document.querySelector(selectors[0])?.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
  return selectors.map((selector) => {
    const element = document.querySelector(selector);
    if (!element) return { selector };
    const box = boxOf(element);
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const inside = box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
    // what is clipped by a box that scrolls, or lies under something, is not what is met there
    const met = inside && box.width >= 1 && box.height >= 1 && document.elementFromPoint(x, y);
    const drawing = element.closest('svg');
    const own = met && (met.contains(element) || element.contains(met) || (drawing && met.closest('svg') === drawing));
    if (!own) return { selector };
    const style = getComputedStyle(element);
    const pixels = parseFloat(style.fontSize);
    return {
      selector,
      text: element.textContent.trim().slice(0, 40),
      box: { left: box.left, top: box.top, width: box.width, height: box.height },
      colour: rgb(element instanceof SVGElement ? style.fill : style.color),
      large: pixels >= 24 || (pixels >= 18.66 && Number(style.fontWeight) >= 700),
    };
  });
}

/** The colours behind words: those that are much of the box and are not the words themselves. */
function backgrounds(picture, words) {
  const left = Math.max(0, Math.floor(words.box.left));
  const top = Math.max(0, Math.floor(words.box.top));
  const right = Math.min(picture.width, Math.ceil(words.box.left + words.box.width));
  const bottom = Math.min(picture.height, Math.ceil(words.box.top + words.box.height));
  const counts = new Map();
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      const at = (y * picture.width + x) * picture.channels;
      const key = (picture.bytes[at] << 16) | (picture.bytes[at + 1] << 8) | picture.bytes[at + 2];
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const pixels = (right - left) * (bottom - top);
  const sorted = [...counts].sort((one, other) => other[1] - one[1]);
  const own = (words.colour[0] << 16) | (words.colour[1] << 8) | words.colour[2];
  const most = sorted[0][0];
  return sorted
    .filter(([key, count]) => key === most || (count / pixels >= SHARE_MIN && key !== own))
    .map(([key]) => [key >> 16, (key >> 8) & 255, key & 255]);
}

/** WCAG's contrast ratio of two colours. */
export function ratio(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Reads a PNG of 8 bits a channel without interlacing, as the browser takes them. */
export function decoded(png) {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const [depth, kind, , , interlaced] = png.subarray(24, 29);
  const channels = { 2: 3, 6: 4 }[kind];
  if (depth !== 8 || !channels || interlaced) throw new Error(`a PNG of kind ${kind}, ${depth} bits, cannot be read here`);
  const parts = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const packed = inflateSync(Buffer.concat(parts));
  const line = width * channels;
  const bytes = Buffer.alloc(line * height);
  for (let y = 0; y < height; y += 1) {
    unfilter(packed, y * (line + 1), bytes, y * line, line, channels, y === 0);
  }
  return { width, height, channels, bytes };
}

function unfilter(packed, from, bytes, to, line, channels, first) {
  const filter = packed[from];
  for (let x = 0; x < line; x += 1) {
    const left = x >= channels ? bytes[to + x - channels] : 0;
    const up = first ? 0 : bytes[to + x - line];
    const corner = first || x < channels ? 0 : bytes[to + x - line - channels];
    const guess = [0, left, up, (left + up) >> 1, 0][filter] ?? 0;
    bytes[to + x] = packed[from + 1 + x] + (filter === 4 ? paeth(left, up, corner) : guess);
  }
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
