// Holds the second reader to every vector, to the page's worked example, to every changed bit, and to a published draw.
//
//   node run.js SOURCE [DUDAO-AUDIT]     with the audit program also its verdict on everything that is tried

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

if (tables.size !== 39) throw new Error("the page's list of tables cannot be read");

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
process.on("exit", () => rmSync(scratch, { recursive: true }));

// ---- the audit program, asked about everything that was tried, many files at a time
interface Tried {
  what: string;
  files: Uint8Array[];
  taken: boolean;
}
let folders = 0;
function audited(options: string[], wanted: number): boolean[] {
  const said = spawnSync(audit!, [...options, "--json"], { encoding: "utf8", maxBuffer: 1 << 28 });
  const verdict = JSON.parse(said.stdout) as { sound?: boolean; verdicts?: { sound?: boolean }[] };
  const sound = (verdict.verdicts ?? [verdict]).map((one) => one.sound === true);
  if (sound.length !== wanted || (said.status === 0) !== sound.every((one) => one)) throw new Error(`${options[0]!}: ${said.stderr}`);
  return sound;
}
function agree(command: string, tried: Tried[], ...options: string[]): void {
  if (!audit) return;
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  const paths = tried.map((one, at) =>
    one.files.map((bytes, part) => {
      const path = join(folder, `${at}.${part}`);
      writeFileSync(path, bytes);
      return path;
    }));
  const sound = command === "chain"
    ? paths.map((files) => audited([command, ...files, ...options], 1)[0]!)
    : audited([command, ...paths.flat(), ...options], tried.length);
  tried.forEach((one, at) => check(`${one.what}: the audit program agrees`, sound[at] === one.taken));
}
const keys: Record<string, string[]> = {
  statement: ["--key", manifest.device_public_key],
  receipt: ["--key", manifest.office_public_key],
  checkpoint: ["--key", manifest.office_public_key, "--origin", manifest.origin],
  ledger: ["--office-key", second.hex(office.thumbprint)],
};

const vectors = new Map<string, Tried[]>();
for (const vector of manifest.vectors) {
  const bytes = file(vector.file);
  const statement = vector.statement ? file(vector.statement) : new Uint8Array();
  const taken = takes(() => readers[vector.kind]!(bytes, statement));
  check(`${vector.file}: ${taken ? "accepted" : "refused"}, the manifest says ${vector.error}`, taken === (vector.error === 0));
  vectors.set(vector.kind, [
    ...(vectors.get(vector.kind) ?? []),
    { what: vector.file, files: vector.statement ? [bytes, statement] : [bytes], taken },
  ]);
}
for (const [kind, tried] of vectors) if (keys[kind]) agree(kind, tried, ...keys[kind]);

// ---- every bit of what is accepted, changed
const kNoChange = -1;
/// `bytes` with each bit changed that comes `step` bits after the one before, and first as they are.
function* changed(bytes: Uint8Array, step: number): Generator<[Uint8Array, number]> {
  yield [bytes, kNoChange];
  for (let at = 0; at < bytes.length * 8; at += step) {
    const other = bytes.slice();
    other[at >> 3]! ^= 1 << (at & 7);
    yield [other, at];
  }
}
const bent = (kind: string, name: string, step = 1, beside: Uint8Array[] = []): void => {
  const tried: Tried[] = [];
  for (const [bytes, at] of changed(file(name), step)) {
    const taken = takes(() => readers[kind]!(bytes, beside[0] ?? bytes));
    const what = at === kNoChange ? `${name} as it is` : `${name}: byte ${at >> 3} bit ${at & 7} changed`;
    check(what, taken === (at === kNoChange));
    tried.push({ what, files: [bytes, ...beside], taken });
  }
  agree(kind, tried, ...keys[kind]!);
};
const statement = file("statement-good.hex");
bent("statement", "statement-good.hex");
bent("receipt", "receipt-good.hex", 1, [statement]);
bent("checkpoint", "checkpoint-good.hex");
// Each costs the reader nine signatures.
bent("ledger", "ledger-good.hex", 37);

