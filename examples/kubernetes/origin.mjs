/**
 * Stands for nginx or an object store: serves the folder `origin` by HTTP on the port given, with ETags.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./origin', import.meta.url));

const server = createServer(async (request, response) => {
  const name = normalize(decodeURIComponent(new URL(request.url, 'http://origin').pathname));
  const file = await stat(folder + name).catch(() => undefined);
  const etag = file && `"${file.size}-${file.mtimeMs}"`;
  if (!file?.isFile()) response.writeHead(404).end();
  else if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
  else {
    response.writeHead(200, { etag, 'content-length': file.size });
    if (request.method === 'HEAD') response.end();
    else createReadStream(folder + name).pipe(response);
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
