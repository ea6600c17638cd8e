// Every page of pages.json in every look: what rules.js asks, and pictures for
// eyes when LAZARET_SHOTS names a folder.
//
// A page may say: `as` (a user's role, or null for nobody; default admin),
// `status` (default 200), `open` (a link's selector: follow the first one).

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { logIn, visit } from './browser.js';
import { nodeOf, userOf } from './federation.js';
import { chromium, federation } from './stage.js';
import * as rules from './rules.js';

const pages = JSON.parse(readFileSync(new URL('pages.json', import.meta.url), 'utf8'));
const shots = process.env.LAZARET_SHOTS;

const LOOKS = [
  { name: 'wide', width: 1440, axe: true },
  { name: 'tablet', width: 768 },
  { name: 'phone', width: 320, axe: true },
  { name: 'wide-dark', width: 1440, scheme: 'dark', axe: true },
  { name: 'phone-dark', width: 320, scheme: 'dark' },
  { name: 'forced-colors', width: 1440, forcedColors: true, axe: true },
  { name: 'large-text', width: 1440, textPercent: 200 },
  { name: 'no-script', width: 1440, script: false },
  { name: 'print', width: 794, media: 'print' },
];

const sessions = new Map();

async function sessionFor(entry) {
  if (entry.node === 'theatre' || entry.as === null) return undefined;
  const role = entry.as ?? 'admin';
  const key = `${entry.node} ${role}`;
  if (!sessions.has(key)) {
    const node = nodeOf(federation, entry.node);
    sessions.set(key, await logIn(chromium.browser, node, userOf(node, role)));
  }
  return sessions.get(key);
}

function addressOf(entry) {
  if (entry.node === 'theatre') return federation.theatre + entry.path;
  return new URL(entry.path, nodeOf(federation, entry.node).url).href;
}

async function opened(entry, look) {
  const { context, page } = await visit(chromium.browser, { ...look, state: await sessionFor(entry) });
  let address = addressOf(entry);
  if (entry.open) {
    await page.goto(address);
    address = new URL(await page.locator(entry.open).first().getAttribute('href'), page.url()).href;
  }
  const finish = rules.watched(page);
  const response = await page.goto(address, { waitUntil: 'load' });
  return { context, page, response, finish };
}

for (const entry of pages) {
  describe(entry.name, () => {
    for (const look of LOOKS) {
      test(look.name, async (context) => {
        const { context: session, page, response, finish } = await opened(entry, look);
        try {
          assert.equal(response.status(), entry.status ?? 200, `status of ${page.url()}`);
          const findings = await asked(entry, look, page, finish, context);
          if (shots) {
            mkdirSync(shots, { recursive: true });
            await page.evaluate(() => window.scrollTo(0, 0));
            await page.screenshot({ path: `${shots}/${entry.name}-${look.name}.png`, fullPage: true });
          }
          assert.deepEqual(findings, []);
        } finally {
          await session.close();
        }
      });
    }
  });
}

/** The rules that make sense in this look. */
async function asked(entry, look, page, finish, context) {
  const findings = await rules.sideways(page);
  if (look.media === 'print') return [...findings, ...(await rules.printed(page))];
  findings.push(...(await rules.grammar(page)));
  if (look.axe) {
    const axe = await rules.accessibility(page);
    findings.push(...axe.findings);
    axe.reviewed.forEach((line) => context.diagnostic(line));
  }
  if (look.name === 'wide') {
    findings.push(...(await rules.keyboard(page)));
    const heard = await finish();
    // A page that is meant to answer with an error status says so once itself.
    findings.push(...heard.filter((line) => !(entry.status && line.includes(String(entry.status)))));
  }
  return findings;
}