// ---- chains: those of the good ledger's device, whole, broken and changed
{
  const entries = second.entriesOf(file("ledger-good.hex"));
  const [enrolment, one, two] = [entries[1]!, entries[2]!, entries[3]!];
  const stranger = file("statement-stranger.hex");
  const chain = (what: string, files: Uint8Array[], good: boolean, ...options: string[]): Tried => {
    const taken = takes(() => second.checkChain(files, options.length > 0 ? device : undefined));
    check(`chain: ${what}`, taken === good);
    return { what: `chain: ${what}`, files, taken };
  };
  agree("chain", [
    chain("whole", [enrolment, one, two], true),
    chain("the first alone", [enrolment, one], true),
    chain("the first is missing", [enrolment, two], false),
    chain("in another order", [enrolment, two, one], false),
    chain("one twice", [enrolment, one, one, two], false),
    chain("signed by a stranger", [enrolment, stranger], false),
    chain("a fork", [enrolment, one, file("change-set-number-0.hex")], false),
    chain("the enrolment again", [enrolment, one, enrolment, two], false),
    chain("an entry of the office", [entries[0]!, one, two], false),
    chain("without a key", [one, two], false),
    ...[...changed(one, 61)].map(([bytes, at]) => chain(`bit ${at} of the first changed`, [enrolment, bytes, two], at === kNoChange)),
  ]);
  const key = keys["statement"]!;
  agree("chain", [
    chain("from its second on", [two], true, ...key),
    chain("without the enrolment", [one, two], true, ...key),
    chain("turned round", [two, one], false, ...key),
  ], ...key);
}

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
const published = {
  ...example,
  manifest: `${manifestLines}\n`,
  commitment: `${drawn.c}\n`,
  secret: `${second.hex(Uint8Array.from({ length: 32 }, (_, i) => 200 + i))}\n`,
  entropy: "3.3.5./\n",
  result: drawn.result,
  "recused-later": "",
};
type Published = typeof published;
/// other: a file that has these bytes instead.
const drawAgrees = (what: string, draw: Published, good: boolean, other?: [keyof Published, Uint8Array]): void => {
  const texts = other ? { ...draw, [other[0]]: Buffer.from(other[1]).toString("utf8") } : draw;
  const taken = takes(() => second.checkDraw(texts));
  check(`draw: ${what}`, taken === good);
  if (!audit) return;
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  for (const [name, text] of Object.entries(draw)) writeFileSync(join(folder, `${name}.txt`), name === other?.[0] ? other[1] : text);
  check(`draw: ${what}: the audit program agrees`, audited(["draw", folder], 1)[0] === taken);
};
/// The same lists with something else in one of them, frozen, committed to and drawn anew: only the content is at fault.
const frozen = (change: (lists: { frame: string; pool: string; recuse: string; quota: string; team: string; entropy: string; later: string }) => void): Published => {
  const lists = { ...example, quota: "CUN:2,ZHEN:1", team: "2", entropy: "3.3.5./", later: "" };
  change(lists);
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const manifest = lines("INSPECT-DRAW-1", "draw=LX-2026-07", `quota=${lists.quota}`, `team=${lists.team}`,
    `frame=${hash(lists.frame)}`, `pool=${hash(lists.pool)}`, `recuse=${hash(lists.recuse)}`, "entropy=an event");
  const files = { frame: lists.frame, pool: lists.pool, recuse: lists.recuse, manifest };
  const secret = Uint8Array.from({ length: 32 }, (_, i) => 200 + i);
  const commitment = second.hex(second.commitmentOf(manifest, secret));
  let result = "";
  takes(() => (result = second.drawResult(files, secret, lists.entropy, lists.later).result));
  return { ...files, commitment, secret: published.secret, entropy: lists.entropy, result, "recused-later": lists.later };
};
drawAgrees("as it is", frozen(() => undefined), true);
drawAgrees("nobody recused", frozen((lists) => (lists.recuse = "")), true);
drawAgrees("teams of three", frozen((lists) => (lists.team = "3")), true);
drawAgrees("a quota of none", frozen((lists) => (lists.quota = "CUN:0,ZHEN:1")), true);
drawAgrees("a quota beyond the schools", frozen((lists) => (lists.quota = "CUN:9,ZHEN:9")), true);
// Whom the second reader takes out, it must put another in for just as the audit program does: one step after another,
// until nobody is left to put in.
for (const pool of [example.pool, lines("D1|3|1", "D2|2|0", "D3|1|0", "D4|2|1", "D5|3|0", "D6|1|1")]) {
  const later: string[] = [];
  for (let step = 0; step < 8; ++step) {
    const result = frozen((lists) => Object.assign(lists, { pool, later: lines(...later) }));
    drawAgrees(`${later.length} recused later, of ${pool.length}`, result, true);
    // The newest team of the school that was named last.
    const teams = new Map([...result.result.matchAll(/^(?:team\|([^|]+)\|([^|]+)\|.*|school\|[^|]+\|[^|]+\|([^|]+)\|X4\|.*)$/gm)].map((found) => [found[1] ?? found[3]!, found[2] ?? ""]));
    const [school, team] = [...teams].filter(([, members]) => members !== "").at(-1 - (step % 2)) ?? [];
    if (!school) break;
    later.push(`${school}|${team!.split("+")[step % 2]!}|R${(step % 5) + 1}`);
  }
}
drawAgrees("somebody recused later who is not in the team", frozen((lists) => (lists.later = "LX0002|D2|R1\n")), false);
drawAgrees("recused later for no reason", frozen((lists) => (lists.later = "LX0002|D4|R6\n")), false);
for (const [list, what, from, to] of [
  ["frame", "weight 0", "LX0001|CUN|1|E", "LX0001|CUN|0|E"],
  ["frame", "weight with a zero in front", "LX0001|CUN|1|E", "LX0001|CUN|01|E"],
  ["frame", "weight too great", "LX0001|CUN|1|E", "LX0001|CUN|10001|E"],
  ["frame", "unknown status", "LX0001|CUN|1|E", "LX0001|CUN|1|X5"],
  ["frame", "a code with a blank", "LX0001|CUN|1|E", "LX 001|CUN|1|E"],
  ["frame", "a school twice", "LX0001|CUN|1|E\n", "LX0001|CUN|1|E\nLX0001|CUN|2|E\n"],
  ["frame", "a line too much", "LX0001|CUN|1|E\n", "LX0001|CUN|1|E|\n"],
  ["frame", "not sorted", "ZX-01|ZHEN|1|E\nZX-02|ZHEN|1|E\n", "ZX-02|ZHEN|1|E\nZX-01|ZHEN|1|E\n"],
  ["frame", "no last line feed", "ZX-03|ZHEN|2|E\n", "ZX-03|ZHEN|2|E"],
  ["frame", "an empty line", "LX0001|CUN|1|E\n", "\nLX0001|CUN|1|E\n"],
  ["frame", "a stratum without a quota", "LX0001|CUN|1|E", "LX0001|XIAN|1|E"],
  ["pool", "capacity too great", "D1|3|1", "D1|10001|1"],
  ["pool", "lead neither 0 nor 1", "D1|3|1", "D1|3|2"],
  ["pool", "an inspector twice", "D1|3|1\n", "D1|2|1\nD1|3|1\n"],
  ["recuse", "an unknown inspector", "D1|LX0001|R1", "D0|LX0001|R1"],
  ["recuse", "an unknown school", "D1|LX0001|R1", "D1|LX0000|R1"],
  ["recuse", "an unknown reason", "D1|LX0001|R1", "D1|LX0001|R6"],
  ["recuse", "a pair twice", "D1|LX0001|R1\n", "D1|LX0001|R1\nD1|LX0001|R2\n"],
  ["quota", "a stratum that no school has", "CUN:2", "CUN:2,XIAN:1"],
  ["quota", "not sorted", "CUN:2,ZHEN:1", "ZHEN:1,CUN:2"],
  ["quota", "a zero in front", "CUN:2", "CUN:02"],
  ["team", "of nobody", "2", "0"],
  ["team", "of too many", "2", "21"],
  ["entropy", "not in order", "3.3.5./", "3.5.3./"],
  ["entropy", "no source", "3.3.5./", ""],
  ["entropy", "an empty source", "3.3.5./", "3.3.5.//"],
  ["entropy", "a zero in front", "3.3.5./", "03.3.5./"],
  ["entropy", "beyond 64 bits", "3.3.5./", "3.18446744073709551616./"],
] as const)
  drawAgrees(`${list}: ${what}`, frozen((lists) => {
    if (!lists[list].includes(from)) throw new Error(`${list} has no ${from}`);
    lists[list] = lists[list].replace(from, to);
  }), false);
