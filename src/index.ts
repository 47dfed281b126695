/**
 * The public interface of `pxe`: what configs, their plugins and programs that embed the server import; helpers
 * for authors of plugins are in `kit.ts`. Re-exports only.
 */
export { z } from 'zod';
export type { Awaitable } from './base/awaitable.ts';
export type { BootLayout } from './base/boot-layout.ts';
export type { Firmware } from './base/firmware.ts';
export type { Issue, Place } from './base/issue.ts';
export type { Log } from './base/log.ts';
export type { EndReason, RefusalReason } from './base/refusal.ts';
export { NOT_FOUND, Refusal } from './base/refusal.ts';
export type {
  Config,
  ConfigSections,
  Limits,
  LogSettings,
  PluginReference,
  Uploads,
} from './config/config.ts';
export { defineConfig } from './config/config.ts';
export type { SourcePlace } from './config/error.ts';
export { ConfigError } from './config/error.ts';
export type { ResolvedConfig } from './config/resolve.ts';
export type { Content, Sink } from './content/content.ts';
export type { DhcpConfig, DhcpLimits, DhcpPorts } from './dhcp/config.ts';
export type { DhcpDetails, DhcpRequest } from './dhcp/request.ts';
export type { DhcpSummary } from './dhcp/summary.ts';
export type { HttpConfig, HttpLimits, HttpListen, HttpsListen, HttpTls } from './http/config.ts';
export type { HttpDetails, HttpRequest } from './http/request.ts';
export type { HttpSummary } from './http/summary.ts';
export type { Address } from './net/listening.ts';
export type { Plugin, PluginDefinition, PluginFactory } from './plugin/define.ts';
export { definePlugin } from './plugin/define.ts';
export type { PluginStep } from './plugin/error.ts';
export { PluginError } from './plugin/error.ts';
export type { Kept } from './plugin/kept.ts';
export type { ReadyPlugin } from './plugin/ready.ts';
export type { Lookup, Trace, TraceEntry } from './plugin/trace.ts';
export type {
  BootAnswer,
  BootRequest,
  Call,
  CheckCall,
  Client,
  ExchangeError,
  ExchangeInfo,
  ExchangeSummary,
  FactName,
  FileRequest,
  Finding,
  Folder,
  Hooks,
  Host,
  Identity,
  IdentitySource,
  Machine,
  Outcome,
  PluginContext,
  ReadRequest,
  Request,
  RequestByProtocol,
  RequestInfo,
  RewriteRequest,
  Sighting,
  SightingsView,
  SummaryByProtocol,
  WriteRequest,
} from './plugin/types.ts';
export type { ChainStep, FileStep, OfferStep } from './server/boot-chain.ts';
export type { BootQuestion, Offer } from './server/boot-offer.ts';
export type { CreateOptions } from './server/create.ts';
export { createServer, explainBootOf as explainBoot, explainConfig as explain } from './server/create.ts';
export type { ServerEvents } from './server/events.ts';
export type { Explanation, Question } from './server/explain.ts';
export type { Server } from './server/server.ts';
export type { LiveExchange } from './service/service.ts';
export type { CounterName, GaugeName, HistogramName, PluginCounterName, PluginHistogramName } from './stats/counters.ts';
export type { HistogramSnapshot } from './stats/histogram.ts';
export type { PluginStats, StatsSnapshot } from './stats/stats.ts';
export type { Listen, ListenAddress, ListenInterface, PortRange, TftpConfig, TftpLimits } from './tftp/config.ts';
export { ErrorCode, TftpError } from './tftp/protocol/error.ts';
export type { TftpDetails, TftpRequest } from './tftp/request.ts';
export type { TftpSummary } from './tftp/summary.ts';
