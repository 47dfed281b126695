/**
 * What `pxe doctor` has seen and found, for people and as JSON.
 */
import type { Program } from '../dhcp/doctor/choice.ts';
import type { Finding } from '../dhcp/doctor/findings.ts';
import type { Offer } from '../dhcp/doctor/offer.ts';
import { type Change, remedyOf } from '../dhcp/doctor/remedies.ts';
import type { Experience, Fetched } from '../dhcp/doctor/survey.ts';
import { type Colour, paint, type Span } from './painting.ts';
import { byteCount } from './terminal.ts';

/** One network, and what machines on it see. */
export interface Examined {
  readonly device: string;
  readonly address: string;
  readonly experiences: readonly Experience[];
  readonly findings: readonly Finding[];
}

/** Everything that servers have sent is escaped. */
export function reportText(examined: readonly Examined[], coloured: boolean): string {
  const lines = examined.flatMap((one) => [
    [{ text: `${one.device} (${one.address})`, colour: 'bold' as const }],
    ...one.experiences.flatMap(experienceLines),
    ...one.findings.flatMap(findingLines),
    ...(one.findings.length === 0 ? [[{ text: '  nothing is wrong', colour: 'green' as const }]] : []),
  ]);
  return lines.map((line: readonly Span[]) => `${paint(line, coloured)}\n`).join('');
}

export function reportJson(examined: readonly Examined[]): object {
  return {
    networks: examined.map(({ device, address, experiences, findings }) => ({
      interface: device,
      address,
      machines: experiences.map((one) => ({
        firmware: one.probe.name,
        mac: macText(one.mac),
        offers: one.offers.map(plainOffer),
        choice: one.choice.kind,
        bootServers: Array.from(one.bootServers, ([server, answer]) => ({ server, answer: answer ? plainOffer(answer) : null })),
        program: one.program ?? null,
        fetched: one.fetched ?? null,
      })),
      findings: findings.map((finding) => ({ ...finding, remedy: remedyOf(finding) })),
    })),
  };
}

const COLOURS: Readonly<Record<Finding['severity'], Colour>> = { error: 'red', warning: 'yellow', note: 'cyan' };

function experienceLines(one: Experience): readonly (readonly Span[])[] {
  const { choice, program, fetched } = one;
  const title = { text: `  ${one.probe.title}: `, colour: 'bold' as const };
  switch (choice.kind) {
    case 'no-address':
      return [[title, { text: 'gets no address' }]];
    case 'no-boot':
      return [[title, { text: `gets an address from ${choice.address.server}, and is not told what to boot` }]];
    case 'menu':
      return [
        [title, { text: `gets an address from ${choice.address.server}; ${choice.boot.server} tells it to boot from its disk` }],
      ];
    case 'boot-server':
    case 'program': {
      const by =
        choice.kind === 'program'
          ? 'offers'
          : program
            ? `(port 4011 of ${choice.server}) offers`
            : `sends it to port 4011 of ${choice.server}`;
      const what = program ? ` ${programText(program)}: ${fetchedText(fetched)}` : '';
      const text = `gets an address from ${choice.address.server}; ${choice.boot.server} ${by}${what}`;
      return [[title, { text }]];
    }
  }
}

function findingLines(finding: Finding): readonly (readonly Span[])[] {
  const { severity, code, firmware, seen } = finding;
  const { text, changes } = remedyOf(finding);
  const head = [{ text: `  ${severity} `, colour: COLOURS[severity] }, { text: `${code} (${firmware.join(', ')}): ${seen}` }];
  const lines = Object.entries(changes ?? {}).flatMap(([brand, change]) => changeLines(brand, change));
  return [head, [{ text: `    remedy: ${text}` }], ...lines];
}

function changeLines(brand: string, { remove = [], add = [] }: Change): readonly (readonly Span[])[] {
  const lines = (verb: string, texts: readonly string[]) =>
    texts.map((text) => [{ text: `      ${brand}: ${isCommand(text) ? 'run' : verb} ` }, { text, colour: 'cyan' as const }]);
  return [...lines('remove', remove), ...lines('set', add)];
}

/** The settings of MikroTik and Windows are changed by commands. */
function isCommand(text: string): boolean {
  return /^(?:\/ip |[A-Z][a-z]+-Dhcp|wdsutil )/.test(text);
}

function programText(program: Program): string {
  return program.by === 'http' ? program.url : `${program.file} by TFTP from ${program.server}`;
}

function fetchedText(fetched: Fetched | undefined): string {
  if (fetched === undefined) return 'not loaded';
  switch (fetched.kind) {
    case 'served': {
      const { bytes, total } = fetched;
      return total !== undefined && total > bytes
        ? `served, the first ${byteCount(bytes)} of ${byteCount(total)}`
        : `served, ${byteCount(bytes)}`;
    }
    case 'empty':
      return 'it is empty';
    case 'refused':
    case 'broken':
      return fetched.text;
    case 'closed':
      return 'the port is closed';
    case 'silent':
      return 'no answer';
    case 'large-lost':
      return 'only small blocks arrive';
  }
}

function plainOffer(offer: Offer): object {
  const { server, from, isProxy, vendorClass, file, bootFile, nextServer, tftpServer, kind, bytes, packet, pxe } = offer;
  const options43 = Object.fromEntries(Array.from(pxe, ([tag, value]) => [tag, Buffer.from(value).toString('hex')]));
  return {
    server,
    from,
    kind,
    isProxy,
    address: packet.yiaddr,
    vendorClass,
    file,
    bootFile,
    nextServer,
    tftpServer,
    options43,
    bytes,
  };
}

function macText(mac: readonly number[]): string {
  return mac.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
