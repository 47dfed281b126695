/**
 * Serial numbers: accepts every usual spelling, produces one.
 */

/**
 * Normalizes a serial number to lower case, and 16 hex digits to the last eight: a Raspberry Pi shows all 16 in `/proc/cpuinfo`,
 * but prefixes the names that it requests with the last eight.
 */
export function parseSerial(text: string): string {
  const serial = text.toLowerCase();
  return /^[0-9a-f]{16}$/.test(serial) ? serial.slice(8) : serial;
}
