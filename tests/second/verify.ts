// A second reader of the protocol, written from sync/PROTOCOL.md and schema/DRAW.md and from nothing else, with other
// people's CBOR and cryptography. Everything here throws Refused with the page's reason in words.

import { decode, encode, Tagged } from "./cbor.js";
import { p256 } from "@noble/curves/nist.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

export class Refused extends Error {}

export function refuse(why: string): never {
  throw new Refused(why);
}

const utf8 = new TextEncoder();
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const same = (a: Uint8Array, b: Uint8Array): boolean => hex(a) === hex(b);
export function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

// ---- section 2: keys

export type Algorithm = -8 | -7;
export interface Key {
  algorithm: Algorithm;
  raw: Uint8Array;
  thumbprint: Uint8Array;
}

export function keyOf(algorithm: unknown, raw: unknown): Key {
  if (!(raw instanceof Uint8Array)) refuse("key: bytes");
  if (algorithm === -8) {
    if (raw.length !== 32) refuse("key: length");
    try {
      const point = ed25519.Point.fromHex(hex(raw));
      if (point.isSmallOrder()) refuse("key: small order");
    } catch {
      refuse("key: no point");
    }
    const cose = new Map<number, unknown>([[1, 1], [-1, 6], [-2, raw]]);
    return { algorithm: -8, raw, thumbprint: sha256(encode(cose)) };
  }
  if (algorithm === -7) {
    if (raw.length !== 64) refuse("key: length");
    try {
      p256.Point.fromHex("04" + hex(raw)).assertValidity();
    } catch {
      refuse("key: no point");
    }
    const cose = new Map<number, unknown>([[1, 2], [-1, 1], [-2, raw.slice(0, 32)], [-3, raw.slice(32)]]);
    return { algorithm: -7, raw, thumbprint: sha256(encode(cose)) };
  }
  refuse("key: algorithm");
}

export function verify(key: Key, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    if (key.algorithm === -8) return ed25519.verify(signature, message, key.raw, { zip215: false });
    return p256.verify(signature, sha256(message), joined(Uint8Array.of(4), key.raw), { prehash: false, lowS: false });
  } catch {
    return false;
  }
}

// ---- section 3: statements

export interface Statement {
  type: number;
  algorithm: Algorithm;
  kid: Uint8Array;
  payload: Uint8Array;
  signature: Uint8Array;
  toBeSigned: Uint8Array;
  id: Uint8Array;
}

const kTypes = { changeSet: 65001, enrolment: 65002, revocation: 65003, feedPage: 65006, draw: 65007, decision: 65008, genesis: 65009 };
const kMaxStatementBytes = 65535;
const kMaxFeedPageBytes = 8388608;

function mapOf(value: unknown, keys: number[], what: string): Map<unknown, unknown> {
  if (!(value instanceof Map)) refuse(`${what}: map`);
  if (value.size !== keys.length || keys.some((key) => !value.has(key))) refuse(`${what}: entries`);
  return value;
}
function arrayOf(value: unknown, length: number | undefined, what: string): unknown[] {
  if (!Array.isArray(value)) refuse(`${what}: array`);
  if (length !== undefined && value.length !== length) refuse(`${what}: length`);
  return value;
}
function bytesOf(value: unknown, what: string, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array)) refuse(`${what}: bytes`);
  if (length !== undefined && value.length !== length) refuse(`${what}: length`);
  return value;
}
function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") refuse(`${what}: text`);
  return value;
}
function integerOf(value: unknown, what: string): bigint {
  if (typeof value !== "number" && typeof value !== "bigint") refuse(`${what}: integer`);
  return BigInt(value);
}
function countOf(value: unknown, what: string): bigint {
  const count = integerOf(value, what);
  if (count < 0n) refuse(`${what}: negative`);
  return count;
}
function algorithmOf(value: unknown): Algorithm {
  if (value === -8 || value === -19) return -8;
  if (value === -7 || value === -9) return -7;
  refuse("algorithm");
}

const sigStructure = (header: Uint8Array, payload: Uint8Array): Uint8Array =>
  encode(["Signature1", header, new Uint8Array(), payload]);

