// The same visits the way of PouchDB: one document a visit into a local database, then replicated to a CouchDB-compatible server in
// a process of its own. Neither signs anything, and neither waits for its disk. Its packages stand beside it: tools/dev bench copies
// this folder into build/ and installs them there.
//
//     node run.mjs visits.jsonl     prints one line of JSON: seconds, bytes both ways and requests of each phase
import { fork } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

if (process.argv[2] === 'serve') await serve(process.argv[3]);
else await measure(process.argv[2]);

async function serve(folder) {
  const PouchDB = require('pouchdb-node').defaults({ prefix: folder + path.sep });
  // No admin party's log, no configuration file beside the source.
  const app = require('express-pouchdb')(PouchDB, { inMemoryConfig: true, logPath: path.join(folder, 'log.txt') });
  let requests = 0;
  const sockets = new Set();
  let closed = 0;
  const server = http.createServer((request, response) => {
    ++requests;
    app(request, response);
  });
  const bytes = (socket) => socket.bytesRead + socket.bytesWritten;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      closed += bytes(socket);
    });
  });
  process.on('message', () => process.send({ requests, bytes: [...sockets].reduce((sum, s) => sum + bytes(s), closed) }));
  process.on('disconnect', () => process.exit(0));
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}

async function measure(file) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dudao-bench-'));
  for (const name of ['server', 'client']) fs.mkdirSync(path.join(folder, name));
  const server = fork(fileURLToPath(import.meta.url), ['serve', path.join(folder, 'server')], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const answer = () => new Promise((resolve) => server.once('message', resolve));
  try {
    const { port } = await answer();
    const counted = async () => {
      const reply = answer();
      server.send('count');
      return reply;
    };
    const PouchDB = require('pouchdb-node');
    const local = new PouchDB(path.join(folder, 'client', 'visits'));
    const remote = new PouchDB(`http://127.0.0.1:${port}/visits`);
    await remote.info();
    const visits = fs.readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    const phase = async (work) => {
      const before = await counted();
      const began = performance.now();
      await work();
      const seconds = (performance.now() - began) / 1000;
      const after = await counted();
      return { seconds, bytes: after.bytes - before.bytes, requests: after.requests - before.requests };
    };
    const replicate = async () => {
      const result = await local.replicate.to(remote, { batch_size: 100 });
      if (!result.ok || result.doc_write_failures > 0) throw new Error('replication: ' + JSON.stringify(result));
    };
    const out = {};
    out.write = await phase(async () => {
      let n = 0;
      for (const visit of visits) await local.put({ _id: 'visit-' + String(n++).padStart(8, '0'), ...visit });
    });
    out.sync = await phase(replicate);
    const there = (await remote.info()).doc_count;
    if (there !== visits.length) throw new Error(`${there} of ${visits.length} visits arrived`);
    out.nothing = await phase(replicate);
    const edited = await local.get('visit-00000000');
    edited.answers[0].value = '51';
    await local.put(edited);
    out.edit = await phase(replicate);
    out.memory_kib = process.resourceUsage().maxRSS;
    await local.close();
    console.log(JSON.stringify(out));
  } finally {
    server.disconnect();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
