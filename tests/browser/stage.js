// The one federation and the one browser that all tests of the console share:
// starting nine nodes is what takes longest.

import { after, before } from 'node:test';
import { launch } from './browser.js';
import { startFederation } from './federation.js';

export let federation;
export let chromium;

before(async () => {
  federation = await startFederation();
  chromium = await launch();
});

after(async () => {
  await chromium?.close();
  await federation?.stop();
});
