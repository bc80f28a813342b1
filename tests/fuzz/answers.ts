import assert from "node:assert/strict";
import { Answers } from "../../lib/ssh/answers.ts";
import { DialError } from "../../lib/ssh/dial_error.ts";
import { judgeProbe, parseProbe } from "../../lib/ssh/probe.ts";
import type { Transport } from "../../lib/ssh/transport.ts";
import { once, pick, type Random } from "./choices.ts";
import { mutate } from "./mutate.ts";
import type { Input, Target } from "./target.ts";

const NONCE = "0123456789abcdef0123456789abcdef";
const encoder = new TextEncoder();
/** What one read(2) of a pipe may bring. */
const CHUNK = 256 * 1024;

const lines = [
  `${NONCE} probe os=Linux arch=x86_64 uid=0 root=self libc=glibc fuse=device tools=zstd,gzip fit=yes room=1000 dir=/tmp/a b\n`,
  `${NONCE} probe os=Linux arch=x86_64 uid=7 root=none fit=room room=99999999999999999999 dir=\n`,
  `${NONCE} part 18446744073709551616\n`,
  `${NONCE} ok unchecked\n`,
  `Last login: never ${NONCE} agent\n\x05\x00binary`,
  "motd \x1b[2J\x9b2J \xc2\x9b2J \r\n",
  "\n",
].map((line) => encoder.encode(line));

/** What a login says before there is a link, in the pieces in which it comes. */
export const answers: Target = {
  name: "ssh answers",

  generate(random) {
    return Array.from({ length: 1 + random.below(8) }, () => {
      const line = pick(random, lines);
      return once(random, 40) ? flood(random) : mutate(line, pick(random, lines), random);
    });
  },

  async run(input) {
    const answers = new Answers(transport(input), NONCE);
    for (let words = await answers.next(); words !== undefined; words = await answers.next()) {
      const text = words.join(" ");
      assert.ok(!hasControls(text), `a control character is let through: ${JSON.stringify(text)}`);
      judge(words);
    }
    assert.ok(answers.noise.length <= 5 && answers.noise.every((line) => line.length <= 200 && !hasControls(line)));
    assert.equal(answers.rest().length, 0);
  },
};

/** As much as a pipe gives at once, of very short or of one very long line. */
function flood(random: Random): Uint8Array {
  return new Uint8Array(CHUNK).fill(once(random, 2) ? 0x0a : 0x41);
}

function judge(words: readonly string[]): void {
  try {
    judgeProbe(parseProbe(words), { target: "there", arch: "x86_64", size: 1 << 20 });
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
  }
}

function hasControls(text: string): boolean {
  // deno-lint-ignore no-control-regex -- these are what is looked for
  return /[\x00-\x1f\x7f-\x9f]/.test(text);
}

/** Gives a piece at each reading, always in the same buffer. */
function transport(input: Input): Transport {
  const buffer = new Uint8Array(CHUNK * 2);
  let next = 0;
  return {
    read() {
      if (next === input.length) return Promise.resolve(undefined);
      const piece = input[next++];
      buffer.fill(0x2e);
      buffer.set(piece);
      return Promise.resolve(buffer.subarray(0, piece.length));
    },
    write: () => Promise.resolve(),
    closeWrite: () => {},
    kill: () => {},
    status: Promise.resolve({ code: 0 }),
  };
}
