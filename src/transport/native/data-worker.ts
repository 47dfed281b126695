/** Where the data thread begins. */
import { workerData } from 'node:worker_threads';
import { DataThread, type DataThreadOptions } from './data-thread.ts';

new DataThread(workerData as DataThreadOptions).run();
