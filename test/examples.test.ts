/** The labs in `examples/` do what their READMEs say, `pxe check` finds nothing wrong, and `explain` and the server agree on them. */

import { hash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../src/base/clock.ts';
import { judge } from '../src/cli/check.ts';
import { definePlugin } from '../src/plugin/define.ts';
import type { Identity } from '../src/plugin/types.ts';
import { createResolvedServer, withGeneration } from '../src/server/create.ts';
import { explainEach, questionsOf } from '../src/server/machines.ts';
import { load } from './kit/config.ts';
import { pages } from './kit/docs.ts';
import { commandsIn, examples, patternOf, preparationsIn, repository, Shell } from './kit/examples.ts';
import { offeredFiles } from './kit/offered.ts';
import { get } from './kit/tftp.ts';
import { describeWith, requireTools } from './kit/tools.ts';

test('there are six at least', () => {
  expect(examples.length).toBeGreaterThanOrEqual(6);
});

describe.each(examples)('$name', ({ config: file, readme }) => {
  const env = new Shell();
  beforeAll(async () => {
    for (const { line } of preparationsIn(readme)) await env.run(line);
    for (const [name, value] of Object.entries(env.environment)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await env[Symbol.asyncDispose]();
  });

  test('is loaded, and found to be fine', async () => {
    const { exitCode, text } = await judge({ config: file });
    expect(text).toMatch(/ is fine\. /);
    expect(exitCode).toBe(0);
  });

  test('explain --all-hosts and the server agree, row by row', async () => {
    const { config } = await load({ file, folder: repository, clock: systemClock });
    const names = [...new Set([config.rootDir, join(dirname(file), 'origin')].flatMap(namesIn)), 'nowhere'];
    const { machines, rows, explained } = await withGeneration(config, async (generation) => {
      const machines = await generation.pipeline.machines();
      const rows = questionsOf(machines, names);
      const questions = rows.map(({ question }) => question);
      return { machines, rows, explained: await explainEach(generation, questions) };
    });
    if (machines.length > 0) expect(rows.length).toBeGreaterThan(machines.length);

    // Every machine has an address of its own here, by which the server knows it as `explain` does.
    const addresses = new Map(machines.map((machine, index) => [machine, `127.9.${index >> 8}.${index & 255}`]));
    const identities = new Map<string, Identity>();
    for (const [{ mac, uuid, serial }, address] of addresses) {
      const known = Object.entries({ mac, uuid, serial }).filter(([, value]) => value !== undefined);
      if (known.length > 0) identities.set(address, { ...Object.fromEntries(known), source: 'given' });
    }
    const known = definePlugin({ name: 'known', setup: () => ({ identify: ({ client }) => identities.get(client.address) }) })();
    const server = createResolvedServer({
      ...config,
      dhcp: undefined,
      http: undefined,
      tftp: { ...config.tftp, listen: [{ address: '127.0.0.1', port: 0 }] },
      plugins: [{ plugin: known, options: undefined }, ...config.plugins],
    });
    onTestFinished(() => server.stop(0));
    await server.start();
    for (const [index, { machine, question }] of rows.entries()) {
      const told = explained[index]!;
      // One that is listed by its address alone asks from there.
      const local = identities.has(addresses.get(machine)!) ? addresses.get(machine)! : question.address;
      const got = await get(server.addresses[0]!, question.name, { local });
      const label = `${machine.name} asks for ${question.name}`;
      const { code, message } = got.error ?? {};
      if (told.error) expect({ code, message, label }).toEqual({ ...told.error, label });
      else expect({ bytes: hash('sha256', got.bytes.subarray(0, 65_536)), label }).toEqual({ bytes: told.served?.digest, label });
      if (told.served?.size !== undefined) expect(got.bytes.length, label).toBe(told.served.size);
    }
  });

  test('each machine is served what it is offered to boot', async () => {
    const { config } = await load({ file, folder: repository, clock: systemClock });
    for (const { told, got, gotByHttp, ...label } of await offeredFiles(config)) {
      expect({ ...label, got, gotByHttp }).toEqual({ ...label, got: told, gotByHttp: told });
      expect(got, JSON.stringify(label)).not.toMatch(/^ERROR/);
    }
  });

  describeWith('README', requireTools('sh', 'curl'), () => {
    test('prints what it says', async () => {
      const commands = commandsIn(readme);
      expect(commands.length).toBeGreaterThan(1);
      await using shell = new Shell();
      for (const { line, prints } of commands) {
        const { code, output } = await shell.run(line);
        if (prints === '') expect(code, `${line}\n${output}`).toBe(0);
        else expect(output.trim(), line).toMatch(patternOf(prints));
      }
    }, 90_000);
  });
});

test('the explanation that the documentation shows is what is printed', async () => {
  const shown = pages.flatMap(({ text }) => commandsIn(text)).filter(({ line }) => line.startsWith('npm run -s pxe -- explain '));
  expect(shown).toHaveLength(1);
  await using shell = new Shell();
  for (const { line, prints } of shown) expect((await shell.run(line)).output.trim()).toMatch(patternOf(prints));
});

/** Names of the files in a folder, with and without the folders above them. */
function namesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.flatMap(({ name, parentPath }) => [name, relative(folder, join(parentPath, name))]).sort();
}
