/**
 * What keeps machines from booting, judged by what each kind of machine saw. Pure.
 */
import { loaderKind } from '../../base/loader.ts';
import { capturesMachines, offerFindings } from './faults.ts';
import { type Context, type Finding, type FindingCode, finding } from './findings.ts';
import { rivalFindings } from './rivals.ts';
import type { Experience } from './survey.ts';

/** Findings about the same server with the same words are one, for several kinds of machines. Errors first. */
export function judge(experiences: readonly Experience[], context: Context): readonly Finding[] {
  const all = [...experiences.flatMap((one) => [...addressFindings(one), ...bootFindings(one, experiences, context)])];
  all.push(
    ...experiences.flatMap((one) => [
      ...offerFindings(one),
      ...rivalFindings(one),
      ...serverFindings(one, context),
      ...fetchFindings(one),
    ]),
  );
  all.push(...loopFindings(experiences));
  const merged = new Map<string, Finding>();
  for (const finding of all) {
    const key = `${finding.code} ${finding.server} ${finding.seen}`;
    const before = merged.get(key);
    merged.set(key, before ? { ...before, firmware: [...new Set([...before.firmware, ...finding.firmware])] } : finding);
  }
  const rank = { error: 0, warning: 1, note: 2 };
  return [...merged.values()].sort((one, other) => rank[one.severity] - rank[other.severity]);
}

function addressFindings(one: Experience): Finding[] {
  if (one.choice.kind !== 'no-address') return [];
  const proxies = one.offers.filter(({ isProxy }) => isProxy).map(({ server }) => server);
  const seen =
    proxies.length === 0
      ? 'no DHCP server answered'
      : `no DHCP server offered an address; only ${proxies.join(', ')} answered, which assigns none`;
  return [finding('no-address-server', 'error', one, seen)];
}

/** A network may be meant for one kind of machine only: then silence towards the others is right. */
function bootFindings(one: Experience, all: readonly Experience[], { named }: Context): Finding[] {
  if (one.choice.kind !== 'no-boot') return [];
  const isForNone = !all.some(({ choice }) => ['program', 'boot-server', 'menu'].includes(choice.kind));
  const { server } = one.choice.address;
  const seen = `${server} assigns an address, and no answer says what to boot`;
  return [finding('no-boot-offer', named || isForNone ? 'error' : 'note', one, seen, one.choice.address)];
}

/** Port 4011, and servers that ought to have answered. */
function serverFindings(one: Experience, { servers }: Context): Finding[] {
  const { choice, bootServers, offers } = one;
  const found: Finding[] = [];
  if (choice.kind === 'boot-server' && one.program === undefined && !capturesMachines(one, choice.boot)) {
    const answer = bootServers.get(choice.server);
    const what = answer === undefined ? 'is silent' : 'answers without a file name';
    found.push(
      finding(
        'boot-server-silent',
        'error',
        one,
        `the machine must ask ${choice.server} at UDP port 4011, which ${what}`,
        choice.boot,
      ),
    );
  }
  for (const server of servers) {
    const answer = bootServers.get(server);
    const isHeard = offers.some((offer) => offer.server === server || offer.from.address === server);
    if (isHeard || answer === undefined) continue;
    const seen = `${server} answers at port 4011, but no answer of it to the broadcast arrived: a switch with DHCP snooping may drop it, or the server has not heard the broadcast`;
    found.push(finding('snooping-suspected', 'error', one, seen, undefined, { server }));
  }
  return found;
}

function fetchFindings(one: Experience): Finding[] {
  const { program, fetched, choice } = one;
  if (program === undefined || fetched === undefined) return [];
  const what = program.by === 'http' ? `"${program.url}"` : `"${program.file}" from ${program.server} by TFTP`;
  const heard = 'boot' in choice ? `${choice.boot.server} answers DHCP` : 'DHCP is answered';
  const values = program.by === 'tftp' ? { server: program.server, file: program.file } : { file: program.url };
  const failed = (code: FindingCode, seen: string) => [finding(code, 'error', one, seen, undefined, values)];
  switch (fetched.kind) {
    case 'served':
      return [];
    case 'empty':
      return failed('loader-empty', `${what} has 0 bytes`);
    case 'refused':
      return failed('loader-not-served', `${what}: the server answers ${fetched.text}`);
    case 'closed':
      return failed('transfer-port-closed', `${what}: nothing listens there (the port is closed)`);
    case 'silent':
      return failed(
        'transfer-silent',
        program.by === 'http'
          ? `${what}: no connection, though ${heard}: a firewall drops it, or the host is down`
          : `${what}: no answer, though ${heard}. A firewall drops either requests to UDP port 69, or the answers, which come from other ports`,
      );
    case 'large-lost':
      return failed(
        'large-blocks-lost',
        `${what}: blocks of 1468 bytes do not arrive, blocks of 512 do: a link on the way has a smaller MTU, or fragments are dropped`,
      );
    case 'broken':
      return failed('transfer-broken', `${what}: the transfer began and broke off: ${fetched.text}`);
  }
}

/** iPXE that is told to load iPXE does so for ever. */
function loopFindings(experiences: readonly Experience[]): Finding[] {
  return experiences.flatMap((one) => {
    const { probe, program } = one;
    if (probe.name !== 'ipxe' || program === undefined || !('boot' in one.choice)) return [];
    const name = program.by === 'http' ? program.url : program.file;
    if (loaderKind(name) !== 'ipxe') return [];
    const seen = `iPXE itself is told to load "${name}", which is iPXE again: it would never get further`;
    return [finding('ipxe-loads-itself', 'error', one, seen, one.choice.boot, { file: name })];
  });
}