export function parseStatement(bytes: Uint8Array): Statement {
  if (bytes.length > kMaxFeedPageBytes) refuse("statement: size");
  const tagged = decode(bytes);
  if (!(tagged instanceof Tagged)) refuse("statement: tag");
  const [header, unprotected, payload, signature] = arrayOf(tagged.value, 4, "statement");
  const headerBytes = bytesOf(header, "protected");
  if (!(unprotected instanceof Map) || unprotected.size !== 0) refuse("unprotected");
  const fields = mapOf(decode(headerBytes), [1, 4, 15, 16], "header");
  const claims = mapOf(fields.get(15), [1, 2, 6], "claims");
  for (const name of [1, 2]) {
    const length = utf8.encode(textOf(claims.get(name), "claim")).length;
    if (length < 1 || length > 200) refuse("claim: length");
  }
  countOf(claims.get(6), "iat");
  const type = Number(integerOf(fields.get(16), "typ"));
  if (type < 65001 || type > 65010) refuse("typ");
  if (type !== kTypes.feedPage && bytes.length > kMaxStatementBytes) refuse("statement: size");
  const content = bytesOf(payload, "payload");
  const toBeSigned = sigStructure(headerBytes, content);
  return {
    type,
    algorithm: algorithmOf(fields.get(1)),
    kid: bytesOf(fields.get(4), "kid", 16),
    payload: content,
    signature: bytesOf(signature, "signature", 64),
    toBeSigned,
    id: sha256(toBeSigned),
  };
}

export function checkStatement(statement: Statement, key: Key): void {
  if (!same(statement.kid, key.thumbprint.slice(0, 16))) refuse("kid");
  if (statement.algorithm !== key.algorithm) refuse("alg is not the key's");
  if (!verify(key, statement.toBeSigned, statement.signature)) refuse("signature");
}

export function openStatement(bytes: Uint8Array, type: number, key: Key): Statement {
  const statement = parseStatement(bytes);
  if (statement.type !== type) refuse("type");
  checkStatement(statement, key);
  return statement;
}

// ---- sections 4 and 5: payloads and changes

