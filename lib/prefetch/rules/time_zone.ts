import type { ByteString } from "../../bytes/mod.ts";
import { path } from "../paths.ts";
import type { Program } from "../program.ts";
import type { Rule } from "../rule.ts";

/** tzset(3), by whatever function it is called. */
export const timeZoneRule: Rule = {
  name: "time zone",

  applies(program: Program): boolean {
    return program.libraries?.uses("tzset", "localtime", "localtime_r", "mktime", "strftime") === true;
  },

  plan(program: Program): void {
    const zone = program.variable("TZ");
    if (zone === undefined) program.content(path`/etc/localtime`);
    else if (zone !== "") wantZone(program, zone.replace(/^:/, "") as ByteString);
  },
};

/** A rule like "CET-1CEST" is looked for as a file, too. */
function wantZone(program: Program, zone: ByteString): void {
  if (zone.startsWith("/")) program.content(zone);
  else program.content(path`${program.nonEmpty("TZDIR") ?? path`/usr/share/zoneinfo`}/${zone}`);
}
