/**
 * Finds the files that a config of PXELINUX or SYSLINUX names; U-Boot reads the same format.
 */
import { loaderKind } from '../../base/loader.ts';
import type { FileRole, NamedFile } from './script.ts';

export function filesOfPxelinux(text: string): readonly NamedFile[] {
  const files: NamedFile[] = [];
  let entry: string | undefined;
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const [, keyword = '', value = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(written) ?? [];
    const add = (role: FileRole, name: string | undefined) => {
      if (name) files.push({ role, name, line: index + 1, ...(entry !== undefined && { entry }) });
    };
    const [first] = value.split(/\s+/);
    switch (keyword.toLowerCase()) {
      case 'label':
        entry = first;
        break;
      case 'kernel':
      case 'linux':
        // Arguments may follow the name.
        add(roleOf(first), first);
        for (const initrd of initrdsIn(value)) add('initrd', initrd);
        break;
      case 'append':
        for (const initrd of initrdsIn(value)) add('initrd', initrd);
        break;
      case 'initrd':
        for (const initrd of value.split(/[,\s]+/)) add('initrd', initrd);
        break;
      case 'com32':
      case 'ui':
        add('loader', first);
        break;
      case 'pxe':
      case 'boot':
        add('loader', first);
        break;
      case 'include':
      case 'config':
        add('config', first);
        break;
      case 'fdt':
      case 'devicetree':
        add('image', first);
        break;
    }
  }
  return files;
}

/** `initrd=a,b` */
function initrdsIn(value: string): readonly string[] {
  return [...value.matchAll(/(?:^|\s)initrd=(\S+)/gi)].flatMap(([, names]) => names!.split(',').filter(Boolean));
}

function roleOf(name: string | undefined): FileRole {
  if (name === undefined || !/\.(?:c32|0|efi|bin|bs|bss|com)$/i.test(name)) return 'kernel';
  return loaderKind(name) === 'kernel' ? 'kernel' : 'loader';
}
