// What people must be able to do, done as they would do it: with JavaScript
// off, with the keyboard alone, and with it on while somebody else works.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { logIn, visit } from './browser.js';
import { nodeOf, userOf } from './federation.js';
import { chromium, federation } from './stage.js';

/** How long a change may take to cross a link before the test gives up. */
const ARRIVES_MS_MAX = 20_000;

/** A logged-in page without JavaScript (or as `look` says). */
async function working(node, role, look = { script: false }) {
  const state = await logIn(chromium.browser, node, userOf(node, role), { script: false });
  return visit(chromium.browser, { ...look, state });
}

const go = (page, node, path) => page.goto(new URL(path, node.url).href);
const words = (page) => page.locator('main').innerText();

/** Presses the page's button and waits for the page that follows. */
async function press(page, selector) {
  await Promise.all([page.waitForNavigation(), page.locator(selector).first().click()]);
}

/** Loads a page again and again until `done` says so. */
async function until(page, address, done) {
  const deadline = Date.now() + ARRIVES_MS_MAX;
  for (;;) {
    await page.goto(address);
    const text = await words(page);
    if (done(text)) return text;
    assert.ok(Date.now() < deadline, `never came: ${done}\n${text}`);
    await page.waitForTimeout(250);
  }
}

describe('without JavaScript', () => {
  test('a wrong password is told at the field and in the title, and the name is kept', async () => {
    const node = nodeOf(federation, 'hospital');
    const { context, page } = await visit(chromium.browser, { script: false });
    await go(page, node, '/login');
    await page.locator('#name').fill('viewer');
    await page.locator('#password').fill('not the password');
    await press(page, 'main button.primary');
    assert.match(await page.title(), /^Error:/);
    assert.equal(await page.locator('main [role=alert]').count(), 1);
    assert.equal(await page.locator('#name').inputValue(), 'viewer');
    await context.close();
  });

  test('a case is opened, taken, noted in, contained and closed', async () => {
    const node = nodeOf(federation, 'hospital');
    const { context, page } = await working(node, 'operator');
    await go(page, node, '/cases/new');
    await press(page, 'main button.primary');
    assert.match(await page.title(), /^Error:/, 'an empty form is sent back');
    await page.locator('#title').fill('Ward 3: files renamed <b>over night</b>');
    await page.locator('#sort input').first().check();
    await press(page, 'main button.primary');
    assert.match(await words(page), /Ward 3: files renamed <b>over night<\/b>/);
    await press(page, 'main button.primary');
    assert.equal(await page.locator('h1').innerText(), 'Ward 3: files renamed <b>over night</b>');
    const take = page.locator('form[action$="/take"] button');
    if (await take.count()) await press(page, 'form[action$="/take"] button');
    await page.locator('#note').fill('Network port closed.');
    await press(page, 'form[action$="/notes"] button');
    assert.match(await words(page), /Network port closed\./);
    await press(page, 'form[action$="/contain"] button');
    await press(page, 'main a[href$="/close"]');
    await page.locator('main fieldset input').first().check();
    await press(page, 'main form button');
    assert.equal(await page.locator('form[action$="/reopen"]').count(), 1);
    await context.close();
  });

  test('a warning is proposed, approved by somebody else, reaches a hospital, and is withdrawn', async () => {
    const hub = nodeOf(federation, 'national');
    const title = `Forged invoices ${Math.random().toString(36).slice(2, 8)}`;
    const { context: proposing, page: desk } = await working(hub, 'operator');
    await go(desk, hub, '/desk/new');
    await desk.locator('#title').fill(title);
    await desk.locator('#summary').fill('A supplier’s mailbox sends forged invoices.');
    await desk.locator('#advice').fill('Block the address and look for it.');
    await desk.locator('#indicators').fill('invoices.attacker.example');
    await desk.locator('#source input').first().check();
    await press(desk, 'main button.primary');
    await press(desk, 'main button.primary');
    assert.equal(await desk.locator('h1').innerText(), title);
    const address = desk.url();
    assert.equal(await desk.locator('form[action$="/approve"]').count(), 0, 'the proposer cannot approve');
    await proposing.close();

    const { context: approving, page } = await working(hub, 'approver');
    await page.goto(address);
    await press(page, 'form[action$="/approve"] button');
    const hospital = nodeOf(federation, 'hospital');
    const { context: reading, page: ward } = await working(hospital, 'viewer');
    const warnings = new URL('/warnings', hospital.url).href;
    await until(ward, warnings, (text) => text.includes(title));

    await page.goto(address);
    await press(page, 'main a[href$="/withdraw"]');
    const reasons = page.locator('main fieldset input');
    if (await reasons.count()) await reasons.first().check();
    await press(page, 'main form button');
    await until(ward, warnings, (text) => !text.includes(title) || /withdrawn/i.test(text));
    await Promise.all([approving.close(), reading.close()]);
  });

  test('what a viewer may not do is not offered, and refused when tried', async () => {
    const node = nodeOf(federation, 'hospital');
    const { context, page } = await working(node, 'viewer');
    await go(page, node, '/cases');
    assert.equal(await page.locator('main a.button.primary, main button.primary').count(), 0);
    const answer = await page.request.post(new URL('/cases', node.url).href, { form: { title: 'x' } });
    assert.equal(answer.status(), 403);
    await context.close();
  });

  test('a form from elsewhere changes nothing', async () => {
    const node = nodeOf(federation, 'hospital');
    const { context, page } = await working(node, 'operator');
    const answer = await page.request.post(new URL('/cases', node.url).href, {
      form: { title: 'From elsewhere', sort: 'incident', step: 'open' },
      headers: { origin: 'https://attacker.example', 'sec-fetch-site': 'cross-site' },
    });
    assert.equal(answer.status(), 403);
    await go(page, node, '/cases');
    assert.doesNotMatch(await words(page), /From elsewhere/);
    await context.close();
  });
});

