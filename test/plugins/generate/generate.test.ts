/** Files made for the machine that asks: which rule, what it is given, templates and their mistakes, and hostile text. */

import { join } from 'node:path';
import { ConfigError, type Finding } from 'pxe';
import { type GenerateContext, type GenerateOptions, generate, hosts, identify } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { PluginError } from '../../../src/plugin/error.ts';
import type { Client, ReadRequest } from '../../../src/plugin/types.ts';
import { codeOf } from '../../../src/tftp/protocol/refusal.ts';
import type { TftpReadRequest } from '../../../src/tftp/request.ts';
import { folderOf } from '../../config/support.ts';
import { environment, fakeFolder, readRequest, start, summary } from '../../plugin/support.ts';
import { issuesOf } from '../support.ts';

/** For iPXE to fill in. */
const ofIpxe = '$' + '{net0/mac}';

const web1 = { mac: '52:54:00:12:34:56', macSource: 'table' };

const inventory = hosts({
  hosts: {
    '52:54:00:12:34:56': { name: 'web1', groups: ['web'], variables: { console: 'ttyS1', ports: [80, 443] } },
    default: {},
  },
  groups: { web: { variables: { console: 'ttyS0', role: 'web' } } },
});

/** `generate` after `hosts`, with template files. */
async function making(written: Parameters<typeof generate>[0], templates: Record<string, string> = {}) {
  const configDir = folderOf(templates);
  const env = environment({ configDir, root: fakeFolder({ 'boot.ipxe': 'of the root' }) });
  const pipeline = await start([inventory, generate(written)], env);
  const ask = async (name: string, client: Partial<Client> = web1, more: Partial<TftpReadRequest> = {}) => {
    const { content, served, error } = await pipeline.route({ ...readRequest(name, client), ...more });
    if (error) return { text: `ERROR ${codeOf(error)} ${error.message}`, size: undefined, served: undefined };
    const bytes = await content.read(0, 1 << 20);
    return { text: Buffer.from(bytes).toString(), size: content.size, served };
  };
  return {
    env,
    pipeline,
    configDir,
    ask,
    text: async (...args: Parameters<typeof ask>) => (await ask(...args)).text,
    /** Of the log's one complaint. */
    complaint: () =>
      (env.log.lines.find(({ level }) => level === 'error')?.fields.err as Error | undefined)?.message.replaceAll(
        `${configDir}/`,
        '',
      ),
  };
}

describe('which rule', () => {
  const say =
    (what: string) =>
    ({ match }: GenerateContext) =>
      [what, ...match].join(' ');
  const rules = {
    'pxelinux.cfg/*': say('any'),
    'pxelinux.cfg/01-*': say('mac'),
    '/pxelinux.cfg/default': say('exact'),
    'deep/**/x?': say('deep'),
    nothing: () => undefined,
    later: async () => 'later',
    bytes: () => new Uint8Array([104, 105]),
    'boot.ipxe': () => undefined,
  };

  test.each([
    ['pxelinux.cfg/default', 'exact'],
    ['pxelinux.cfg/01-52', 'any 01-52'],
    ['pxelinux.cfg/a/b', 'ERROR 1 file not found'],
    ['deep/a/b/xy', 'deep a/b y'],
    ['nothing', 'ERROR 1 file not found'],
    ['later', 'later'],
    ['bytes', 'hi'],
    ['boot.ipxe', 'of the root'],
  ])('%s is %s', async (name, text) => {
    expect(await (await making(rules)).text(name)).toBe(text);
  });

  test('the size is known, in bytes, before anything is sent', async () => {
    const { ask } = await making({ umlaut: () => 'ü\n', empty: () => '' });
    expect(await ask('umlaut')).toEqual({ text: 'ü\n', size: 3, served: 'plugin:generate' });
    expect(await ask('empty')).toEqual({ text: '', size: 0, served: 'plugin:generate' });
  });

  test('what is neither text nor bytes costs this transfer only, and the log says whose doing it was', async () => {
    const { text, complaint } = await making({ odd: (() => 5) as never, ok: () => 'ok' });
    expect(await text('odd')).toBe('ERROR 0 internal error');
    expect(await text('ok')).toBe('ok');
    expect(complaint()).toBe('plugin "generate", open: odd: must return text, bytes or nothing');
  });
});

test('what a function is given', async () => {
  let seen: GenerateContext | undefined;
  const { ask } = await making({
    'cfg/*': (context) => {
      seen = context;
      return '';
    },
  });
  await ask('cfg/a', { ...web1, address: 'fe80::1%lab0' });
  expect(seen).toMatchObject({
    request: { name: 'cfg/a', asked: '/cfg/a' },
    client: { mac: web1.mac, macSource: 'table' },
    host: { name: 'web1', groups: ['web'] },
    variables: { console: 'ttyS1', role: 'web', ports: [80, 443] },
    mac: web1.mac,
    address: 'fe80::1',
    server: '192.168.7.1',
    match: ['a'],
  });
  expect(seen?.call.root).toBeDefined();
});

