/** Where the content thread begins. */
import { workerData } from 'node:worker_threads';
import { ContentThread, type ContentThreadOptions } from './content-thread.ts';
import { begin, type ThreadShare } from './thread.ts';

const given = workerData as ContentThreadOptions & ThreadShare;
begin(given);
new ContentThread(given).run();
