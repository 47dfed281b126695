/**
 * Answers that contradict one another: two proxies, or a DHCP server that says something about booting beside a proxy. Pure.
 */
import { textOf } from '../protocol/packet.ts';
import { type Program, programOf } from './choice.ts';
import { type Finding, finding } from './findings.ts';
import { isPxeClass, nameOf, namesFile, type Offer } from './offer.ts';
import type { Experience } from './survey.ts';

/** Answers that contradict one another. */
export function rivalFindings(one: Experience): Finding[] {
  const { probe, offers } = one;
  const found: Finding[] = [];
  const deciding = offers.filter(saysWhatToBoot);
  // A plain DHCP server's file counts for less than a proxy's, but not for what is loaded second.
  const proxies = deciding.filter(({ isProxy }) => isProxy);
  const routers = offers.filter(({ isProxy }) => !isProxy);
  const equals = proxies.length > 1 ? proxies : proxies.length === 0 ? deciding : [];
  const different = new Map(equals.map((offer) => [decisionOf(offer, one), offer]));
  if (different.size > 1) {
    const seen = `several servers say what to boot, and disagree: ${[...different].map(([decision, { server }]) => `${server} ${decision}`).join('; ')}. Which one wins depends on who answers first`;
    found.push(finding('two-boot-offers', 'error', one, seen, equals.at(-1)));
  }
  const [proxy] = proxies;
  if (proxy === undefined || probe.selection === 'raspberry-pi') return found;
  const own = nextServerOf(proxy, one);
  for (const router of routers) {
    if (isPxeClass(router) && router.kind === 'pxe') {
      const seen = `the DHCP server ${router.server} and the proxy ${proxy.server} both say what to boot, and ${router.server} wins`;
      found.push(finding('two-boot-offers', 'error', one, seen, router));
    } else if (namesFile(router) && !(router.nextServer === own && nameOf(router) === nameOf(proxy))) {
      const seen = `the DHCP server ${router.server} sends a file name of its own ("${nameOf(router)}"${router.nextServer === undefined ? '' : ` at ${router.nextServer}`}) beside the proxy ${proxy.server}: shim and GRUB look for their next file there`;
      found.push(finding('router-file-diverts', 'error', one, seen, router));
    } else if (router.nextServer !== undefined && own !== undefined && router.nextServer !== own && probe.selection === 'edk2') {
      const seen = `the DHCP server ${router.server} sends next-server ${router.nextServer}: a GRUB without Red Hat's patch loads its files from there, not from ${own}`;
      found.push(finding('router-next-server', 'note', one, seen, router, { server: own }));
    }
  }
  return found;
}

function saysWhatToBoot(offer: Offer): boolean {
  return namesFile(offer) || offer.kind === 'pxe' || (offer.isProxy && offer.kind === 'boot-server');
}

/** What an offer, or port 4011 for it, makes the machine load. */
function decisionOf(offer: Offer, { bootServers }: Experience): string {
  const answer = namesFile(offer) ? offer : bootServers.get(offer.server);
  const program = answer && programOf(answer, offer.server);
  if (program) return `says ${textOfProgram(program)}`;
  const menu = offer.pxe.get(9);
  return menu ? `shows the menu "${textOf(menu.slice(3))}"` : 'names no file';
}

function textOfProgram(program: Program): string {
  return program.by === 'http' ? `"${program.url}"` : `"${program.file}" at ${program.server}`;
}

function nextServerOf(offer: Offer, { bootServers }: Experience): string | undefined {
  return offer.nextServer ?? bootServers.get(offer.server)?.nextServer;
}
