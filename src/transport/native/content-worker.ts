/** Where the content thread begins. */
import { workerData } from 'node:worker_threads';
import { ContentThread, type ContentThreadOptions } from './content-thread.ts';

new ContentThread(workerData as ContentThreadOptions).run();
