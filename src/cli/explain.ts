/**
 * `pxe explain`: what a machine would get, and why, hook by hook.
 */

import { isIP } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseMac } from '../plugin/mac.ts';
import type { TraceEntry } from '../plugin/trace.ts';
import { startGeneration } from '../server/create.ts';
import { type Explanation, explain, type Question } from '../server/explain.ts';
import { EXIT } from './exit.ts';
import { configOption, jsonOption, loadSettings, type Overrides, rootDirOption } from './settings.ts';
import { byteCount, visible } from './terminal.ts';

interface ExplainFlags extends Overrides {
  readonly mac?: string;
  readonly ip: string;
  readonly option?: readonly { readonly name: string; readonly value: string }[];
  readonly mode: string;
  readonly json?: boolean;
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('tell what a machine would get for a name, and why')
    .argument('<name>', 'file name, as the machine would ask for it')
    .addOption(new Option('-m, --mac <address>', 'take this MAC address as known').argParser(parseMacFlag))
    .addOption(new Option('--ip <address>', "the machine's address").default('0.0.0.0', 'unknown').argParser(parseIpFlag))
    .addOption(
      new Option('-o, --option <name=value>', 'option of the request: blksize=1468; may be given several times').argParser(
        parseOption,
      ),
    )
    .addOption(new Option('--mode <mode>', 'transfer mode').choices(['octet', 'netascii']).default('octet'))
    .addOption(configOption())
    .addOption(rootDirOption())
    .addOption(jsonOption('print the answer as JSON'))
    .addHelpText(
      'after',
      `
The answer comes from the same code as that of a running server.

Examples:
  pxe explain bootloader.efi --mac 52:54:00:12:34:56
  pxe explain pxelinux.cfg/default --ip 192.168.7.20 --option tsize=0 --option blksize=1468 --json

Exit codes: 0 the machine gets something; 1 it gets an ERROR; 2 wrong arguments or config.`,
    )
    .action(explainName);
}

async function explainName(name: string, { mac, ip, option = [], mode, json, ...overrides }: ExplainFlags): Promise<void> {
  const { config } = await loadSettings(overrides);
  const generation = await startGeneration(config);
  try {
    const question: Question = { name, address: ip, options: option, mode, ...(mac === undefined ? {} : { mac }) };
    const explanation = await explain(generation, question);
    process.stdout.write(json ? `${JSON.stringify(explanation, null, 2)}\n` : tell(explanation));
    if (explanation.error) process.exitCode = EXIT.failed;
  } finally {
    generation.retire();
    await generation.disposed;
  }
}

function tell({ asked, name, client, trace, served, agreed, error }: Explanation): string {
  const who = client.mac === undefined ? 'MAC address not known' : `${client.mac} (${client.macSource})`;
  const lines = [
    `asked   ${visible(asked)}`,
    `client  ${client.address}, ${who}`,
    ...trace.flatMap(tellStep),
    ...(name !== asked && name !== '' ? [`name    ${visible(name)}`] : []),
    error
      ? `answer  ERROR ${error.code}: ${visible(error.message)}`
      : `answer  ${visible(served?.from ?? '')}${sizeOf(served?.size)}`,
  ];
  if (!error)
    lines.push(`options ${agreed.map(({ name: key, value }) => `${visible(key)}=${visible(value)}`).join(' ') || 'none'}`);
  return `${lines.join('\n')}\n`;
}

function tellStep({ plugin, hook, before, after, error, ms, lookups }: TraceEntry): string[] {
  const answer = error === undefined ? (after ?? 'no answer') : `failed: ${error}`;
  return [
    `  ${plugin ?? 'root directory'} ${hook}: ${visible(before)} → ${visible(answer)}  (${ms.toFixed(1)} ms)`,
    ...lookups.map(({ name, found, error: why }) => `    looked for ${visible(name)}: ${found ? 'found' : (why ?? 'not there')}`),
  ];
}

function sizeOf(size: number | undefined): string {
  return size === undefined ? '' : `, ${byteCount(size)}`;
}

function parseOption(text: string, all: ExplainFlags['option'] = []): ExplainFlags['option'] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected name=value, as in blksize=1468');
  return [...all, { name: text.slice(0, at), value: text.slice(at + 1) }];
}

function parseMacFlag(text: string): string {
  const mac = parseMac(text);
  if (mac === undefined) throw new InvalidArgumentError('expected a MAC address, as in 52:54:00:12:34:56');
  return mac;
}

function parseIpFlag(text: string): string {
  if (isIP(text.split('%')[0] ?? '') === 0) throw new InvalidArgumentError('expected an IPv4 or IPv6 address');
  return text;
}
