// One Chromium for a test file, and what a person can set in it: width,
// scheme, text size, JavaScript.

import { chromium } from 'playwright-core';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The browser's default text size, in CSS pixels; 200 % of it is the test. */
const TEXT_PIXELS = 16;

/** Launches the browser named by LAZARET_CHROMIUM (default: Debian's place). */
export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), 'lazaret-browser-'));
  const flags = [
    '--disable-gpu',
    '--disable-quic',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ];
  // Chromium's sandbox refuses to run as root.
  if (process.getuid?.() === 0) flags.push('--no-sandbox');
  const browser = await chromium.launch({
    executablePath: process.env.LAZARET_CHROMIUM ?? '/usr/bin/chromium',
    args: flags,
    env: { ...process.env, HOME: profile },
  });
  return {
    browser,
    close: async () => {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/**
 * A fresh session as one person sees it. `look` may hold: width, scheme
 * ('light' | 'dark'), forcedColors, media ('print'), script (default true),
 * textPercent, state (cookies of an earlier session).
 */
export async function visit(browser, look = {}) {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1440, height: 900 },
    colorScheme: look.scheme ?? 'light',
    forcedColors: look.forcedColors ? 'active' : 'none',
    reducedMotion: 'reduce',
    javaScriptEnabled: look.script ?? true,
    ignoreHTTPSErrors: true,
    storageState: look.state,
    locale: 'en-GB',
    timezoneId: 'Europe/Helsinki',
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  if (look.media) await page.emulateMedia({ media: look.media });
  if (look.textPercent) await setTextSize(context, page, look.textPercent);
  return { context, page };
}

/** Sets the browser's own text size, as a person does in its settings. */
async function setTextSize(context, page, percent) {
  const session = await context.newCDPSession(page);
  await session.send('Page.setFontSizes', {
    fontSizes: {
      standard: Math.round((TEXT_PIXELS * percent) / 100),
      fixed: Math.round((13 * percent) / 100),
    },
  });
}

/** Logs in through the form and returns the session's cookies. */
export async function logIn(browser, node, user, look = {}) {
  const { context, page } = await visit(browser, look);
  await page.goto(new URL('/login', node.url).href);
  await page.locator('input[autocomplete=username]').fill(user.name);
  await page.locator('input[autocomplete=current-password]').fill(user.password);
  await page.locator('main form button[type=submit], main form button:not([type])').first().click();
  await page.waitForLoadState('load');
  if (new URL(page.url()).pathname === '/login') {
    throw new Error(`${user.name} could not log in at ${node.name}: ${await page.locator('main').innerText()}`);
  }
  const state = await context.storageState();
  await context.close();
  return state;
}