describe('trust', () => {
  test('what does not count is kept from the function', async () => {
    const seen: Client[] = [];
    const { text } = await making({
      f: ({ client }: GenerateContext) => `${seen.push(client)}`,
    });
    await text('f', { ...web1, serial: 'abcd', serialSource: 'filename', serialAgeMs: 0 });
    expect(seen[0]).toEqual({ ...readRequest('f').client, ...web1, host: expect.objectContaining({ name: 'web1' }) });
  });

  const files = { f: ({ mac }: GenerateContext) => `for ${mac}` };

  test.each<[string, GenerateOptions, Partial<Client>, string]>([
    ['known from a table', { files }, web1, `for ${web1.mac}`],
    ['claimed by the name only', { files }, { ...web1, macSource: 'filename' }, 'ERROR 1 file not found'],
    ['a serial number, claimed by the name', { files }, { serial: 'abcd', serialSource: 'filename' }, 'ERROR 1 file not found'],
    ['nothing known, nothing claimed', { files }, {}, 'for undefined'],
    ['claimed, and the config trusts it', { files, trust: ['filename'] }, { ...web1, macSource: 'filename' }, `for ${web1.mac}`],
    ['a source that is not listed', { files, trust: ['leases'] }, web1, 'ERROR 1 file not found'],
    ['a source that is', { files, trust: ['leases'] }, { ...web1, macSource: 'leases:/var/lib/dhcp' }, `for ${web1.mac}`],
    ['pxe explain --mac', { files, trust: ['leases'] }, { ...web1, macSource: 'given' }, `for ${web1.mac}`],
  ])('%s', async (_, options, client, text) => {
    expect(await (await making(options)).text('f', client)).toBe(text);
  });
});

