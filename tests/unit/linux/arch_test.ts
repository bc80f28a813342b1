/**
 * The tables of both architectures, against what the C library's and the kernel's headers say. These were read with
 *
 *     gcc -nostdinc -D__aarch64__ -U__x86_64__ -isystem /usr/aarch64-linux-gnu/include -S …
 *
 * from Debian's libc6-dev-arm64-cross 2.36 and linux-libc-dev-arm64-cross 6.1, and for x86-64 from this machine's own. The
 * numbers of the calls that the runner makes are those of asm-generic/unistd.h (aarch64) and asm/unistd_64.h.
 */
import assert from "node:assert/strict";
import { arch, architectures } from "../../../lib/linux/mod.ts";

/** [x86-64, aarch64]. */
const headers = {
  capget: [125, 90],
  capset: [126, 91],
  chdir: [80, 49],
  close: [3, 57],
  closeRange: [436, 436],
  execve: [59, 221],
  fchmodat2: [452, 452],
  fcntl: [72, 25],
  getdents64: [217, 61],
  mount: [165, 40],
  openat: [257, 56],
  openat2: [437, 437],
  pidfdOpen: [434, 434],
  pivotRoot: [155, 41],
  prctl: [157, 167],
  pread64: [17, 67],
  prlimit64: [302, 261],
  renameat2: [316, 276],
  sendmsg: [46, 211],
  setgroups: [116, 159],
  setresgid: [119, 149],
  setresuid: [117, 147],
  statx: [332, 291],
  umask: [95, 166],
  umount2: [166, 39],
  write: [1, 64],
  TCGETS: [21505, 21505],
  TCSETS: [21506, 21506],
  TIOCSCTTY: [21518, 21518],
  TIOCGWINSZ: [21523, 21523],
  TIOCSWINSZ: [21524, 21524],
  TIOCNOTTY: [21538, 21538],
  O_DIRECTORY: [65536, 16384],
  O_NOFOLLOW: [131072, 32768],
  O_DIRECT: [16384, 65536],
  O_LARGEFILE: [32768, 131072],
} as const;

Deno.test("architectures has the numbers of the headers, and no others", () => {
  for (const [index, name] of (["x86_64", "aarch64"] as const).entries()) {
    const { syscall, ioctl, ...flags } = architectures[name];
    const expected = Object.fromEntries(Object.entries(headers).map(([key, values]) => [key, values[index]]));
    assert.deepEqual({ ...syscall, ...ioctl, ...flags }, expected, name);
  }
});

Deno.test("arch is this machine's", () => {
  const { stdout } = new Deno.Command("uname", { args: ["-m"] }).outputSync();
  const machine = new TextDecoder().decode(stdout).trim();
  assert.equal(arch, architectures[machine as keyof typeof architectures]);
});
