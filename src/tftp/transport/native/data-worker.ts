/** Where the data thread begins. */
import { workerData } from 'node:worker_threads';
import { DataThread, type DataThreadOptions } from './data-thread.ts';
import { begin, type ThreadShare } from './thread.ts';

const given = workerData as DataThreadOptions & ThreadShare;
begin(given);
await new DataThread(given).run();
