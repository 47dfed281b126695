/**
 * Corrects names that certain clients get wrong; the clients are recognised by their requests. A name is changed only if no file
 * of that name exists under the root but one of the corrected name does, so a wrongly recognised client loses nothing.
 *
 * Mistakes that any client may make are corrected before plugins are called: `\` and `//`, a leading `/`, and the 0xFF and
 * control bytes that ROMs copy together with DHCP option 67.
 */
import { type Call, type Client, definePlugin, type ExchangeSummary, type Folder, type Hooks, type ReadRequest } from 'pxe';
import { z } from 'zod';
import { isPiMac, parsePiName } from './lib/raspberry-pi.ts';

export interface NormalizeOptions {
  /** Windows' boot manager requests `\boot\bcd` for the file `Boot/BCD`: ignore case. Default true. */
  readonly windows?: boolean | undefined;
  /**
   * shim requests `grubx64.efi`, and the signed shim of iPXE `ipxe.efi`, in a folder other than its own: use the file beside the
   * program that the machine loaded last, then the one in the root. Default true.
   */
  readonly shim?: boolean | undefined;
  /**
   * iPXE requests `autoexec.ipxe` in the folder of the name that it was booted with: use the file beside the program that the
   * machine loaded last. Default true.
   */
  readonly ipxe?: boolean | undefined;
  /** A Raspberry Pi requests `<serial>/start4.elf`: remove the serial number or MAC address. Default true. */
  readonly raspberryPi?: boolean | undefined;
  /** Some ROMs pad names with spaces: remove them. Default true. */
  readonly rom?: boolean | undefined;
}

const on = z.boolean().default(true);
const options = z.strictObject({ windows: on, shim: on, ipxe: on, raspberryPi: on, rom: on }).prefault({});

export const normalize = definePlugin({
  name: 'normalize',
  options,
  setup(switches): Hooks {
    const programs = new LastPrograms();
    const pis = new PiFolders();
    const active = Object.entries(profiles).filter(([name]) => switches[name as keyof typeof profiles]);
    return {
      rewrite(request, call) {
        // The name of an upload need not exist yet.
        if (request.kind !== 'read') return undefined;
        const fitting = active.filter(([, { isOf }]) => isOf(request, pis));
        return fitting.length === 0 ? undefined : changed(fitting, request, programs.of(request.client), call);
      },
      ...(switches.shim || switches.ipxe ? { end: (summary) => programs.note(summary) } : {}),
    };
  },
});

type Named = readonly [name: string, profile: Profile];

async function changed(fitting: readonly Named[], request: ReadRequest, program: Program | undefined, { root, note }: Call) {
  for (const [profile, { find }] of fitting) {
    const name = await find(request, root, program);
    if (name === request.name) return undefined;
    if (name === undefined) continue;
    note(profile);
    return { ...request, name };
  }
  return undefined;
}

interface Profile {
  /**
   * Recognises a Raspberry Pi by its options in their order, its names and its MAC address. @param pis folders of earlier
   * requests of Raspberry Pis
   */
  isOf(request: ReadRequest, pis: PiFolders): boolean;
  /**
   * The name of an existing file: the requested one or the intended one. `undefined` if neither exists.
   * @param program what the machine loaded last, if anything
   */
  find(request: ReadRequest, root: Folder, program: Program | undefined): Promise<string | undefined>;
}

const profiles: Readonly<Record<keyof z.output<typeof options>, Profile>> = {
  windows: {
    isOf: (request) => {
      const { asked, name } = request;
      const options = tftpOptions(request);
      return asked.includes('\\') || options.has('mstfwindow') || options.has('msftwindow') || WINDOWS_FILE.test(name);
    },
    find: ({ name }, root) => root.spelling(name),
  },
  shim: {
    // By TFTP it uses blocks of 512 bytes, whatever its firmware supports.
    isOf: (request) =>
      (SHIM_FILE.test(request.name) || IPXE_FILE.test(request.name)) && (tftpOptions(request).get('blksize') ?? '512') === '512',
    find: ({ name }, root, program) => {
      const file = baseName(name);
      const beside = program === undefined ? [] : [...secondStage(file, program), file].map((one) => program.folder + one);
      return firstOf(root, [name, ...beside, file]);
    },
  },
  ipxe: {
    isOf: ({ name }) => AUTOEXEC.test(name),
    find: ({ name }, root, program) => firstOf(root, [name, ...(program === undefined ? [] : [program.folder + baseName(name)])]),
  },
  raspberryPi: {
    isOf: (request, pis) => pis.isOfPi(request),
    find: ({ name }, root) => firstOf(root, [name, parsePiName(name)?.rest ?? name]),
  },
  rom: {
    isOf: ({ name }) => /\s$/.test(name),
    find: ({ name }, root) => firstOf(root, [name, name.trimEnd()]),
  },
};

