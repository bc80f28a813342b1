/** Files of tests, by their paths below this folder, that are run by themselves: they count what a whole worker holds. */
export const apart: readonly string[] = ["agent/read_ahead_test.ts"];