/// The tables as the pages list them.
export interface Column {
  name: string;
  type: string;
  required: boolean;
}
export interface Table {
  keyColumns: number;
  columns: Column[];
}
export function tablesOf(page: string, dictionary: string): Map<number, Table> {
  const described = new Map<string, Column>();
  for (const part of dictionary.split(/^### /m).slice(1)) {
    const table = /^`([a-z_]+)`/.exec(part)![1]!;
    for (const row of part.matchAll(/^\| `([a-z0-9_]+)` \| [^|]+ \| (TEXT|INTEGER|BLOB|any) \| ([^|]+) \|/gm))
      described.set(`${table}.${row[1]!}`, { name: row[1]!, type: row[2]!, required: row[3] === "-" });
  }
  const tables = new Map<number, Table>();
  for (const row of page.matchAll(/^\| (\d+) \| `([a-z_]+)` \| (\d+) \| ([a-z0-9_ ]+) \|$/gm)) {
    const columns = row[4]!.split(" ").map((name) => described.get(`${row[2]!}.${name}`) ?? refuse(`column ${row[2]!}.${name}`));
    tables.set(Number(row[1]), { keyColumns: Number(row[3]), columns });
  }
  return tables;
}

function checkCell(cell: unknown, column: Column): void {
  const type = typeof cell === "number" || typeof cell === "bigint" ? "INTEGER" : typeof cell === "string" ? "TEXT" : cell instanceof Uint8Array ? "BLOB" : null;
  if (type === null) {
    if (cell !== null || column.required) refuse(`${column.name}: null`);
  } else if (column.type !== "any" && column.type !== type) {
    refuse(`${column.name}: kind`);
  }
}

function cellsOf(column: unknown, rows: number): unknown[] {
  if (column instanceof Map) {
    if (column.size !== 1) refuse("column: layout");
    if (column.has(1)) return new Array<unknown>(rows).fill(column.get(1));
    if (!column.has(2)) refuse("column: layout");
    let value = 0n;
    return arrayOf(column.get(2), rows, "deltas").map((delta) => {
      value += integerOf(delta, "delta");
      if (value !== BigInt.asIntN(64, value)) refuse("delta: range");
      return value;
    });
  }
  return arrayOf(column, rows, "column");
}

export function checkChanges(value: unknown, tables: Map<number, Table>, mostRows = 20000): void {
  let last = 0;
  let all = 0;
  for (const entry of arrayOf(value, undefined, "changes")) {
    const [id, rowCount, columns, updates] = arrayOf(entry, 4, "table");
    const number = Number(integerOf(id, "table number"));
    const table = tables.get(number);
    if (number <= last || !table) refuse("table number");
    last = number;
    const rows = Number(countOf(rowCount, "rows"));
    const given = arrayOf(columns, undefined, "columns");
    const changed = arrayOf(updates, undefined, "updates");
    all += rows + changed.length;
    if (all > mostRows) refuse("rows");
    if (rows === 0 && changed.length === 0) refuse("table: empty");
    if ((rows === 0) !== (given.length === 0)) refuse("columns without rows");
    if (given.length > table.columns.length || (rows > 0 && given.length < table.keyColumns)) refuse("columns");
    const keys = new Set<string>();
    const takeKey = (cells: unknown[]): void => {
      cells.forEach((cell, at) => checkCell(cell, table.columns[at]!));
      const key = cells.map((cell) => hex(encode(cell))).join("/");
      if (keys.has(key)) refuse("key twice");
      keys.add(key);
    };
    const cells = given.map((column) => cellsOf(column, rows));
    // What an earlier program does not write is null, and must be allowed to be.
    table.columns.forEach((column, at) => {
      for (let row = 0; row < rows; ++row) checkCell(cells[at]?.[row] ?? null, column);
    });
    for (let row = 0; row < rows; ++row) takeKey(cells.slice(0, table.keyColumns).map((column) => column[row]));
    for (const update of changed) {
      const [key, values] = arrayOf(update, 2, "update");
      takeKey(arrayOf(key, table.keyColumns, "update key"));
      if (!(values instanceof Map) || values.size === 0) refuse("update");
      for (const [column, cell] of values) {
        const at = Number(integerOf(column, "update column"));
        if (at < table.keyColumns || at >= table.columns.length) refuse("update column");
        checkCell(cell, table.columns[at]!);
      }
    }
  }
}

const numbered = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

export interface Link {
  seq: bigint;
  prev: Uint8Array;
}
/// The first two fields, readable even where what follows is not.
export function readLink(payload: Uint8Array): Link {
  const fields = decode(payload);
  if (!(fields instanceof Map)) refuse("payload: map");
  const seq = countOf(fields.get(1), "seq");
  if (seq === 0n) refuse("seq");
  return { seq, prev: bytesOf(fields.get(2), "prev", 32) };
}

export function checkChangeSet(payload: Uint8Array, tables: Map<number, Table>): Link {
  const decoded = decode(payload);
  const decision = decoded instanceof Map && decoded.size === 8;
  const fields = mapOf(decoded, numbered(decision ? 8 : 6), "change set");
  const link = readLink(payload);
  const [size, root] = arrayOf(fields.get(3), 2, "seen");
  countOf(size, "seen");
  bytesOf(root, "seen", 32);
  countOf(fields.get(4), "hlc");
  const version = integerOf(fields.get(5), "schema version");
  if (version < 1n || version > 2n) refuse("schema version");
  checkChanges(fields.get(6), tables);
  if (decision) {
    textOf(fields.get(7), "actor");
    if (textOf(fields.get(8), "action") === "") refuse("action");
  }
  return link;
}

/// The change sets of one device in the order of their numbers, and nothing else: from the enrolment on, or from any place
/// of the chain where the device's key is known (section 4).
export function checkChain(statements: Uint8Array[], known?: Key): void {
  let key = known;
  let last: { seq: bigint; id: Uint8Array } | undefined;
  statements.forEach((bytes, at) => {
    const statement = parseStatement(bytes);
    if (at === 0 && statement.type === kTypes.enrolment) {
      const payload = mapOf(decode(statement.payload), numbered(7), "enrolment");
      key = keyOf(payload.get(2), payload.get(3));
      last = { seq: 0n, id: statement.id };
      return;
    }
    if (statement.type !== kTypes.changeSet) refuse("chain: type");
    if (!key) refuse("chain: no key");
    checkStatement(statement, key);
    const link = readLink(statement.payload);
    if (last && (link.seq !== last.seq + 1n || !same(link.prev, last.id))) refuse("chain: gap or fork");
    last = { seq: link.seq, id: statement.id };
  });
}

// ---- section 6: the log

export const leafHash = (entry: Uint8Array): Uint8Array => sha256(joined(Uint8Array.of(0), entry));
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(joined(Uint8Array.of(1), left, right));

/// The root over leaf hashes, RFC 9162 section 2.1.1.
export function rootOf(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array());
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

/// RFC 9162 section 2.1.3.2.
function foldPath(leaf: Uint8Array, index: bigint, size: bigint, path: Uint8Array[]): Uint8Array {
  if (index >= size) refuse("proof: index");
  let fn = index;
  let sn = size - 1n;
  let hash = leaf;
  for (const other of path) {
    if (sn === 0n) refuse("proof: too long");
    if ((fn & 1n) === 1n || fn === sn) {
      hash = nodeHash(other, hash);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      hash = nodeHash(hash, other);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) refuse("proof: too short");
  return hash;
}

function batchHeader(origin: string, registered: bigint, key: Key): Uint8Array {
  const claims = new Map<number, unknown>([[1, origin], [2, origin], [6, registered]]);
  return encode(new Map<number, unknown>([[1, key.algorithm], [4, key.thumbprint.slice(0, 16)], [15, claims], [395, 1]]));
}

export function checkReceipt(bytes: Uint8Array, statement: Uint8Array, key: Key): void {
  const tagged = decode(bytes);
  if (!(tagged instanceof Tagged)) refuse("receipt: tag");
  const [header, unprotected, payload, signature] = arrayOf(tagged.value, 4, "receipt");
  const headerBytes = bytesOf(header, "protected");
  const fields = decode(headerBytes);
  if (!(fields instanceof Map) || fields.get(395) !== 1) refuse("receipt: kind of tree");
  if (algorithmOf(fields.get(1)) !== key.algorithm) refuse("receipt: alg");
  const proofs = mapOf(mapOf(unprotected, [396], "receipt").get(396), [-1], "receipt");
  if (payload !== null) refuse("receipt: payload");
  const [proof] = arrayOf(proofs.get(-1), 1, "proofs");
  const [size, index, hashes] = arrayOf(decode(bytesOf(proof, "proof")), 3, "proof");
  const path = arrayOf(hashes, undefined, "path").map((hash) => bytesOf(hash, "path", 32));
  const root = foldPath(leafHash(statement), countOf(index, "index"), countOf(size, "size"), path);
  if (!verify(key, sigStructure(headerBytes, root), bytesOf(signature, "signature", 64))) refuse("receipt: signature");
}

export interface Checkpoint {
  size: bigint;
  root: Uint8Array;
}

function fromBase64(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  if (Buffer.from(bytes).toString("base64") !== text) refuse("base64");
  return bytes;
}

export function openCheckpoint(bytes: Uint8Array, origin: string, key: Key): Checkpoint {
  if (bytes.length > 16384) refuse("checkpoint: size");
  const note = Buffer.from(bytes).toString("utf8");
  if (!same(utf8.encode(note), bytes)) refuse("checkpoint: UTF-8");
  const blank = note.indexOf("\n\n");
  if (blank < 0) refuse("checkpoint: no signature");
  const signed = note.slice(0, blank + 1);
  const [name, size, root] = signed.split("\n");
  if (name !== origin) refuse("checkpoint: origin");
  if (!size || !/^(0|[1-9][0-9]*)$/.test(size) || !root) refuse("checkpoint: size");
  const id = sha256(joined(utf8.encode(origin), Uint8Array.of(0x0a, 1), key.raw)).slice(0, 4);
  const lines = note.slice(blank + 2).split("\n");
  if (lines.pop() !== "" || lines.length === 0) refuse("checkpoint: lines");
  let sound = false;
  for (const line of lines) {
    const parts = /^— (\S+) (\S+)$/u.exec(line);
    if (!parts) refuse("checkpoint: signature line");
    const blob = fromBase64(parts[2]!);
    if (parts[1] === origin && same(blob.slice(0, 4), id) && verify(key, utf8.encode(signed), blob.slice(4))) sound = true;
  }
  if (!sound) refuse("checkpoint: signature");
  const hash = fromBase64(root);
  if (hash.length !== 32) refuse("checkpoint: root");
  return { size: BigInt(size), root: hash };
}

export function checkLedger(file: Uint8Array, pinned: Uint8Array, tables: Map<number, Table>): { statements: number } {
  const items = decodeSequence(file);
  const [zero, head] = arrayOf(items.shift(), 2, "ledger head");
  if (zero !== 0) refuse("ledger: head");
  const fields = mapOf(head, [1, 2, 3, 4], "ledger head");
  if (fields.get(1) !== "dudao-ledger-1") refuse("ledger: format");
  const origin = textOf(fields.get(2), "origin");
  const office = keyOf(fields.get(3), fields.get(4));
  if (!same(office.thumbprint, pinned)) refuse("ledger: not the pinned key");

  const leaves: Uint8Array[] = [];
  const devices = new Map<string, { key: Key; seq: bigint; head: Uint8Array; cut?: bigint }>();
  const byNumber = new Map<string, string>();
  let officeSeq = 0n;
  let officeHead: Uint8Array = new Uint8Array(32);
  let batched = 0n;
  let ended = false;

  const entry = (bytes: Uint8Array): void => {
    const statement = parseStatement(bytes);
    if ((leaves.length === 0) !== (statement.type === kTypes.genesis)) refuse("ledger: genesis");
    if (statement.type === kTypes.changeSet) {
      const author = devices.get(hex(statement.kid));
      if (!author) refuse("ledger: unknown author");
      checkStatement(statement, author.key);
      const link = readLink(statement.payload);
      if (author.cut !== undefined && link.seq > author.cut) refuse("ledger: past the cut");
      if (link.seq !== author.seq + 1n || !same(link.prev, author.head)) refuse("ledger: chain");
      author.seq = link.seq;
      author.head = statement.id;
      return;
    }
    checkStatement(statement, office);
    const payload = decode(statement.payload);
    if (!(payload instanceof Map)) refuse("payload: map");
    if (statement.type === kTypes.genesis) {
      mapOf(payload, numbered(4), "genesis");
      if (payload.get(1) !== origin) refuse("ledger: origin");
      officeHead = statement.id;
    } else if (statement.type === kTypes.enrolment) {
      mapOf(payload, numbered(7), "enrolment");
      const key = keyOf(payload.get(2), payload.get(3));
      const kid = hex(key.thumbprint.slice(0, 16));
      if (devices.has(kid)) refuse("ledger: key twice");
      devices.set(kid, { key, seq: 0n, head: statement.id });
      byNumber.set(String(integerOf(payload.get(1), "device")), kid);
    } else if (statement.type === kTypes.revocation) {
      mapOf(payload, numbered(5), "revocation");
      const device = devices.get(byNumber.get(String(integerOf(payload.get(1), "device"))) ?? "");
      if (!device) refuse("ledger: revoked device");
      device.cut = countOf(payload.get(2), "cut");
    } else if (statement.type === kTypes.decision) {
      const link = checkChangeSet(statement.payload, tables);
      if (link.seq !== officeSeq + 1n || !same(link.prev, officeHead)) refuse("ledger: the office's chain");
      officeSeq = link.seq;
      officeHead = statement.id;
    } else if (statement.type === kTypes.draw) {
      mapOf(payload, numbered(11), "draw step");
    } else {
      refuse("ledger: type");
    }
  };

  for (const item of items) {
    if (ended) refuse("ledger: after the end");
    const record = arrayOf(item, undefined, "record");
    if (record[0] === 1 && record.length === 2) {
      const bytes = bytesOf(record[1], "entry");
      entry(bytes);
      leaves.push(leafHash(bytes));
    } else if (record[0] === 2 && record.length === 4) {
      const size = countOf(record[1], "batch");
      if (size !== BigInt(leaves.length) || size <= batched) refuse("ledger: batch");
      batched = size;
      const registered = countOf(record[2], "registered");
      if (registered % 1000n !== 0n) refuse("ledger: not a whole second");
      const header = batchHeader(origin, registered / 1000n, office);
      if (!verify(office, sigStructure(header, rootOf(leaves)), bytesOf(record[3], "signature", 64))) refuse("ledger: batch signature");
    } else if (record[0] === 3 && record.length === 2) {
      ended = true;
      const checkpoint = openCheckpoint(utf8.encode(textOf(record[1], "checkpoint")), origin, office);
      if (checkpoint.size !== BigInt(leaves.length) || !same(checkpoint.root, rootOf(leaves))) refuse("ledger: checkpoint");
      if (batched !== checkpoint.size) refuse("ledger: entries without a batch");
    } else {
      refuse("ledger: record");
    }
  }
  if (!ended) refuse("ledger: no end");
  return { statements: leaves.length };
}

/// The statements of a ledger file in order, unchecked.
export function entriesOf(file: Uint8Array): Uint8Array[] {
  return decodeSequence(file)
    .map((item) => arrayOf(item, undefined, "record"))
    .filter((record) => record[0] === 1)
    .map((record) => bytesOf(record[1], "entry"));
}

function decodeSequence(file: Uint8Array): unknown[] {
  const items: unknown[] = [];
  let rest = file;
  while (rest.length > 0) {
    const [value, remainder] = decode.first(rest);
    items.push(value);
    rest = remainder;
  }
  return items;
}

// ---- schema/DRAW.md

export interface DrawFiles {
  manifest: string;
  frame: string;
  pool: string;
  recuse: string;
}

const ascii = (text: string): Uint8Array => utf8.encode(text);
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const kCode = /^[A-Z0-9-]{1,64}$/;

function codeOf(text: string, what: string): string {
  if (!kCode.test(text)) refuse(`draw: ${what}`);
  return text;
}
function numberOf(text: string, least: number, most: number, what: string): number {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text) || Number(text) < least || Number(text) > most) refuse(`draw: ${what}`);
  return Number(text);
}