const WINDOWS_FILE =
  /(^|\/)(bcd|[^/]+\.(wim|sdi|mui)|wgl4_boot\.ttf|bootmgr(\.exe)?|(bootmgfw|bootmgr|wdsmgfw)\.efi|(wdsnbp|pxeboot|abortpxe)\.(com|n12))$/i;
/** shim's second stages, its key manager, and files that it only probes for. */
const SHIM_FILE = /(^|\/)((grub|mm|fb)[a-z0-9]*\.efi|revocations\w*\.efi|shim_certificate\w*\.efi)$/i;

/** iPXE's signed shim requests this in the root, wherever it and its iPXE are. */
const IPXE_FILE = /(^|\/)ipxe\.efi$/i;
/** iPXE requests this by itself before it configures the network. */
const AUTOEXEC = /(^|\/)autoexec\.ipxe$/i;

/** The iPXE that belongs to a shim: `snponly-shimx64.efi` comes with `snponly.efi` but requests `ipxe.efi`. */
function secondStage(file: string, { file: shim }: Program): readonly string[] {
  return IPXE_FILE.test(file) && IPXE_SHIM.test(shim) ? [shim.replace(IPXE_SHIM, '.efi')] : [];
}

const IPXE_SHIM = /-shim[a-z0-9]*\.efi$/i;

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

async function firstOf(root: Folder, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await root.has(name)) return name;
  return undefined;
}

/** Maximum remembered machines; the least recently noted is forgotten first. */
const MAX_MACHINES = 4096;

/** One value for each of the machines seen recently. */
class MachineMemory {
  readonly #byMachine = new Map<string, string>();

  of({ mac, address }: Client): string | undefined {
    return this.#byMachine.get(mac ?? address);
  }

  note({ mac, address }: Client, value: string): void {
    const machine = mac ?? address;
    this.#byMachine.delete(machine);
    this.#byMachine.set(machine, value);
    if (this.#byMachine.size > MAX_MACHINES) this.#byMachine.delete(this.#byMachine.keys().next().value!);
  }
}

/** A boot program under the root. */
interface Program {
  /** Ends in a slash, unless it is the root. */
  readonly folder: string;
  readonly file: string;
}

/** The last program that each machine loaded, except second stages of a shim. */
class LastPrograms {
  readonly #names = new MachineMemory();

  of(client: Client): Program | undefined {
    const name = this.#names.of(client);
    if (name === undefined) return undefined;
    const file = baseName(name);
    return { folder: name.slice(0, name.length - file.length), file };
  }

  note({ request: { kind, client }, served, outcome }: ExchangeSummary): void {
    if (kind !== 'read' || outcome !== 'completed' || served === undefined) return;
    if (PROGRAM_FILE.test(served) && !SHIM_FILE.test(served)) this.#names.note(client, served);
  }
}

const PROGRAM_FILE = /\.(efi|k?k?pxe)$/i;

/**
 * The folder in which each machine has requested the firmware of a Raspberry Pi. Its other requests in that folder, such as for a
 * kernel that `config.txt` names, also come from a Pi.
 */
class PiFolders {
  readonly #folders = new MachineMemory();

  isOfPi({ name, client }: ReadRequest): boolean {
    const parsed = parsePiName(name);
    if (parsed === undefined) return false;
    const { folder, isFirmware } = parsed;
    if (isFirmware) this.#folders.note(client, folder);
    if (isFirmware || this.#folders.of(client) === folder) return true;
    // Any machine may have a folder of eight digits, so its MAC address decides.
    const isUsual = folder.length === 8 || isPiMac(folder);
    return isUsual && (client.mac === undefined || isPiMac(client.mac));
  }
}

/** None for a request of another protocol. */
function tftpOptions(request: ReadRequest): ReadonlyMap<string, string> {
  return request.protocol === 'tftp' ? request.tftp.options : NO_OPTIONS;
}

const NO_OPTIONS: ReadonlyMap<string, string> = new Map();
