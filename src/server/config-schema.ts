/**
 * The config of this server: what concerns every protocol, and a section for each that is served.
 */
import { composeSchema } from '../config/schema.ts';
import { dhcpSection } from '../dhcp/section.ts';
import { tftpSection } from '../tftp/section.ts';

export const configSchema = composeSchema({ tftp: tftpSection, dhcp: dhcpSection });