/// Lines of a list: each with so many fields, sorted by their bytes, no two of them with the same first `keys` fields.
function linesOf(text: string, fields: number, keys: number): string[][] {
  if (text === "") return [];
  if (!text.endsWith("\n")) refuse("draw: last line");
  const lines = text.slice(0, -1).split("\n");
  for (let i = 1; i < lines.length; ++i) if (lines[i - 1]! >= lines[i]!) refuse("draw: order");
  const seen = new Set<string>();
  return lines.map((line) => {
    const parts = line.split("|");
    if (parts.length !== fields) refuse("draw: line");
    const key = parts.slice(0, keys).join("|");
    if (seen.has(key)) refuse("draw: twice");
    seen.add(key);
    return parts;
  });
}

export const commitmentOf = (manifest: string, secret: Uint8Array): Uint8Array =>
  sha256(joined(ascii("INSPECT-DRAW-1|commit\n"), sha256(utf8.encode(manifest)), secret));

/// The text of result.txt as the steps of the page give it; later: recusals after the draw, school|inspector|reason, in
/// the order decided.
export function drawResult(files: DrawFiles, secret: Uint8Array, entropy: string, later = ""): { m: string; c: string; seed: string; result: string } {
  const [format, ...settings] = files.manifest.split("\n");
  if (format !== "INSPECT-DRAW-1" || settings.pop() !== "" || settings.length !== 7) refuse("draw: manifest");
  const setting = (at: number, name: string): string => {
    const line = settings[at]!;
    if (!line.startsWith(`${name}=`)) refuse(`draw: ${name}`);
    return line.slice(name.length + 1);
  };
  const draw = setting(0, "draw");
  codeOf(draw, "code");
  const quotas = setting(1, "quota").split(",").map((part) => part.split(":"));
  if (quotas.some((parts) => parts.length !== 2)) refuse("draw: quota");
  quotas.forEach((parts, at) => {
    codeOf(parts[0]!, "stratum");
    numberOf(parts[1]!, 0, 1000000, "quota");
    if (at > 0 && quotas[at - 1]![0]! >= parts[0]!) refuse("draw: order of quotas");
  });
  const quota = new Map(quotas as [string, string][]);
  const team = numberOf(setting(2, "team"), 1, 20, "team");
  const event = utf8.encode(setting(6, "entropy"));
  if (event.length < 1 || event.length > 500 || /[\u0000-\u001f\u007f]/.test(setting(6, "entropy"))) refuse("draw: event");
  for (const [at, name] of [[3, "frame"], [4, "pool"], [5, "recuse"]] as const)
    if (setting(at, name) !== hex(sha256(ascii(files[name])))) refuse(`draw: hash of ${name}`);

  const m = sha256(utf8.encode(files.manifest));
  const c = commitmentOf(files.manifest, secret);
  const seed = sha256(joined(ascii("INSPECT-DRAW-1|seed\n"), m, secret, ascii(entropy)));
  const ticket = (key: Uint8Array, message: string): string => hex(hmac(sha256, key, ascii(message)));

  const schools = linesOf(files.frame, 4, 1).map(([school, stratum, weight, status]) => {
    if (!/^(E|X[1-4])$/.test(status!)) refuse("draw: status");
    return { school: codeOf(school!, "school"), stratum: codeOf(stratum!, "stratum"), weight: numberOf(weight!, 1, 10000, "weight"), status: status! };
  });
  const inspectors = linesOf(files.pool, 3, 1).map(([code, capacity, lead]) => {
    if (lead !== "0" && lead !== "1") refuse("draw: lead");
    return { code: codeOf(code!, "inspector"), capacity: numberOf(capacity!, 0, 10000, "capacity"), lead: lead === "1", visits: 0 };
  });
  const strata = new Set(schools.map((school) => school.stratum));
  if (strata.size !== quota.size || [...strata].some((stratum) => !quota.has(stratum))) refuse("draw: quotas are not of the strata");
  const recused = new Map(linesOf(files.recuse, 3, 2).map(([inspector, school, reason]) => {
    if (!/^R[1-5]$/.test(reason!)) refuse("draw: reason");
    if (!inspectors.some((one) => one.code === inspector) || !schools.some((one) => one.school === school)) refuse("draw: unknown");
    return [`${inspector}|${school}`, reason!];
  }));

  interface Listed {
    school: string;
    rank: number;
    key: string;
    state: "RESERVE" | "SELECTED" | "X4";
    tickets: string[];
    team: typeof inspectors;
  }
  const leaderOf = (school: Listed): string => school.team.find((inspector) => inspector.lead)!.code;
  const body: string[] = [];
  const tell = (stratum: string, school: Listed): void => {
    body.push(`school|${stratum}|${school.rank}|${school.school}|${school.state}|${school.key}`, ...school.tickets);
    if (school.team.length > 0)
      body.push(`team|${school.school}|${school.team.map((one) => one.code).join("+")}|${leaderOf(school)}`);
  };
  /// Step 6, also for a team that lost somebody: what is left of it stays unless nobody fits.
  const ask = (school: Listed): void => {
    const before = school.team;
    const asked = inspectors
      .map((inspector) => ({ inspector, key: ticket(seed, `I|${draw}|${school.school}|${inspector.code}`) }))
      .sort((a, b) => order(a.key, b.key) || order(a.inspector.code, b.inspector.code));
    const chosen = [...before];
    school.tickets = [];
    for (const { inspector } of asked) {
      if (chosen.length === team) break;
      const reason = recused.get(`${inspector.code}|${school.school}`);
      const log = (what: string): void => void school.tickets.push(`ticket|${school.school}|${inspector.code}|${what}`);
      if (before.includes(inspector)) log("TEAM");
      else if (reason !== undefined) log(reason);
      else if (inspector.visits >= inspector.capacity) log("CAP");
      else if (chosen.length === team - 1 && !inspector.lead && !chosen.some((one) => one.lead)) log("LEAD");
      else {
        log("OK");
        chosen.push(inspector);
      }
    }
    const full = chosen.length === team;
    for (const inspector of full ? chosen.slice(before.length) : before) inspector.visits += full ? 1 : -1;
    school.state = full ? "SELECTED" : "X4";
    school.team = full ? chosen : [];
  };
  /// Step 5 for one stratum; returns the schools that were asked.
  const fill = (stratum: string, listed: Listed[]): Listed[] => {
    const asked: Listed[] = [];
    for (const school of listed.filter((one) => one.state === "RESERVE")) {
      if (listed.filter((one) => one.state === "SELECTED").length === Number(quota.get(stratum))) break;
      const left = inspectors.filter((inspector) => inspector.visits < inspector.capacity);
      if (left.length < team || !left.some((inspector) => inspector.lead)) break;
      ask(school);
      asked.push(school);
    }
    return asked;
  };

  const strataInOrder = [...quota.keys()].sort(order).map((stratum) => {
    const listed = schools
      .filter((school) => school.stratum === stratum && school.status === "E")
      .map((school): Listed => {
        let key = "";
        for (let j = 0; j < school.weight; ++j) {
          const one = ticket(seed, `S|${draw}|${stratum}|${school.school}|${j}`);
          if (key === "" || one < key) key = one;
        }
        return { school: school.school, rank: 0, key, state: "RESERVE", tickets: [], team: [] };
      })
      .sort((a, b) => order(a.key, b.key) || order(a.school, b.school));
    listed.forEach((school, at) => (school.rank = at + 1));
    return { stratum, listed };
  });
  // What is not enough for a team once is not enough for any school that follows: counts only rise.
  for (const { stratum, listed } of strataInOrder) fill(stratum, listed);
  for (const { stratum, listed } of strataInOrder) {
    body.push(`stratum|${stratum}|${quota.get(stratum)}|${listed.filter((one) => one.state === "SELECTED").length}`);
    for (const school of listed) tell(stratum, school);
  }
  for (const line of later === "" ? [] : later.replace(/\n$/, "").split("\n")) {
    const [school, inspector, reason, more] = line.split("|");
    if (more !== undefined || !/^R[1-5]$/.test(reason ?? "")) refuse("draw: later recusal");
    const { stratum, listed } = strataInOrder.find((one) => one.listed.some((of) => of.school === school)) ?? refuse("draw: later recusal's school");
    const at = listed.find((one) => one.school === school)!;
    const member = at.team.find((one) => one.code === inspector) ?? refuse("draw: not in the team");
    member.visits -= 1;
    at.team = at.team.filter((one) => one !== member);
    recused.set(`${inspector}|${school}`, reason!);
    ask(at);
    body.push(`recuse|${school}|${inspector}|${reason}`);
    tell(stratum, at);
    if (at.state === "X4") for (const one of fill(stratum, listed)) tell(stratum, one);
  }
  const head = ["INSPECT-DRAW-1|result", `draw|${draw}`, `manifest|${hex(m)}`, `seed|${hex(seed)}`];
  return { m: hex(m), c: hex(c), seed: hex(seed), result: [...head, ...body].join("\n") + "\n" };
}

