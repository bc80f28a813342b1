import { libc } from "../../../lib/linux/mod.ts";

export const USER = 65533;
const SAME = 0xffff_ffff;

/** Runs `action` with the effective ids of a user without privileges; the real ones stay, so that it ends. Needs root. */
export function asUser(action: () => void): void {
  libc().setresgid(SAME, USER, SAME);
  libc().setresuid(SAME, USER, SAME);
  try {
    action();
  } finally {
    libc().setresuid(SAME, 0, SAME);
    libc().setresgid(SAME, 0, SAME);
  }
}
