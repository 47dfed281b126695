/**
 * Faults of a single answer: what firmware drops, misreads or is led astray by. Pure.
 */
import { programOf } from './choice.ts';
import { type Finding, finding } from './findings.ts';
import { nameOf, namesFile, type Offer } from './offer.ts';
import type { Experience } from './survey.ts';

const EDK2_BYTES = 1472;
const EDK2_OFFERS = 16;

/** Faults of a single answer. */
export function offerFindings(one: Experience): Finding[] {
  const { probe, offers } = one;
  const isEdk2 = probe.selection === 'edk2' || probe.selection === 'edk2-http';
  const found = offers.flatMap((offer): (Finding | false)[] => [
    offer.serverId === undefined &&
      finding('no-server-id', 'error', one, `the answer of ${offer.server} has no option 54: UEFI drops it`, offer),
    offer.kind === 'bootp' &&
      finding(
        'no-message-type',
        'error',
        one,
        `the answer of ${offer.server} has no option 53: firmware takes it for BOOTP`,
        offer,
      ),
    offer.bytes > EDK2_BYTES &&
      finding(
        'answer-too-long',
        'error',
        one,
        `the answer of ${offer.server} has ${offer.bytes} bytes: UEFI drops more than ${EDK2_BYTES}`,
        offer,
      ),
    hasTail(offer) &&
      finding(
        'class-with-tail',
        'warning',
        one,
        `${offer.server} sends option 60 "${offer.vendorClass}" instead of "${probe.vendorClass}"`,
        offer,
      ),
    offer.isProxy &&
      offer.vendorClass === undefined &&
      finding(
        'proxy-without-class',
        'error',
        one,
        `the answer of ${offer.server} assigns no address and has no option 60: UEFI may crash on it`,
        offer,
      ),
    namesDiffer(offer) &&
      finding(
        'names-differ',
        'warning',
        one,
        `${offer.server} sends the file name "${offer.file}" and option 67 "${offer.bootFile}": UEFI loads the second, iPXE the first`,
        offer,
      ),
    onlyOption66(offer) &&
      finding(
        'option-66-only',
        'error',
        one,
        `${offer.server} names the TFTP server in option 66 ("${offer.tftpServer}"), and next-server (siaddr) is ${offer.nextServer ?? '0.0.0.0'}: most firmware ignores option 66`,
        offer,
        { server: offer.tftpServer!, file: nameOf(offer) },
      ),
    capturesMachines(one, offer) &&
      finding(
        'class-without-option-43',
        'error',
        one,
        `the DHCP server ${offer.server} sends option 60 "PXEClient" without option 43: ${isEdk2 ? 'UEFI asks it, and no proxy,' : 'iPXE takes it for the proxy, and asks it'} at port 4011, where it says nothing about booting`,
        offer,
      ),
    probe.selection === 'ipxe' &&
      offer.skipsProxies &&
      finding(
        'ipxe-skips-proxy',
        hasProxy(one) ? 'error' : 'note',
        one,
        `${offer.server} sends option 175 with 176 = 1: iPXE ignores every proxy`,
        offer,
      ),
  ]);
  const many = offers.length > EDK2_OFFERS;
  return [
    ...found.filter((one) => one !== false),
    ...(many ? [finding('too-many-offers', 'warning', one, `${offers.length} answers came: UEFI keeps ${EDK2_OFFERS}`)] : []),
  ];
}

/** Not so where port 4011 of the same server answers with a file: it is its own boot server then. */
export function capturesMachines({ probe, bootServers }: Experience, offer: Offer): boolean {
  if (offer.isProxy || offer.kind !== 'boot-server' || probe.vendorClass !== 'PXEClient') return false;
  if (probe.selection === 'raspberry-pi') return false;
  const answer = bootServers.get(offer.nextServer ?? offer.server) ?? bootServers.get(offer.server);
  return answer === undefined || programOf(answer, offer.server) === undefined;
}

function hasProxy({ offers }: Experience): boolean {
  return offers.some(({ isProxy }) => isProxy);
}

function hasTail({ vendorClass }: Offer): boolean {
  return vendorClass !== undefined && /^(?:PXE|HTTP)Client./s.test(vendorClass);
}

function namesDiffer({ file, bootFile }: Offer): boolean {
  return file !== '' && bootFile !== '' && file !== bootFile;
}

/** Some DHCP servers put their own address into siaddr unless told otherwise. A host name in option 66 may mean the same server. */
function onlyOption66(offer: Offer): boolean {
  const { nextServer, tftpServer = '' } = offer;
  if (tftpServer === '' || !namesFile(offer) || /^https?:/i.test(nameOf(offer))) return false;
  return nextServer === undefined || (/^[\d.]+$/.test(tftpServer) && tftpServer !== nextServer);
}
