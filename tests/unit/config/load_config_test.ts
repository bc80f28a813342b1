import assert from "node:assert/strict";
import { ConfigError, defaultConfig, loadConfig, parseConfig } from "../../../lib/config/mod.ts";

/** The one line that a user sees for this file. */
function complaint(text: string): string {
  try {
    parseConfig(text, "/home/u/.outrun/config");
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: `no complaint about ${JSON.stringify(text)}` });
}

function inFolder(test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("parseConfig() reads the original's settings", () => {
  const text = "# limits\n[cache]\npath = ~/big disk/outrun\nmax_entries = 7 ; few\r\nmax_size=21474836481\n";
  assert.deepEqual(parseConfig(text, "f"), {
    cache: { path: "~/big disk/outrun", maxEntries: 7, maxSize: 21474836481 },
  });
});

Deno.test("parseConfig() keeps the defaults of what the file does not set", () => {
  assert.deepEqual(parseConfig("", "f"), defaultConfig);
  assert.deepEqual(parseConfig("[cache]\nmax_size = 1", "f"), { cache: { ...defaultConfig.cache, maxSize: 1 } });
  assert.equal(defaultConfig.cache.maxSize, 20 * 1024 ** 3, "a file must not change the defaults");
});

Deno.test("parseConfig() names file, setting and value of a bad number", () => {
  for (const value of ["ten", "0", "-1", "1.5", "1e3", "0x10", "", "99999999999999999999", "null"]) {
    const line = JSON.stringify(`max_size = ${value}`);
    assert.equal(
      complaint(`[cache]\nmax_size = ${value}\n`),
      `Cannot use ${line} in "/home/u/.outrun/config": max_size needs a whole number above 0`,
    );
  }
  assert.match(complaint("[cache]\nmax_entries"), /max_entries needs a whole number above 0$/);
});

Deno.test("parseConfig() refuses a path that depends on a working directory", () => {
  for (const value of ["cache", "./cache", "~other/cache", ""]) {
    assert.match(complaint(`[cache]\npath = ${value}`), /: path needs a path that begins with "\/" or "~\/"$/);
  }
  assert.equal(parseConfig("[cache]\npath = /var/cache", "f").cache.path, "/var/cache");
});

Deno.test("parseConfig() refuses what it does not know, on one line", () => {
  const known = "[cache] has path, max_entries, max_size";
  const cases = {
    "[cache]\nmax_zise = 5": `"max_zise = 5" in "/home/u/.outrun/config": unknown setting; ${known}`,
    "[cache]\ntoString = 5": `"toString = 5" in "/home/u/.outrun/config": unknown setting; ${known}`,
    "[cache.old]\nmax_size = 5": `"[cache.old]" in "/home/u/.outrun/config": unknown setting; ${known}`,
    "[caches]\nmax_size = 5": `"[caches]" in "/home/u/.outrun/config": unknown section; ${known}`,
    "[empty]": `"[empty]" in "/home/u/.outrun/config": unknown section; ${known}`,
    "max_size = 5": `"max_size = 5" in "/home/u/.outrun/config": stands in no section; ${known}`,
  };
  for (const [text, message] of Object.entries(cases)) assert.equal(complaint(text), `Cannot use ${message}`);
});

Deno.test("loadConfig() does without the default file, but not without the named one", () => {
  inFolder((home) => {
    assert.deepEqual(loadConfig(undefined, home), defaultConfig);
    assert.deepEqual(loadConfig(undefined, undefined), defaultConfig);
    const missing = `${home}/none`;
    assert.throws(() => loadConfig(missing, home), {
      name: "ConfigError",
      message: `Cannot read the configuration "${missing}": no such file; name another with --config`,
    });
  });
});

Deno.test("loadConfig() prefers the named file to the one at home", () => {
  inFolder((home) => {
    Deno.mkdirSync(`${home}/.outrun`);
    Deno.writeTextFileSync(`${home}/.outrun/config`, "[cache]\nmax_entries = 1");
    Deno.writeTextFileSync(`${home}/other`, "[cache]\nmax_entries = 2");
    assert.equal(loadConfig(undefined, home).cache.maxEntries, 1);
    assert.equal(loadConfig(`${home}/other`, home).cache.maxEntries, 2);
  });
});

Deno.test("loadConfig() complains about a default file that cannot be read", () => {
  inFolder((home) => {
    Deno.mkdirSync(`${home}/.outrun/config`, { recursive: true });
    assert.throws(
      () => loadConfig(undefined, home),
      /^ConfigError: Cannot read the configuration ".*": [^\n]+; name another/,
    );
  });
});
