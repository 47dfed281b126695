/**
 * Predicts a whole boot: what the machine is offered, what that loader requests next, and the kernel and initrd that its script
 * names. Each file is looked up by the pipeline that would serve it. Steps that cannot be predicted are marked.
 */
import type { Firmware } from '../base/firmware.ts';
import { type LoaderKind, loaderKind } from '../base/loader.ts';
import { readPe } from '../base/pe.ts';
import type { Client } from '../plugin/types.ts';
import type { Generation } from '../service/generation.ts';
import { type BootQuestion, explainOffer, type Offer } from './boot-offer.ts';
import { configNames } from './config-names.ts';
import { type Explanation, explainRead } from './explain.ts';
import { ANY_SERVER, httpOriginOf } from './http-origin.ts';
import { UNKNOWN_ADDRESS } from './machines.ts';
import { ledTo } from './script-path.ts';
import { filesOfGrub } from './scripts/grub.ts';
import { filesOfIpxe, isIpxeScript } from './scripts/ipxe.ts';
import { filesOfPxelinux } from './scripts/pxelinux.ts';
import type { FileRole, NamedFile } from './scripts/script.ts';
import { secondStages } from './second-stage.ts';

/** A step of a boot with its next steps. Data for `--json`. */
export type ChainStep = OfferStep | FileStep;

/** A machine sends a DHCP request. */
export interface OfferStep {
  readonly kind: 'offer';
  /** The firmware that sends the request; `ipxe` once it runs. */
  readonly firmware: Firmware | undefined;
  readonly offer: Offer;
  readonly next: readonly ChainStep[];
}

/** A machine requests a file. */
export interface FileStep {
  readonly kind: 'file';
  readonly role: FileRole;
  /** The name as written in the offer, the loader or a script. */
  readonly name: string;
  /** The menu entry that names it. */
  readonly entry?: string;
  /** What it gets; `undefined` if the request does not go to this server. */
  readonly explanation: Explanation | undefined;
  /** Remark: why the file is not looked up, or what is unknown about it. */
  readonly note?: string;
  /** Whether the note says why the machine does not get the file. */
  readonly isFault?: true;
  readonly next: readonly ChainStep[];
}

/** Maximum files that are looked up for one boot. */
const FILES = 100;
/** Maximum steps from the first offer to the last file. */
const DEPTH = 12;

export async function explainChain(generation: Generation, question: BootQuestion): Promise<OfferStep> {
  return new Walk(generation, question).offered(question.firmware, []);
}

/** Whether the machine boots, as far as predictable: it gets an offer, and each file that it requests from this server. */
export function boots(step: ChainStep): boolean {
  if (step.kind === 'offer' && step.offer.offered === undefined) return false;
  if (step.kind === 'file' && (step.isFault || step.explanation?.error)) return false;
  return step.next.every(boots);
}

class Walk {
  readonly #generation: Generation;
  readonly #question: BootQuestion;
  readonly #server: string;
  #filesLeft = FILES;

  constructor(generation: Generation, question: BootQuestion) {
    this.#generation = generation;
    this.#question = question;
    this.#server = question.server ?? ANY_SERVER;
  }

