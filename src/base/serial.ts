/**
 * Serial numbers as text: every usual spelling in, one spelling out.
 */

/**
 * Brings a serial number into the one spelling used inside: lower case, and of 16 hex digits the last eight. A Raspberry Pi shows
 * all 16 in `/proc/cpuinfo` and puts the last eight before the names that it asks for.
 */
export function parseSerial(text: string): string {
  const serial = text.toLowerCase();
  return /^[0-9a-f]{16}$/.test(serial) ? serial.slice(8) : serial;
}