for (const name of Object.keys(published) as (keyof Published)[])
  for (const [bytes, at] of changed(new Uint8Array(Buffer.from(published[name])), 61)) {
    // Digits that people pass on may be capitals; the files that are hashed may not.
    const capital = /^(commitment|secret)$/.test(name) && Buffer.from(bytes).toString("latin1").toLowerCase() === published[name];
    drawAgrees(`${name}: bit ${at} changed`, published, at === kNoChange || capital, [name, bytes]);
  }
for (const [name, value] of [["M", drawn.m], ["C", drawn.c], ["seed", drawn.seed]] as const)
  check(`draw: ${name}`, new RegExp(`^ {4}${name} +${value}$`, "m").test(drawPage));
for (const said of [/school\|CUN\|1\|LX0005\|X4\|/, /school\|CUN\|2\|LX0002\|SELECTED\|/, /school\|CUN\|3\|LX0003\|SELECTED\|/,
  /school\|CUN\|4\|LX0001\|RESERVE\|/, /ticket\|LX0005\|D1\|R2/, /ticket\|LX0005\|D4\|R5/, /ticket\|LX0005\|D2\|LEAD/,
  /team\|LX0002\|(D4\+D1|D1\+D4)\|D4/, /team\|LX0003\|(D4\+D1|D1\+D4)\|D4/, /team\|ZX-03\|(D1\+D2|D2\+D1)\|D1/])
  check(`draw: ${said.source}`, said.test(drawn.result));
const others = join(source, "../shared/vectors/inspect-draw-1");
if (existsSync(others)) {
  const read = (name: string): string => readFileSync(join(others, name), "utf8");
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
