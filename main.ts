import { version } from "./lib/cli/mod.ts";

console.log(`outrun ${version}`);
