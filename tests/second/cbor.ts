// Section 1 of sync/PROTOCOL.md on top of a general CBOR library: what that library takes beyond the page is refused here,
// and whatever is accepted must come back to the byte when it is encoded.

import * as cborg from "cborg";
import type { DecodeOptions, EncodeOptions, MapSorter, OptionalTypeEncoder, TagDecoder } from "cborg/interface";
import { Refused } from "./verify.js";

const kMaxDepth = 16;

export class Tagged {
  constructor(readonly value: unknown) {}
}

const options: DecodeOptions = {
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: true,
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  tags: Object.assign([], { 18: (value: unknown) => new Tagged(value) }) as TagDecoder[],
};

function check(value: unknown, depth: number): void {
  if (depth > kMaxDepth) throw new Refused("cbor: depth");
  if (typeof value === "number" && !Number.isInteger(value)) throw new Refused("cbor: float");
  if (typeof value === "bigint" && value !== BigInt.asIntN(64, value)) throw new Refused("cbor: range");
  if (Array.isArray(value)) for (const each of value) check(each, depth + 1);
  if (value instanceof Tagged) check(value.value, depth + 1);
  if (value instanceof Map)
    for (const [key, each] of value) {
      check(key, depth + 1);
      check(each, depth + 1);
    }
}

const tagged: OptionalTypeEncoder = (value, _type, encodeOptions) => {
  if (!(value instanceof Tagged)) throw new Refused("cbor: kind");
  const inner = cborg.encode(value.value, { ...encodeOptions, ...encoding });
  return [new cborg.Token(cborg.Type.tag, 18), ...tokensOf(inner)];
};
/// Keys in the order of their encodings (RFC 8949 section 4.2.1).
const mapSorter: MapSorter = (a, b) => {
  const bytes = (entry: typeof a): Uint8Array => cborg.encode((entry[0] as cborg.Token).value);
  return Buffer.compare(bytes(a), bytes(b));
};
const encoding: EncodeOptions = { mapSorter, typeEncoders: { Object: tagged } };

function tokensOf(bytes: Uint8Array): cborg.Token[] {
  const tokenizer = new cborg.Tokenizer(bytes, {});
  const tokens: cborg.Token[] = [];
  while (!tokenizer.done()) tokens.push(tokenizer.next());
  return tokens;
}

export function encode(value: unknown): Uint8Array {
  return cborg.encode(value, encoding);
}

function first(bytes: Uint8Array): [unknown, Uint8Array] {
  try {
    const [value, rest] = cborg.decodeFirst(bytes, options);
    check(value, 1);
    const taken = bytes.subarray(0, bytes.length - rest.length);
    if (Buffer.compare(encode(value), taken) !== 0) throw new Refused("cbor: not the one form");
    return [value, rest];
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`cbor: ${(error as Error).message}`);
  }
}

export const decode = Object.assign(
  (bytes: Uint8Array): unknown => {
    const [value, rest] = first(bytes);
    if (rest.length > 0) throw new Refused("cbor: trailing");
    return value;
  },
  { first },
);
