// What must be true of every page, each rule a function from an open page to a
// list of findings in words. The tests decide where each rule is asked.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { contrast } from './contrast.js';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Bytes of one page's document. */
export const PAGE_BYTES_MAX = 60_000;
/** Bytes of one page's document as gzip sends it. */
export const PAGE_GZIP_BYTES_MAX = 14_000;
/** Bytes of all stylesheets of a page, and as gzip sends them. */
export const STYLE_BYTES_MAX = 20_000;
export const STYLE_GZIP_BYTES_MAX = 5_000;
/** Bytes of all scripts of a page, and as gzip sends them. */
export const SCRIPT_BYTES_MAX = 52_000;
export const SCRIPT_GZIP_BYTES_MAX = 18_000;

/**
 * axe-core's findings: all its default rules of any impact, and target-size. What axe
 * leaves undecided is decided here: contrast on the picture; nothing else may stay open.
 * `reviewed` says in words what was left undecided and how it was decided.
 */
export async function accessibility(page) {
  await page.evaluate(axeSource);
  const result = await page.evaluate(() =>
    window.axe.run(document, {
      resultTypes: ['violations', 'incomplete'],
      rules: { 'target-size': { enabled: true } },
    }),
  );
  const told = (entry) =>
    `${entry.id} (${entry.impact}): ${entry.help}; ${entry.nodes
      .slice(0, 3)
      .map((node) => `${node.target.join(' ')} ${node.html.slice(0, 160)}`)
      .join(' | ')}${entry.nodes.length > 3 ? ` and ${entry.nodes.length - 3} more` : ''}`;
  const findings = result.violations.map(told);
  const reviewed = [];
  for (const entry of result.incomplete) {
    if (entry.id !== 'color-contrast') {
      findings.push(`undecided: ${told(entry)}`);
      continue;
    }
    const selectors = entry.nodes.map((node) => node.target.at(-1));
    const { findings: pale, measured, unseen } = await contrast(page, selectors);
    findings.push(...pale);
    const why = [...new Set(entry.nodes.map((node) => node.any[0]?.data?.messageKey ?? 'unknown'))].join(', ');
    reviewed.push(`color-contrast undecided (${why}) for ${selectors.length}: ${measured} measured, ${unseen} out of sight`);
  }
  return { findings, reviewed };
}

/** The page itself never scrolls sideways. */
export async function sideways(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
      .filter((element) => !element.closest('[data-scrolls]'))
      .slice(0, 5)
      .map((element) => `<${element.tagName.toLowerCase()} class="${element.className?.baseVal ?? element.className}">`);
    return [`the page is ${scrollWidth} px wide in a window of ${clientWidth} px: ${wide.join(' ')}`];
  });
}

/** The grammar of a page, as far as a machine sees it. */
export async function grammar(page) {
  return page.evaluate(() => {
    const findings = [];
    const one = (selector) => {
      const count = document.querySelectorAll(selector).length;
      if (count !== 1) findings.push(`${count} times ${selector}, not once`);
    };
    one('h1');
    one('main');
    if (document.querySelectorAll('[role=status]').length > 1) findings.push('more than one role=status');
    if (!document.documentElement.lang) findings.push('no language on <html>');
    if (!document.title.trim()) findings.push('no title');
    const primary = document.querySelectorAll('main .primary, main .button-primary, main [data-primary]').length;
    if (primary > 1) findings.push(`${primary} primary buttons, not one`);
    const entries = document.querySelectorAll('header nav a, body > nav a').length;
    if (entries > 8) findings.push(`${entries} menu entries`);
    for (const table of document.querySelectorAll('table')) {
      if (!table.caption?.textContent.trim()) findings.push('a table without a caption');
    }
    const empty = [...document.querySelectorAll('a, button')].filter(
      (element) => !(element.textContent.trim() || element.getAttribute('aria-label')),
    );
    if (empty.length) findings.push(`${empty.length} links or buttons without words`);
    // A message that was not found shows its key.
    const keys = document.body.innerText.match(/\b[a-z]+(?:-[a-z]+)+\.[a-z-]+\b|\{\s*\$[a-z_]+\s*\}/g) ?? [];
    if (keys.length) findings.push(`untranslated: ${[...new Set(keys)].slice(0, 5).join(', ')}`);
    return findings;
  });
}

