// Starts the demo's small Europe once for a test file, and stops it.
//
// A file of its own because it knows how the binary is started and what it
// prints; the tests know only pages.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The replay may take long on a slow machine; a federation that never opens fails. */
const OPEN_SECONDS_MAX = 240;

/** Ordinary log lines a hospital: enough to fill the pages, few enough for a debug build. */
const ORDINARY_LINES = '1000';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The binary under test: LAZARET_BINARY, or what `cargo build` left. */
export function binary() {
  const file = process.env.LAZARET_BINARY ?? `${root}target/debug/lazaret`;
  if (!existsSync(file)) {
    throw new Error(`${file} is not there; run cargo xtask check --only browser`);
  }
  return file;
}

/**
 * Starts `lazaret demo` and waits until its consoles are open.
 * Returns { theatre, nodes: [{ name, role, url, users }], stop() }.
 */
export async function startFederation() {
  const child = spawn(binary(), ['demo', '--ordinary', ORDINARY_LINES, '--output', 'json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line);
    if (log.length > 200) log.shift();
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const open = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = parsed(line);
      if (said?.nodes) resolve(said);
    });
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}\n${log.join('\n')}`)));
    const timer = setTimeout(
      () => reject(new Error(`the demo was not open within ${OPEN_SECONDS_MAX} s\n${log.join('\n')}`)),
      OPEN_SECONDS_MAX * 1000,
    );
    timer.unref();
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(timer);
  };
  try {
    return { ...(await open), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The first node of a role, as the demo named it. */
export function nodeOf(federation, role) {
  const node = federation.nodes.find((candidate) => candidate.role === role);
  if (!node) throw new Error(`the demo has no ${role}`);
  return node;
}

/** A user of a node with at least that role's rights. */
export function userOf(node, role) {
  const user = node.users.find((candidate) => candidate.role === role);
  if (!user) throw new Error(`${node.name} has no ${role}`);
  return user;
}
