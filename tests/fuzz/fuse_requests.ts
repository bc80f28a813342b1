import assert from "node:assert/strict";
import type { FileSystem } from "../../lib/fuse/mod.ts";
import { Opcode } from "../../lib/fuse/abi.ts";
import { Errno, ErrnoError } from "../../lib/linux/mod.ts";
import { pick, type Random, Script } from "./choices.ts";
import { FakeKernel } from "./fake_kernel.ts";
import { KernelRequests } from "./kernel_requests.ts";
import { join, mutate } from "./mutate.ts";
import type { Target } from "./target.ts";

const MESSAGES = 60;
const opcodes = Object.values(Opcode).filter((opcode) => opcode !== Opcode.FUSE_INIT);
/** Have no answer. */
const oneWay: readonly number[] = [Opcode.FUSE_FORGET, Opcode.FUSE_BATCH_FORGET, Opcode.FUSE_INTERRUPT];
const requests = new KernelRequests({ nodes: [1, 2], files: [], directories: [], cookies: [3n] });

/** The kernel's requests, cut, lengthened and made of any bytes. A message: u8 opcode, u8 node, then the body. */
export const fuseRequests: Target = {
  name: "fuse requests",

  generate(random: Random) {
    return Array.from({ length: MESSAGES }, () => {
      const valid = requests.next(new Script(random.bytes(64)));
      const opcode = random.below(8) === 0 ? pick(random, opcodes) : valid.opcode;
      const body = random.below(4) === 0 ? valid.body : mutate(valid.body.subarray(0, 300), random.bytes(100), random);
      return join(Uint8Array.of(opcode, valid.nodeId), body);
    });
  },

  run(input) {
    const kernel = new FakeKernel(refusing());
    try {
      for (const message of input) {
        const [opcode, nodeId] = message;
        const request = { opcode, nodeId, body: message.subarray(2), most: 0 };
        if (oneWay.includes(opcode)) kernel.tell(opcode, nodeId, request.body);
        else kernel.send(request);
        kernel.receive();
        assert.equal(kernel.waiting, 0, `no answer to opcode ${opcode}`);
        for (const line of kernel.lines.splice(0)) assert.match(line, /DecodeError/);
      }
    } finally {
      kernel.close();
    }
  },
};

/** A file system that looks at what it is asked, and does nothing. */
function refusing(): FileSystem {
  const refuse = (...args: unknown[]) => {
    for (const arg of args.slice(0, 3)) checkDecoded(arg);
    throw new ErrnoError(Errno.EPERM, "do anything");
  };
  const methods: Record<string, unknown> = { forget: () => {}, releasedir: () => {}, release: () => {} };
  return new Proxy({} as FileSystem, { get: (_, name) => methods[String(name)] ?? refuse });
}

/** Numbers are numbers, and names are not empty and end before their NUL. */
function checkDecoded(value: unknown): void {
  if (typeof value === "number") assert.ok(Number.isInteger(value), `${value} is taken for a number`);
  if (typeof value === "string") assert.ok(value.length > 0 && !value.includes("\0"), "a name that is none");
  const isPlain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (isPlain) { for (const inner of Object.values(value)) checkDecoded(inner); }
}
