/**
 * What PXE keeps in DHCP's option 43 (PXE 2.1 §2.2, RFC 4578 §4): tags of one byte, lengths of one byte, an END.
 *
 * Firmware of all kinds goes by these few forms, and some of it hangs or loops by others: they are not to be composed freely.
 */
import { textBytes } from './packet.ts';

/** Tags of PXE within option 43. */
export const PxeTag = { discoveryControl: 6, bootServers: 8, menu: 9, prompt: 10, bootItem: 71 } as const;

/** Discovery control: take the file that this very offer names, and ask no boot server. */
const USE_OFFERED_FILE = 8;
/** Discovery control: neither broadcast nor multicast for boot servers. */
const NO_DISCOVERY = 3;
const END = 255;

/** The file of this packet is the one to load: EDK2, iPXE and BIOS ROMs take it without another round. */
export function directBoot(): Uint8Array {
  return options([PxeTag.discoveryControl, [USE_OFFERED_FILE]]);
}

/** The same with an empty prompt: some UEFI firmware asks for tag 10 to be there. */
export function directBootWithPrompt(): Uint8Array {
  return options([PxeTag.discoveryControl, [USE_OFFERED_FILE]], [PxeTag.prompt, [0, ...textBytes('PXE')]]);
}

/** A menu of one entry, which is chosen at once: boot from the local disk (type 0). */
export function localBoot(): Uint8Array {
  const text = textBytes('Local');
  return options([PxeTag.discoveryControl, [NO_DISCOVERY]], [PxeTag.menu, [0, 0, text.length, ...text]], [PxeTag.prompt, [0]]);
}

/** A Raspberry Pi looks for this very text, blanks included, and for no file name. Other firmware must not be sent it. */
export function raspberryPiBoot(): Uint8Array {
  const text = textBytes('Raspberry Pi Boot   ');
  return options(
    [PxeTag.discoveryControl, [NO_DISCOVERY]],
    [PxeTag.prompt, [0, ...textBytes('PXE')]],
    [PxeTag.menu, [0, 0, text.length, ...text]],
  );
}

/** The answer to a request for an item of a menu: the item, echoed. */
export function bootItem(item: Uint8Array): Uint8Array {
  return options([PxeTag.discoveryControl, [USE_OFFERED_FILE]], [PxeTag.bootItem, [...item]]);
}

function options(...tags: readonly (readonly [tag: number, bytes: readonly number[]])[]): Uint8Array {
  return Uint8Array.from([...tags.flatMap(([tag, bytes]) => [tag, bytes.length, ...bytes]), END]);
}