  /** @param path the files loaded so far, to detect cycles */
  async offered(firmware: Firmware | undefined, path: readonly string[]): Promise<OfferStep> {
    const question = { ...this.#question, ...(firmware !== undefined && { firmware }) };
    const offer = await explainOffer(this.#generation, question);
    const step = (...next: readonly ChainStep[]): OfferStep => ({ kind: 'offer', firmware: offer.client.firmware, offer, next });
    const { offered, file } = offer;
    if (offered === undefined || offered === 'disk') return step();
    const role = loaderKind(offered) === 'ipxe-script' ? 'script' : 'loader';
    // The file that the plugin names; a URL only changes the protocol.
    return step(await this.#file({ role, name: file ?? offered }, '', offer.client, path));
  }

  async #file(
    { role, name, entry }: Omit<NamedFile, 'line'>,
    folder: string,
    client: Client,
    path: readonly string[],
  ): Promise<FileStep> {
    const base = { kind: 'file' as const, role, name, ...(entry !== undefined && { entry }), explanation: undefined, next: [] };
    const led = ledTo(name, folder, this.#server, httpOriginOf(this.#generation.config, this.#server) !== undefined);
    if (led.elsewhere !== undefined)
      return { ...base, note: `not looked up: ${led.elsewhere}`, ...(led.isFault && { isFault: led.isFault }) };
    if (path.includes(led.name)) return { ...base, note: 'loaded before: this goes round in a circle' };
    if (path.length >= DEPTH || this.#filesLeft <= 0) return { ...base, note: 'not looked up: the boot has too many steps' };
    const { explanation, first } = await this.#ask(led.name, client);
    const found = { ...base, explanation };
    if (explanation.error || first === undefined) return found;
    return { ...found, ...(await this.#after(role, led.name, first, client, [...path, led.name])) };
  }

  async #ask(name: string, { firmware, arch }: Client): ReturnType<typeof explainRead> {
    this.#filesLeft--;
    const program = { ...(firmware !== undefined && { firmware }), ...(arch !== undefined && { arch }) };
    return explainRead(this.#generation, { ...this.#question, server: this.#server, ...program, name });
  }

  /** What is requested after this file is loaded. */
  async #after(
    role: FileRole,
    name: string,
    first: Uint8Array,
    client: Client,
    path: readonly string[],
  ): Promise<Pick<FileStep, 'next'> & { readonly note?: string }> {
    const folder = name.slice(0, name.lastIndexOf('/') + 1);
    const text = () => new TextDecoder().decode(first);
    if (role === 'kernel' || role === 'initrd' || role === 'image') return { next: [] };
    if (isIpxeScript(text().slice(0, 16)))
      return this.#all(filesOfIpxe(text(), settingsOf(client, this.#server)), folder, client, path);
    const kind = loaderKind(name);
    if (role === 'config' && kind !== 'u-boot') return this.#config(text(), name, client, path);
    switch (kind) {
      case 'ipxe':
        return this.#ipxe(folder, client, path);
      case 'shim': {
        const names = secondStages(name, readPe(first)?.firmware ?? client.firmware, this.#generation.config);
        const [asked] = names;
        if (asked === undefined) return { next: [], note: 'which program this shim loads is not known' };
        const found = (await this.#first(names, client)) ?? asked;
        return { next: [await this.#file({ role: 'loader', name: `/${found}` }, '', client, path)] };
      }
      case 'grub':
      case 'pxelinux':
      case 'syslinux':
      case 'u-boot':
      case 'raspberry-pi':
        return this.#loader(kind, name, client, path);
      case 'kernel':
        return { next: [] };
      case 'ipxe-script':
        return { next: [], note: 'not a script: it does not begin with #!ipxe' };
      case 'windows':
      case undefined:
        return { next: [], note: 'what it asks for next is not known' };
    }
  }

  /** iPXE requests `autoexec.ipxe` from its own folder, and sends a DHCP request if that does not exist. */
  async #ipxe(folder: string, client: Client, path: readonly string[]) {
    const name = `${folder}autoexec.ipxe`;
    const { explanation } = await this.#ask(name, { ...client, firmware: 'ipxe' });
    if (explanation.error === undefined && !path.includes(name))
      return { next: [await this.#file({ role: 'script', name: `/${name}` }, '', { ...client, firmware: 'ipxe' }, path)] };
    return { next: [await this.offered('ipxe', path)] };
  }

  /** Looks up the names that the loader tries, in its order. */
  async #loader(kind: LoaderKind, loader: string, client: Client, path: readonly string[]) {
    const names = configNames(kind, loader, client);
    const found = await this.#first(names, client);
    // Relative names in it start at the loader's folder.
    if (found !== undefined) return { next: [await this.#file({ role: 'config', name: `/${found}` }, '', client, path)] };
    const last = names.at(-1);
    if (last === undefined) return { next: [] };
    const { explanation } = await this.#ask(last, client);
    const note = names.length > 1 ? `nor any of ${names.length - 1} names that it tries before: ${names[0]}, …` : undefined;
    const missing: FileStep = { kind: 'file', role: 'config', name: last, explanation, ...(note && { note }), next: [] };
    return { next: [missing] };
  }

  /** The first name that is there. */
  async #first(names: readonly string[], client: Client): Promise<string | undefined> {
    for (const name of names) {
      if (this.#filesLeft <= 0) return undefined;
      const { explanation } = await this.#ask(name, client);
      if (explanation.error === undefined) return name;
    }
    return undefined;
  }

  #config(text: string, name: string, client: Client, path: readonly string[]) {
    const loader = path.at(-2) ?? name;
    if (/grub\.cfg/i.test(name)) {
      const prefix = `(tftp)/${name.slice(0, Math.max(0, name.lastIndexOf('/')))}`;
      return this.#all(filesOfGrub(text, { prefix, root: 'tftp', net_default_server: this.#server }), '/', client, path);
    }
    const isPxelinux = name.includes('pxelinux.cfg/') || loaderKind(loader) === 'pxelinux' || loaderKind(loader) === 'syslinux';
    if (!isPxelinux) return Promise.resolve({ next: [] as readonly ChainStep[] });
    const at = name.replace(/pxelinux\.cfg\/[^/]*$/, '');
    return this.#all(filesOfPxelinux(text), at === name ? loader.slice(0, loader.lastIndexOf('/') + 1) : at, client, path);
  }

  async #all(files: readonly NamedFile[], folder: string, client: Client, path: readonly string[]) {
    const next: ChainStep[] = [];
    const seen = new Set<string>();
    for (const file of files) {
      const key = JSON.stringify([file.role, file.name]);
      if (seen.has(key)) continue;
      seen.add(key);
      next.push(await this.#file(file, folder, client, path));
    }
    return { next };
  }
}

/** Settings of the machine that a script of iPXE can use. */
function settingsOf({ mac, uuid, serial, address, host }: Client, server: string) {
  const ip = address === UNKNOWN_ADDRESS ? undefined : address;
  return { mac, uuid, serial, ip, hostname: host?.name, 'next-server': server };
}