describe('templates', () => {
  const fill = async (template: string, client: Partial<Client> = web1, name = 't/a') =>
    (await making({ 't/*': { template: './t', variables: { mirror: 'deb.example', console: 'none' } } }, { t: template })).text(
      name,
      client,
    );

  test.each<[string, string, Partial<Client>?]>([
    [`kernel console={{ console }} ${ofIpxe}`, `kernel console=ttyS1 ${ofIpxe}`],
    ['{{ mirror }} {{ console }}', 'deb.example none', { address: '10.0.0.1' }],
    ['<{{ variables.role }}> & "{{ role }}"', '<web> & "web"'],
    ['{% for port in ports %}{{ port }};{% endfor %}{{ ports }}', '80;443;80 443'],
    ['{% if role == "web" %}w{% else %}-{% endif %}{% if gpu %}g{% endif %}{{ gpu | default: "none" }}', 'wnone'],
    [
      '{{ client.mac }} {{ client.mac_dashes }} {{ client.mac_bare }} {{ client.address }} {{ client.hex_address }} {{ client.mac_source }}',
      '52:54:00:12:34:56 52-54-00-12-34-56 525400123456 192.168.7.20 C0A80714 table',
    ],
    ['{{ host.name }} {{ host.groups }} {{ server }} {{ match[0] }} {{ request.name }}', 'web1 web 192.168.7.1 a t/a'],
    ['{{ client.firmware }} {{ client.arch }}', 'uefi-x64 7', { firmware: 'uefi-x64', arch: 7 }],
    ['{{ client.firmware | default: "any" }}', 'any', { address: '10.0.0.1' }],
    ['{% if client.mac %}known{% else %}stranger{% endif %}', 'stranger', {}],
    ["{{ 'a<b>&\"c' }}", 'a<b>&"c'],
  ])('%s', async (template, text, client) => {
    expect(await fill(template, client)).toBe(text);
  });

  test.each<[string, string, Partial<Client>?]>([
    ['#!ipxe\n\nkernel {{ consle }}\n', 't:3:11: no variable "consle"'],
    ['{{ client.mac }}', 't:1:4: no variable "client.mac"', {}],
    ['{{ constructor }}', 't:1:4: no variable "constructor"'],
    ['{{ host.__proto__ }}', 't:1:4: no variable "host.__proto__"'],
    ['{{ host }}', 't:1:1: an object is not text; name one of its keys'],
  ])('%o is ERROR 0, and the log says where: %s', async (template, message, client) => {
    const { text, complaint } = await making({ 't/*': { template: './t' } }, { t: template });
    expect(await text('t/a', client)).toBe('ERROR 0 internal error');
    expect(complaint()).toBe(`plugin "generate", open: ${message}`);
  });

  test('one that would never end is stopped', async () => {
    const { text, complaint } = await making(
      { f: { template: './t' } },
      { t: '{% for i in (1..99999999) %}{% for j in (1..9999) %}x{% endfor %}{% endfor %}' },
    );
    expect(await text('f')).toBe('ERROR 0 internal error');
    expect(complaint()).toMatch(/limit exceeded/);
  });

  test.each([
    ['{{ x | upcse }}', 't:1:1: undefined filter: upcse\n    did you mean "upcase"?'],
    ['\n{% iff x %}', 't:2:1: tag "iff" not found\n    did you mean "if"?'],
    ['{{ x', 't:1:1: output "{{ x" not closed'],
    ['{% if x %}', 't:1:1: tag {% if x %} not closed'],
    ['{% render "/etc/passwd" %}', 't:1:1: tag "render" not found'],
    ['{% include "x" %}', 't:1:1: tag "include" not found'],
    ['{% layout "x" %}', 't:1:1: tag "layout" not found'],
  ])('%o is a mistake of the config', async (template, message) => {
    const error = (await making({ f: { template: './t' } }, { t: template }).catch((thrown: unknown) => thrown)) as PluginError;
    expect(error).toBeInstanceOf(PluginError);
    expect(error.cause).toBeInstanceOf(ConfigError);
    expect((error.cause as Error).message.replace(/^\S*\//, '')).toBe(message);
  });

  test('templates are watched, those that are not there, too; all mistakes are told', async () => {
    const env = environment({ configDir: folderOf({ a: '{{' }) });
    const plugin = generate({ one: { template: './a' }, two: { template: 'gone' } });
    const error = (await start([plugin], env).catch((thrown: unknown) => thrown)) as PluginError;
    expect(env.watched).toEqual([join(env.configDir, 'a'), join(env.configDir, 'gone')]);
    expect((error.cause as ConfigError).issues.map(({ message }) => message)).toEqual([
      'output "{{" not closed',
      'no such template',
    ]);
  });
});

describe('a size that firmware asks for first', () => {
  test('the file is made once for the probe and the request after it; once more for the next', async () => {
    let made = 0;
    const { pipeline, text } = await making({ f: () => `made ${++made}` });
    const end = async (outcome: 'probed' | 'completed') =>
      pipeline.end(summary({ request: (await pipeline.rewrite(readRequest('f', { ...web1 }))) as ReadRequest, outcome }));
    expect(await text('f')).toBe('made 1');
    await end('probed');
    expect(await text('f', { ...web1, address: '10.9.9.9' })).toBe('made 2');
    expect(await text('f')).toBe('made 1');
    await end('completed');
    expect(await text('f')).toBe('made 3');
    await end('completed');
    expect(await text('f')).toBe('made 4');
  });
});

describe('hostile names and values (FIELD.md §4)', () => {
  const template = 'name {{ request.name }}\nasked {{ request.asked }}\nmatch {{ match[0] }}\nserial {{ client.serial }}\n';
  const byFunction = ({ request, match, client }: GenerateContext) =>
    `name ${request.name}\nasked ${request.asked}\nmatch ${match[0]}\nserial ${client.serial}\noptions ${[...(request as TftpReadRequest).tftp.options].flat().join()}\n`;
  const keys = ['name', 'asked', 'match', 'serial', 'options'];

  test.each<[string, string]>([
    ['CR and LF', 'x\r\nkernel evil'],
    ['a lone CR', 'x\rkernel evil'],
    ['line ends of Unicode', 'x\u2028kernel\u2029evil\u0085y'],
    ['an escape sequence', 'x\u001b[2J\u009b2J'],
    ['NUL and 0xFF', 'x\u0000y\u00ff'],
    ['template syntax', '{{ variables }}{% for i in (1..9) %}{{ i }}{% endfor %}'],
    ['percent, question mark, hash', '%2e%2e/?a=b#c'],
    ['format strings', '%s%n%x'],
    ['shell and iPXE', `\`id\` $(id) ${ofIpxe} && chain evil`],
    ['4,000 letters', 'x'.repeat(4000)],
  ])('%s adds no line and does nothing', async (_, hostile) => {
    const { ask } = await making({ 'tpl/**': { template: './t' }, 'fun/**': byFunction }, { t: template });
    for (const folder of ['tpl', 'fun']) {
      // As it comes out of `rewrite`, or of a plugin that is less careful than the server.
      const client = { serial: hostile, serialSource: 'table' };
      const more = { name: `${folder}/${hostile}`, asked: hostile, options: new Map([['x', hostile]]) };
      const { text, size } = await ask('unused', client, more);
      const lines = text.split('\n');
      expect(lines.slice(0, 4).map((line) => line.split(' ')[0])).toEqual(keys.slice(0, 4));
      expect(lines).toHaveLength(folder === 'tpl' ? 5 : 6);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      expect(size).toBe(Buffer.byteLength(text));
      const shown = hostile.replace(/\p{Cc}|\u2028|\u2029/gu, '');
      expect(lines[1]).toBe(`asked ${shown}`);
    }
  });

  test.each([
    '..',
    '../boot.ipxe',
    'a/../../x',
    '\\..\\x',
    '%2e%2e/x',
    'x?y',
    'x#y',
    'x'.repeat(5000),
  ])('no host and no rule is reached by %s', async (name) => {
    const { text, env } = await making({ 'cfg/*': () => 'made', 'boot.ipxe': () => 'made' });
    expect(await text(name)).toMatch(/^ERROR [12] /);
    expect(env.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a template reaches no file by the name that a client asks for', async () => {
    const { text } = await making({ '**': { template: './t' } }, { t: '{{ request.name }}', secret: 'secret' });
    expect(await text('secret')).toBe('secret');
    expect(await text('../secret')).toBe('../secret');
  });
});

describe('check', () => {
  const findings = async (template: string, machines: Parameters<typeof hosts>[0], rule: object = {}) => {
    const configDir = folderOf({ t: template });
    const table = identify({ table: { '192.168.7.20': '52:54:00:12:34:56' } });
    const plugins = [hosts(machines), generate({ 'boot/*.ipxe': { template: './t', ...rule } }), table];
    const pipeline = await start(plugins, environment({ configDir }));
    return (await pipeline.check()).map(
      ({ severity, path, message, file, line }: Finding) =>
        `${severity} ${path.join(' ')}: ${message} at ${file?.slice(configDir.length + 1)}:${line}`,
    );
  };
  const mac = (n: number) => `52:54:00:00:00:0${n}`;
  const with7 = (variables: (n: number) => object) =>
    Object.fromEntries(Array.from({ length: 7 }, (_, n) => [mac(n), { name: `web${n}`, variables: variables(n) }])) as Parameters<
      typeof hosts
    >[0];
  const at = 'plugins 1 options boot/*.ipxe';

  test.each<[string, string, Parameters<typeof hosts>[0], object, readonly string[]]>([
    ['all have it', '{{ console }} {{ match[0] }} {{ client.mac }}', with7(() => ({ console: 1 })), {}, []],
    [
      'nobody has it',
      '\n{{ consle }}',
      with7(() => ({ console: 1 })),
      {},
      [`error ${at}: no variable "consle" for any machine that the config lists; did you mean "console"? at t:2`],
    ],
    [
      'one lacks it',
      '{{ console }}',
      with7((n) => (n === 2 ? {} : { console: 1 })),
      {},
      [`warning ${at}: no variable "console" for web2; set it, or write {{ console | default: … }} at t:1`],
    ],
    [
      'most lack it',
      '{{ gpu }}',
      with7((n) => (n === 2 ? { gpu: 1 } : {})),
      {},
      [`warning ${at}: no variable "gpu" for web0, web1, web3, web4, web5, …; set it, or write {{ gpu | default: … }} at t:1`],
    ],
    ['the rule has it', '{{ gpu }}', with7(() => ({})), { variables: { gpu: 0 } }, []],
    ['it may be absent', '{% if gpu %}{{ gpu }}{% endif %}{{ x | default: 1 }}', with7(() => ({})), {}, []],
    ['nobody is listed', '{{ gpu }}', { '52:54:00:*': {} }, {}, []],
    [
      'an address is no MAC address',
      '{{ client.mac }}',
      { '192.168.7.20': {} },
      {},
      [
        `error ${at}: no variable "client.mac" for any machine that the config lists; set it, or write {{ client.mac | default: … }} at t:1`,
      ],
    ],
  ])('%s', async (_, template, machines, rule, messages) => {
    expect(await findings(template, machines, rule)).toEqual(messages);
  });
});

test.each<[object, string]>([
  [{ f: 5 }, 'f: expected a function or { template }'],
  [{ f: { tempalte: 'x' } }, 'f'],
  [{ '../f': () => '' }, '../f: expected a file name without .., found "../f"'],
  [{ files: { f: () => '' }, trsut: [] }, 'trsut: unknown key'],
  [{ files: { f: { template: 5 } } }, 'files.f.template: expected a string, found 5'],
])('%o is refused', (options, message) => {
  expect(issuesOf(generate(options as never))).toEqual(expect.arrayContaining([expect.stringContaining(message)]));
});

test('a file may be called files', async () => {
  expect(await (await making({ files: () => 'made' })).text('files')).toBe('made');
  expect(await (await making({ files: { template: './t' } }, { t: 'filled' })).text('files')).toBe('filled');
});
