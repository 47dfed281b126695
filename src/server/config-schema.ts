/**
 * The config schema of this server: the common keys, and a section for each protocol.
 */
import { composeSchema } from '../config/schema.ts';
import { dhcpSection } from '../dhcp/section.ts';
import { httpSection } from '../http/section.ts';
import { tftpSection } from '../tftp/section.ts';

export const configSchema = composeSchema({ tftp: tftpSection, dhcp: dhcpSection, http: httpSection });
