/** YAML as people write it: what it makes numbers of, several documents, merged maps; and neighbours that stay as they are. */
import { describe, expect, test } from 'vitest';
import { yamlInventory } from '../../../plugins/hosts/yaml.ts';

function read(text: string) {
  const { inventory, issues, warnings } = yamlInventory('h.yaml', text);
  const told = (list: typeof issues) =>
    list.map(({ place, message, hint }) => `${place?.line}:${place?.column} ${message}${hint === undefined ? '' : ` (${hint})`}`);
  return {
    hosts: inventory.hosts.map(({ name, selectors, entry }) => `${name}: ${selectors.join(' ')} ${entry.folder ?? ''}`.trim()),
    entries: inventory.hosts.map(({ entry }) => entry),
    issues: told(issues),
    warnings: told(warnings),
  };
}

describe('scalars are told as they stand in the file', () => {
  test.each([
    ['- serial: 01234567', '1:3 expected a string, found 01234567 (write it in quotes: "01234567")'],
    ['- mac: 5254001234e6', '1:3 expected a string, found 5254001234e6 (write it in quotes: "5254001234e6")'],
    ['- mac: 001122334455', '1:3 expected a string, found 001122334455 (write it in quotes: "001122334455")'],
    ['- serial: 0x1F', '1:3 expected a string, found 0x1F (write it in quotes: "0x1F")'],
    ['- serial: 12345678901234567890', 'found 12345678901234567890 (write it in quotes: "12345678901234567890")'],
    ['- { mac: "52:54:00:12:34:56", name: 1.10 }', 'found 1.10 (write it in quotes: "1.10")'],
    ['- { mac: "52:54:00:12:34:56", groups: [007] }', 'found 007 (write it in quotes: "007")'],
    [
      '%YAML 1.1\n---\n- mac: 52:54:00:12:34:56',
      '3:3 expected a string, found 52:54:00:12:34:56 (write it in quotes: "52:54:00:12:34:56")',
    ],
    ['%YAML 1.1\n---\n- { mac: "52:54:00:12:34:56", name: no }', 'found no (write it in quotes: "no")'],
    ['- { mac: "52:54:00:12:34:56", name: 7 }', 'found 7 (write it in quotes: "7")'],
    ['- { mac: "52:54:00:12:34:56", name: true }', 'found true (write it in quotes: "true")'],
  ])('%s', (text, told) => {
    const { issues } = read(text);
    expect(issues).toEqual([expect.stringContaining(told)]);
  });

  test.each([
    ['a key of digits', '525400123456: { name: web1 }', 'web1: 525400123456'],
    ['a key with leading zeros', '001122334455: { name: web1 }', 'web1: 001122334455'],
    ['a key under YAML 1.1', '%YAML 1.1\n---\n52:54:00:12:34:56: { name: web1 }', 'web1: 52:54:00:12:34:56'],
    ['in quotes', '- { serial: "01234567", name: web1 }', 'web1: serial:01234567'],
    ['letters among the digits', '- { serial: 0123456f, name: web1 }', 'web1: serial:0123456f'],
  ])('%s', (_, text, host) => {
    expect(read(text)).toMatchObject({ hosts: [host], issues: [] });
  });

  test('a key that looks like a number with an exponent is a MAC address, and a shorter one is told as it stands', () => {
    expect(read('5254001234e6: { name: web1 }')).toMatchObject({ hosts: ['web1: 5254001234e6'], issues: [] });
    expect(read('525400e6: {}').issues).toEqual([expect.stringContaining('found "525400e6"')]);
  });

  test('two spellings of one number are two keys', () => {
    expect(read('default: { variables: { 010: a, 10: b } }').entries[0]!.variables).toEqual({ '010': 'a', 10: 'b' });
  });

  test.each([
    ['version: 1.10', 'variable "version": 1.10 is read as 1.1 here (put it in quotes to keep it as written: "1.10")'],
    ['id: 007', 'variable "id": 007 is read as 7 here'],
    ['n: 1e3', '1e3 is read as 1000 here'],
    ['deep: { list: [0x1F] }', '0x1F is read as 31 here'],
  ])('a variable that is not printed as it stands is a warning: %s', (variable, told) => {
    const { warnings, issues } = read(`default: { variables: { ${variable} } }`);
    expect(issues).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(told)]);
  });

  test.each([
    'port: 443',
    'version: "1.10"',
    'on: true',
    'off: no',
    'x: -1.5',
    'none: ~',
    'mac: 52:54:00:12:34:56',
  ])('%s is fine', (variable) => {
    expect(read(`default: { variables: { ${variable} } }`)).toMatchObject({ warnings: [], issues: [] });
  });
});

