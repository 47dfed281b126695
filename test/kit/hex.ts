/** Bytes from hexadecimal digits, with spaces where they help. (`Uint8Array.fromHex` is not in every Node that we run on.) */
export function hex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