test('with the keyboard alone: log in and reach an alert', async () => {
  const node = nodeOf(federation, 'hospital');
  const user = userOf(node, 'viewer');
  const { context, page } = await visit(chromium.browser);
  await go(page, node, '/login');
  await tabTo(page, (element) => element.id === 'name');
  await page.keyboard.type(user.name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(user.password);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await tabTo(page, (element) => element.getAttribute('href') === '/alerts');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await tabTo(page, (element) => element.className === 'skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  const inside = await page.evaluate(() => document.querySelector('main').contains(document.activeElement));
  assert.ok(inside, 'the skip link leads into main');
  await context.close();
});

async function tabTo(page, wanted) {
  for (let stop = 0; stop < 100; stop += 1) {
    await page.keyboard.press('Tab');
    const handle = await page.evaluateHandle(() => document.activeElement);
    if (await handle.evaluate(wanted)) return;
  }
  assert.fail(`the Tab key never came to ${wanted}`);
}

test('with JavaScript: a new warning shows at a hospital that is only looking', async () => {
  const hub = nodeOf(federation, 'national');
  const hospital = nodeOf(federation, 'hospital');
  const title = `Stolen token ${Math.random().toString(36).slice(2, 8)}`;
  const { context: looking, page: ward } = await working(hospital, 'viewer', { script: true });
  await go(ward, hospital, '/warnings');
  const { context: proposing, page: desk } = await working(hub, 'operator');
  await go(desk, hub, '/desk/new');
  await desk.locator('#title').fill(title);
  await desk.locator('#summary').fill('A vendor’s access token was stolen.');
  await desk.locator('#advice').fill('Replace the token.');
  await desk.locator('#indicators').fill('token.attacker.example');
  await desk.locator('#source input').first().check();
  await press(desk, 'main button.primary');
  await press(desk, 'main button.primary');
  const { context: approving, page } = await working(hub, 'approver');
  await page.goto(desk.url());
  await press(page, 'form[action$="/approve"] button');
  await ward.getByText(title).first().waitFor({ timeout: ARRIVES_MS_MAX });
  await Promise.all([looking.close(), proposing.close(), approving.close()]);
});
