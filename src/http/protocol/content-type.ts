/**
 * Media types. UEFI HTTP Boot checks the type, byte for byte and without parameters; other loaders ignore it.
 */

const TYPES: Readonly<Record<string, string>> = {
  '.efi': 'application/efi',
  '.iso': 'application/vnd.efi-iso',
  '.img': 'application/vnd.efi-img',
  '.ipxe': 'text/plain',
  '.cfg': 'text/plain',
  '.conf': 'text/plain',
  '.txt': 'text/plain',
  '.ks': 'text/plain',
  '.yaml': 'text/yaml',
  '.yml': 'text/yaml',
  '.json': 'application/json',
  '.xml': 'application/xml',
  '.html': 'text/html',
};

/** The media type for a file name; that of arbitrary bytes if unknown. */
export function contentType(name: string): string {
  const extension = /\.[^./]+$/.exec(name)?.[0].toLowerCase();
  return (extension !== undefined && TYPES[extension]) || 'application/octet-stream';
}