/** Every stop of the Tab key is seen, and the key leaves the page again. */
export async function keyboard(page, stopsMax = 250) {
  const findings = [];
  const seen = new Set();
  for (let stop = 0; stop < stopsMax; stop += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      window.lazaretStops ??= new Map();
      if (!window.lazaretStops.has(element)) window.lazaretStops.set(element, window.lazaretStops.size);
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
      return {
        number: window.lazaretStops.get(element),
        html: element.outerHTML.slice(0, 120),
        marked: outlined || style.boxShadow !== 'none',
        shown: box.width > 0 && box.height > 0,
      };
    });
    if (!at || seen.has(at.number)) return findings;
    seen.add(at.number);
    if (!at.marked) findings.push(`no mark of the focus on ${at.html}`);
    if (!at.shown) findings.push(`the focus is on something invisible: ${at.html}`);
  }
  findings.push(`more than ${stopsMax} stops of the Tab key`);
  return findings;
}

/** Printed: white paper, no menu, dark words. */
export async function printed(page) {
  return page.evaluate(() => {
    const findings = [];
    const paper = getComputedStyle(document.body).backgroundColor;
    if (!['rgb(255, 255, 255)', 'rgba(0, 0, 0, 0)'].includes(paper)) findings.push(`printed on ${paper}`);
    const menus = [...document.querySelectorAll('header nav, body > nav')];
    if (menus.some((menu) => menu.getClientRects().length > 0)) findings.push('the menu is printed');
    return findings;
  });
}

/**
 * Watches a page from before it loads: what it loads, from where, and what its
 * console says. Call the returned function when the page is there.
 */
export function watched(page) {
  const findings = [];
  const weight = { document: [0, 0], stylesheet: [0, 0], script: [0, 0] };
  const bodies = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) findings.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => findings.push(`script: ${error.message}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    if (!why.includes('ERR_ABORTED')) findings.push(`request: ${request.url()} ${why}`);
  });
  page.on('response', (response) => {
    const kind = response.request().resourceType();
    if (response.status() >= 400) findings.push(`${response.status()} for ${response.url()}`);
    if (!(kind in weight) || response.status() >= 300) return;
    bodies.push(
      response.body().then(
        (body) => {
          weight[kind][0] += body.length;
          weight[kind][1] += gzipSync(body).length;
        },
        () => {},
      ),
    );
  });
  return async () => {
    await Promise.all(bodies);
    const origin = new URL(page.url()).origin;
    const foreign = await page.evaluate(
      (own) => performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => !name.startsWith(own) && !name.startsWith('data:')),
      origin,
    );
    return [...findings, ...foreign.map((name) => `loaded from elsewhere: ${name}`), ...tooHeavy(weight)];
  };
}

function tooHeavy({ document, stylesheet, script }) {
  const findings = [];
  const weigh = (what, [bytes, packed], bytesMax, packedMax) => {
    if (bytes > bytesMax) findings.push(`${what}: ${bytes} bytes, ${bytesMax} at most`);
    if (packed > packedMax) findings.push(`${what}: ${packed} bytes as gzip, ${packedMax} at most`);
  };
  weigh('page', document, PAGE_BYTES_MAX, PAGE_GZIP_BYTES_MAX);
  weigh('stylesheets', stylesheet, STYLE_BYTES_MAX, STYLE_GZIP_BYTES_MAX);
  weigh('scripts', script, SCRIPT_BYTES_MAX, SCRIPT_GZIP_BYTES_MAX);
  return findings;
}
