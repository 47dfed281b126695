/**
 * Media types. UEFI's HTTP Boot takes a file by its type, letter by letter and without parameters; other loaders do not look.
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

/** The type of a file by its name; bytes of no known kind otherwise. */
export function contentType(name: string): string {
  const extension = /\.[^./]+$/.exec(name)?.[0].toLowerCase();
  return (extension !== undefined && TYPES[extension]) || 'application/octet-stream';
}
