/**
 * The content of DHCP option 43 for PXE (PXE 2.1 §2.2, RFC 4578 §4): one-byte tags, one-byte lengths, and an END.
 *
 * Firmware works with these few layouts, and some hangs or loops with others, so do not compose them freely.
 */
import { textBytes } from './packet.ts';

/** PXE tags within option 43. */
export const PxeTag = { discoveryControl: 6, bootServers: 8, menu: 9, prompt: 10, bootItem: 71 } as const;

/** Discovery control: use the file named in this offer, and ask no boot server. */
const USE_OFFERED_FILE = 8;
/** Discovery control: no broadcast or multicast discovery of boot servers. */
const NO_DISCOVERY = 3;
const END = 255;

/** Load the file named in this packet: EDK2, iPXE and BIOS ROMs need no further round trip. */
export function directBoot(): Uint8Array {
  return options([PxeTag.discoveryControl, [USE_OFFERED_FILE]]);
}

/** The same with an empty prompt, since some UEFI firmware requires tag 10. */
export function directBootWithPrompt(): Uint8Array {
  return options([PxeTag.discoveryControl, [USE_OFFERED_FILE]], [PxeTag.prompt, [0, ...textBytes('PXE')]]);
}

/** A menu with a single entry, selected at once: boot from the local disk (type 0). */
export function localBoot(): Uint8Array {
  const text = textBytes('Local');
  return options([PxeTag.discoveryControl, [NO_DISCOVERY]], [PxeTag.menu, [0, 0, text.length, ...text]], [PxeTag.prompt, [0]]);
}

/** A Raspberry Pi looks for exactly this text, including the spaces, and ignores file names. Do not send it to other firmware. */
export function raspberryPiBoot(): Uint8Array {
  const text = textBytes('Raspberry Pi Boot   ');
  return options(
    [PxeTag.discoveryControl, [NO_DISCOVERY]],
    [PxeTag.prompt, [0, ...textBytes('PXE')]],
    [PxeTag.menu, [0, 0, text.length, ...text]],
  );
}

/** Answers a request for a menu item by echoing the item. */
export function bootItem(item: Uint8Array): Uint8Array {
  return options([PxeTag.discoveryControl, [USE_OFFERED_FILE]], [PxeTag.bootItem, [...item]]);
}

function options(...tags: readonly (readonly [tag: number, bytes: readonly number[]])[]): Uint8Array {
  return Uint8Array.from([...tags.flatMap(([tag, bytes]) => [tag, bytes.length, ...bytes]), END]);
}