/// A draw as it was published when all was over: that the secret is the one committed to, that the event's numbers have
/// their one spelling, and that the result follows.
export interface PublishedDraw extends DrawFiles {
  commitment: string;
  secret: string;
  entropy: string;
  result: string;
  "recused-later": string;
}
export function checkDraw(published: PublishedDraw): void {
  const line = (text: string): string => text.replace(/[\r\n]+$/, "");
  const hexOf = (text: string, what: string): Uint8Array => {
    if (!/^([0-9a-f]{2}){32}$/i.test(line(text))) refuse(`draw: ${what}`);
    return new Uint8Array(Buffer.from(line(text), "hex"));
  };
  const secret = hexOf(published.secret, "secret");
  const entropy = line(published.entropy);
  const sources = entropy.split("/");
  if (sources.pop() !== "" || sources.length < 1 || sources.length > 100) refuse("draw: event's numbers");
  for (const source of sources) {
    const numbers = source.split(".");
    if (numbers.pop() !== "" || numbers.length < 1 || numbers.length > 100) refuse("draw: event's numbers");
    numbers.forEach((number, at) => {
      if (!/^(0|[1-9][0-9]{0,19})$/.test(number) || BigInt(number) >= 1n << 64n) refuse("draw: event's numbers");
      if (at > 0 && BigInt(numbers[at - 1]!) > BigInt(number)) refuse("draw: order of the event's numbers");
    });
  }
  const drawn = drawResult(published, secret, entropy, published["recused-later"]);
  if (drawn.c !== hex(hexOf(published.commitment, "commitment"))) refuse("draw: commitment");
  if (drawn.result !== published.result) refuse("draw: result");
}
