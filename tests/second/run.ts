// Holds the second reader to every vector, to the page's worked example, to every changed bit, and to a published draw.
//
//   node run.js SOURCE [DUDAO-AUDIT]     with the audit program also its verdict on each ledger that is tried

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { decode } from "./cbor.js";
import * as second from "./verify.js";

const source = process.argv[2] ?? ".";
const audit = process.argv[3];
const page = readFileSync(join(source, "sync/PROTOCOL.md"), "utf8");
const tables = second.tablesOf(page, readFileSync(join(source, "schema/DICTIONARY.md"), "utf8"));

let checks = 0;
let failures = 0;
function check(what: string, good: boolean): void {
  checks += 1;
  if (good) return;
  failures += 1;
  console.error(`FAILED: ${what}`);
}
/// True when taken; anything but a refusal is a fault of the reader.
function takes(what: () => unknown): boolean {
  try {
    what();
    return true;
  } catch (error) {
    if (error instanceof second.Refused) return false;
    throw error;
  }
}
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));

if (tables.size !== 25) throw new Error("the page's list of tables cannot be read");

// ---- tests/vectors
const folder = join(source, "tests/vectors");
const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
  origin: string;
  office_public_key: string;
  device_public_key: string;
  vectors: { file: string; kind: string; statement?: string; error: number }[];
};
const office = second.keyOf(-8, unhex(manifest.office_public_key));
const device = second.keyOf(-8, unhex(manifest.device_public_key));
const file = (name: string): Uint8Array => unhex(readFileSync(join(folder, name), "utf8"));
const readers: Record<string, (bytes: Uint8Array, statement: Uint8Array) => unknown> = {
  cbor: (bytes) => decode(bytes),
  statement: (bytes) => second.checkChangeSet(second.openStatement(bytes, 65001, device).payload, tables),
  receipt: (bytes, statement) => second.checkReceipt(bytes, statement, office),
  checkpoint: (bytes) => second.openCheckpoint(bytes, manifest.origin, office),
  ledger: (bytes) => second.checkLedger(bytes, office.thumbprint, tables),
};
const scratch = mkdtempSync(join(tmpdir(), "dudao-second-"));
try {
  for (const vector of manifest.vectors) {
    const bytes = file(vector.file);
    const statement = vector.statement ? file(vector.statement) : new Uint8Array();
    const taken = takes(() => readers[vector.kind]!(bytes, statement));
    check(`${vector.file}: ${taken ? "accepted" : "refused"}, the manifest says ${vector.error}`, taken === (vector.error === 0));
    if (vector.kind === "ledger" && audit) {
      const path = join(scratch, vector.file);
      writeFileSync(path, bytes);
      const said = spawnSync(audit, ["ledger", path, "--office-key", second.hex(office.thumbprint)], { encoding: "utf8" });
      check(`${vector.file}: the audit program agrees`, (said.status === 0) === taken);
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
}

// ---- every bit of what is accepted, changed
const bent = (bytes: Uint8Array, use: (bytes: Uint8Array) => unknown, what: string): void => {
  for (let at = 0; at < bytes.length; ++at)
    for (let bit = 0; bit < 8; ++bit) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << bit;
      check(`${what}: byte ${at} bit ${bit} is refused`, !takes(() => use(changed)));
    }
};
const statement = file("statement-good.hex");
bent(statement, (bytes) => readers.statement!(bytes, bytes), "statement");
bent(file("receipt-good.hex"), (bytes) => readers.receipt!(bytes, statement), "receipt");
bent(file("checkpoint-good.hex"), (bytes) => readers.checkpoint!(bytes, bytes), "checkpoint");

// ---- the worked example of the page
const blocks = new Map([...page.matchAll(/^```(?:hex|text) (\S+)\n([\s\S]*?)^```$/gm)].map((found) => [found[1]!, found[2]!]));
const block = (name: string): Uint8Array => unhex(blocks.get(name) ?? "");
const exampleOffice = second.keyOf(-8, block("office-public-key"));
const exampleDevice = second.keyOf(-8, block("device-public-key"));
check("thumbprint of the office", second.hex(exampleOffice.thumbprint) === second.hex(block("office-thumbprint")));
check("thumbprint of the device", second.hex(exampleDevice.thumbprint) === second.hex(block("device-thumbprint")));
const changeSet = second.openStatement(block("change-set"), 65001, exampleDevice);
check("Sig_structure", second.hex(changeSet.toBeSigned) === second.hex(block("change-set-sig-structure")));
check("id", second.hex(changeSet.id) === second.hex(block("change-set-id")));
second.checkChangeSet(changeSet.payload, tables);
second.checkChanges(decode(block("changes")), tables);
const leaves = ["genesis", "enrolment", "change-set"].map((name) => second.leafHash(block(name)));
leaves.forEach((leaf, at) => check(`leaf ${at}`, second.hex(leaf) === second.hex(block(`leaf-${at}`))));
check("root", second.hex(second.rootOf(leaves)) === second.hex(block("root-3")));
second.checkReceipt(block("receipt"), block("change-set"), exampleOffice);
const checkpoint = second.openCheckpoint(new TextEncoder().encode(blocks.get("checkpoint")), "example.dudao/2026", exampleOffice);
check("checkpoint", checkpoint.size === 3n && second.hex(checkpoint.root) === second.hex(block("root-3")));
check("ledger", second.checkLedger(block("ledger"), exampleOffice.thumbprint, tables).statements === 3);

// ---- the draw: the page's example, and one that others published where that is present
const lines = (...texts: string[]): string => texts.map((text) => `${text}\n`).join("");
const example = {
  frame: lines("LX0001|CUN|1|E", "LX0002|CUN|1|E", "LX0003|CUN|3|E", "LX0004|CUN|1|X2", "LX0005|CUN|2|E", "ZX-01|ZHEN|1|E", "ZX-02|ZHEN|1|E", "ZX-03|ZHEN|2|E"),
  pool: lines("D1|3|1", "D2|2|0", "D3|1|0", "D4|2|1"),
  recuse: lines("D1|LX0001|R1", "D1|LX0005|R2", "D2|ZX-01|R3", "D4|LX0001|R4", "D4|LX0005|R5"),
};
const drawPage = readFileSync(join(source, "schema/DRAW.md"), "utf8");
const manifestLines = /^    INSPECT-DRAW-1\n    draw=LX[\s\S]*?^    entropy=.*$/m.exec(drawPage)![0].replace(/^ {4}/gm, "");
const drawn = second.drawResult(
  { ...example, manifest: `${manifestLines}\n` },
  Uint8Array.from({ length: 32 }, (_, i) => 200 + i),
  "3.3.5./",
);
for (const [name, value] of [["M", drawn.m], ["C", drawn.c], ["seed", drawn.seed]] as const)
  check(`draw: ${name}`, new RegExp(`^ {4}${name} +${value}$`, "m").test(drawPage));
for (const said of [/school\|CUN\|1\|LX0005\|X4\|/, /school\|CUN\|2\|LX0002\|SELECTED\|/, /school\|CUN\|3\|LX0003\|SELECTED\|/,
  /school\|CUN\|4\|LX0001\|RESERVE\|/, /ticket\|LX0005\|D1\|R2/, /ticket\|LX0005\|D4\|R5/, /ticket\|LX0005\|D2\|LEAD/,
  /team\|LX0002\|(D4\+D1|D1\+D4)\|D4/, /team\|LX0003\|(D4\+D1|D1\+D4)\|D4/, /team\|ZX-03\|(D1\+D2|D2\+D1)\|D1/])
  check(`draw: ${said.source}`, said.test(drawn.result));
const published = join(source, "../shared/vectors/inspect-draw-1");
if (existsSync(published)) {
  const read = (name: string): string => readFileSync(join(published, name), "utf8");
  const vector = JSON.parse(read("vectors.json")) as Record<string, unknown>;
  const result = second.drawResult(
    { manifest: read("manifest.txt"), frame: read("frame.txt"), pool: read("pool.txt"), recuse: read("recuse.txt") },
    Uint8Array.from({ length: 32 }, (_, i) => i),
    "9319./2.5.8.10.12./9.18.26.34.41.45./",
  );
  const everything = JSON.stringify(vector);
  for (const hash of [result.m, result.c, result.seed]) check(`published draw: ${hash}`, everything.includes(hash));
  for (const team of ["1402000005|I005+I003", "1402000002|I003+I002", "1401000002|I002+I006", "1401000005|I005+I006"])
    check(`published draw: ${team}`, result.result.includes(`team|${team}|`));
} else {
  console.log("skipped in part: the shared vectors are not beside this checkout");
}

console.log(`${checks} checks, ${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
