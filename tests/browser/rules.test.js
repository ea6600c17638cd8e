// The rules themselves: each passes a sound page and finds its own fault.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { launch, visit } from './browser.js';
import * as rules from './rules.js';

const STYLE = 'body{margin:8px;font-size:1rem} a:focus{outline:3px solid #0b1f33}';

const SOUND = page('<p>Nothing needs you now.</p><h1>Now</h1><p><a href="/">Back to now</a></p>');

const PAGES = {
  '/sound': SOUND,
  '/wide': page('<h1>Now</h1><div class="wide">x</div>', '.wide{width:900px}'),
  '/text-in-pixels': page('<h1>Now</h1><pre>A line that is not wrapped</pre>', 'pre{width:20rem}'),
  '/no-caption': page('<h1>Now</h1><h1>Then</h1><table><tr><td>1</td></tr></table>'),
  '/pale': page('<h1>Now</h1><p class="pale">Hardly to be read</p>', '.pale{color:#ccc}'),
  '/shaded': page('<h1>Now</h1><p class="on">Words on a shade</p>', '.on{color:#0b1f33;background:linear-gradient(#fff,#eef)}'),
  '/pale-on-shade': page('<h1>Now</h1><p class="on">Hardly to be read</p>', '.on{color:#bbb;background:linear-gradient(#fff,#eef)}'),
  '/pale-on-shape': page(
    '<h1>Now</h1><svg width="300" height="60" role="img" aria-label="A drawing"><rect width="300" height="60" fill="#ddd"/><text x="10" y="35" fill="#999">Hardly to be read</text></svg>',
  ),
  '/no-focus': page('<h1>Now</h1><a href="/" class="bare">Back to now</a>', '.bare:focus{outline:none}'),
  '/untranslated': page('<h1>Now</h1><p>now-title.text</p>'),
  '/heavy': page(`<h1>Now</h1><p>${Array.from({ length: 9000 }, (_, i) => (i * 7919).toString(36)).join(' ')}</p>`),
  '/foreign': page('<h1>Now</h1>', '', '<script>throw new Error("broken")</script>'),
};

function page(main, style = '', extra = '') {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Now</title>
    <meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">
    <style>${STYLE}${style}</style></head><body><main>${main}</main>${extra}</body></html>`;
}

let chromium;
let server;
let origin;

before(async () => {
  server = createServer((request, response) => {
    const body = PAGES[request.url];
    response.writeHead(body ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
    response.end(body ?? 'no');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  chromium = await launch();
});

after(async () => {
  await chromium?.close();
  server?.close();
});

async function ask(path, rule, look) {
  const { context, page: opened } = await visit(chromium.browser, look);
  const finish = rules.watched(opened);
  await opened.goto(origin + path);
  const found = rule === 'watched' ? await finish() : await rules[rule](opened);
  await context.close();
  return found.findings ?? found;
}

test('a sound page passes every rule', async () => {
  for (const rule of ['accessibility', 'sideways', 'grammar', 'keyboard', 'printed', 'watched']) {
    assert.deepEqual(await ask('/sound', rule, { width: 320 }), [], rule);
  }
});

test('a page that scrolls sideways is found', async () => {
  assert.match((await ask('/wide', 'sideways', { width: 320 }))[0], /class="wide"/);
  assert.deepEqual(await ask('/wide', 'sideways', { width: 1440 }), []);
});

test('twice the text is twice as wide', async () => {
  assert.deepEqual(await ask('/text-in-pixels', 'sideways', { width: 500 }), []);
  assert.equal((await ask('/text-in-pixels', 'sideways', { width: 500, textPercent: 200 })).length, 1);
});

test('a table without a caption and a second h1 are found', async () => {
  assert.deepEqual(await ask('/no-caption', 'grammar'), ['2 times h1, not once', 'a table without a caption']);
});

test('a message key in place of its message is found', async () => {
  assert.deepEqual(await ask('/untranslated', 'grammar'), ['untranslated: now-title.text']);
});

test('pale text is found', async () => {
  assert.match((await ask('/pale', 'accessibility'))[0], /^color-contrast \(serious\)/);
});

test('what axe leaves undecided is measured on the picture', async () => {
  assert.deepEqual(await ask('/shaded', 'accessibility'), []);
  assert.match((await ask('/pale-on-shade', 'accessibility'))[0], /^contrast 1\.\d+, 4\.5 at least: /);
  assert.match((await ask('/pale-on-shape', 'accessibility'))[0], /^contrast 2\.\d+, 4\.5 at least: /);
});

test('a focus that nobody sees is found', async () => {
  assert.match((await ask('/no-focus', 'keyboard'))[0], /no mark of the focus/);
});

test('a page that is too heavy is found', async () => {
  const found = await ask('/heavy', 'watched');
  assert.match(found[0], /^page: \d+ bytes as gzip, 14000 at most/);
});

test('a script that fails is found, and runs not at all without JavaScript', async () => {
  assert.deepEqual(await ask('/foreign', 'watched'), ['script: broken']);
  assert.deepEqual(await ask('/foreign', 'watched', { script: false }), []);
});