describe('several documents', () => {
  test.each([
    [
      'hosts of each',
      'a',
      '52:54:00:12:34:56: { name: web1 }\n---\nhosts:\n  52:54:00:12:34:57: { name: web2 }\n',
      ['web1: 52:54:00:12:34:56', 'web2: 52:54:00:12:34:57'],
    ],
    ['an end', 'a', '---\n52:54:00:12:34:56: { name: web1 }\n...\n', ['web1: 52:54:00:12:34:56']],
    ['an empty one at the end', 'a', '52:54:00:12:34:56: { name: web1 }\n---\n', ['web1: 52:54:00:12:34:56']],
    [
      'rows, then keys',
      'a',
      '- { mac: 52:54:00:12:34:56, name: web1 }\n---\n52:54:00:12:34:57: { name: web2 }\n',
      ['web1: 52:54:00:12:34:56', 'web2: 52:54:00:12:34:57'],
    ],
  ])('%s', (_, __, text, hosts) => {
    expect(read(text)).toMatchObject({ hosts, issues: [] });
  });

  test.each([
    ['default: {}\n---\ndefault: { foldr: x }\n', '3:12 unknown key'],
    ['default: {}\n---\ndefault: {\n', '4:1 '],
    ['---\n---\n', '1:undefined is empty'],
  ])('mistakes stand in their line: %o', (text, told) => {
    expect(read(text).issues).toEqual([expect.stringContaining(told)]);
  });
});

describe('merged maps', () => {
  test.each([
    [
      'one',
      '52:54:00:12:34:57: &web\n  folder: web\n52:54:00:12:34:56:\n  <<: *web\n  name: web1\n',
      'web1: 52:54:00:12:34:56 web',
    ],
    [
      'its own goes first',
      '52:54:00:12:34:57: &web\n  folder: web\n52:54:00:12:34:56:\n  folder: own\n  <<: *web\n  name: web1\n',
      'web1: 52:54:00:12:34:56 own',
    ],
    [
      'of a list the first goes first',
      '52:54:00:12:34:57: &a { folder: a }\n52:54:00:12:34:58: &b { folder: b, name: b }\n52:54:00:12:34:56: { <<: [*a, *b] }\n',
      'b: 52:54:00:12:34:56 a',
    ],
    ['written out', '52:54:00:12:34:56: { <<: { folder: web }, name: web1 }\n', 'web1: 52:54:00:12:34:56 web'],
    [
      'in rows',
      '- &web { mac: 52:54:00:12:34:57, folder: web }\n- { <<: *web, mac: 52:54:00:12:34:56, name: web1 }\n',
      'web1: 52:54:00:12:34:56 web',
    ],
    [
      'an alias of a whole entry',
      '52:54:00:12:34:57: &web { folder: web, name: web1 }\n52:54:00:12:34:56: *web\n',
      'web1: 52:54:00:12:34:56 web',
    ],
  ])('%s', (_, text, host) => {
    const { hosts, issues } = read(text);
    expect(issues).toEqual([]);
    expect(hosts.at(-1)).toBe(host);
  });

  test.each([
    ['default: { <<: *web }', '1:16 there is no anchor &web above (an alias must come after its anchor)'],
    ['default: { <<: 5 }', '1:12 << must be a map, or a list of maps (as in <<: *web)'],
    ['default: { "<<": { folder: x } }', 'unknown key'],
    ['52:54:00:12:34:57: &a { foldr: x }\ndefault: { <<: *a }', 'unknown key'],
  ])('%s', (text, told) => {
    expect(read(text).issues[0]).toContain(told);
  });

  test('a thousand machines may have one anchor', () => {
    const rows = Array.from({ length: 1000 }, (_, n) => `- { <<: *web, serial: "s${n}" }`).join('\n');
    expect(read(`- &web { serial: x, folder: web }\n${rows}\n`)).toMatchObject({ hosts: { length: 1001 }, issues: [] });
  });

  test('aliases of aliases, to a size that no inventory has, are refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) =>
        `v${n}: &v${n} [${Array(10)
          .fill(n === 0 ? 'x' : `*v${n - 1}`)
          .join(', ')}]`,
    );
    expect(read(`default: { variables: { ${levels.join(', ')} } }`).issues[0]).toContain('nested aliases make this too large');
  });
});

test('several MAC addresses of one machine in a list', () => {
  expect(read('- { mac: [52:54:00:12:34:56, 525400-123457], name: web1 }')).toMatchObject({
    hosts: ['web1: 52:54:00:12:34:56 525400-123457'],
    issues: [],
  });
  expect(read('- { mac: [], name: web1 }').issues).toEqual([expect.stringContaining('expected at least 1 entry')]);
  expect(read('- { mac: [52:54:zz], name: web1 }').issues).toEqual([expect.stringContaining('expected a MAC address')]);
});

describe('what a machine boots', () => {
  test('one target, or one for each firmware; of a group, too', () => {
    const { entries, issues } = read(
      [
        '- mac: 52:54:00:12:34:56',
        '  boot: { uefi-x64: ipxe.efi, bios: false }',
        '  layout: menu',
        '- { serial: x, boot: disk }',
      ].join('\n'),
    );
    expect(issues).toEqual([]);
    expect(entries).toMatchObject([{ boot: { 'uefi-x64': 'ipxe.efi', bios: false }, layout: 'menu' }, { boot: 'disk' }]);
  });

  test.each([
    ['default:\n  boot:\n    uefi-x46: a', '3:5 unknown key (did you mean "uefi-x64"?)'],
    ['groups:\n  lab:\n    boot:\n      bios: ../a', '4:7 expected a file under the root, without .., found "../a"'],
    ['default:\n  boot: x\n  layout: pxe', '3:3 expected "direct", "binl" or "menu", found "pxe"'],
  ])('%j', (text, told) => {
    expect(read(text).issues).toEqual([expect.stringContaining(told)]);
  });
});
